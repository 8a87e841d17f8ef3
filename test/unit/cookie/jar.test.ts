/** Visits to a browser's cookie jar: one at a time, each for as long as its last request may last. */
import { describe, expect, it } from "vitest";
import { enter, JarBusy, noteIn, type Visit } from "../../../src/cookie/jar.ts";
import { shelfIn } from "../../../src/guard/shelf.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Exchange, TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";

const KEY = "jar|here";

interface Jar {
  readonly clock: ManualClock;
  readonly store: TokenStore;
  enter(patience?: number, store?: TokenStore): Promise<Visit>;
  note(): Promise<ReturnType<typeof noteIn>>;
}

function jarIn(): Jar {
  const clock = manualClock();
  const store = memoryStore();
  return {
    clock,
    store,
    enter(patience = 60_000, by = store) {
      const exchange: Exchange = {
        signal: new AbortController().signal,
        fetch: async () => new Response(),
        now: clock.now,
        context: { ...shelfIn(by, "a|b|c"), key: "a|b|c", clock, isClosed: () => false },
      };
      return enter(KEY, exchange, patience);
    },
    note: async () => noteIn(await store.read(KEY)),
  };
}

const nothing = async (): Promise<void> => {};

describe("a visit", () => {
  it("is waited for by running time too, from its last request on [P10 F103]", async () => {
    const jar = jarIn();
    const first = await jar.enter();
    let isIn = false;
    const second = jar.enter().then((visit) => ((isIn = true), visit));
    await jar.clock.advance(14_000);
    await first.send(nothing);
    await jar.clock.advance(16_500);
    expect(isIn).toBe(false);
    await jar.clock.advance(1_000);
    expect(isIn).toBe(true);
    await expect(first.send(nothing)).rejects.toBeInstanceOf(JarBusy);
    await (await second).leave();
  });

  it("holds though a clock steps, and no step keeps the next one waiting [P15]", async () => {
    const jar = jarIn();
    await jar.enter();
    let isIn = false;
    void jar.enter().then(() => (isIn = true));
    await jar.clock.advance(1_000);
    jar.clock.jump(-3_600_000);
    await jar.clock.advance(15_000);
    expect(isIn).toBe(false);
    await jar.clock.advance(2_000);
    expect(isIn).toBe(true);
  });

  it.each(["is there", "has left"])(
    "that was overtaken writes nothing over what the next one notes, which %s [P3 P8]",
    async (where) => {
      const jar = jarIn();
      const slept = await jar.enter();
      await jar.clock.advance(17_500);
      const next = await jar.enter();
      next.change({ owner: "bob's", liveSince: 7 });
      await next.send(nothing);
      if (where === "has left") await next.leave();
      const before = await jar.store.read(KEY);
      slept.change({ owner: undefined, liveSince: undefined, isOwed: true });
      await slept.leave();
      expect(await jar.store.read(KEY)).toEqual(before);
      expect(await jar.note()).toMatchObject({ owner: "bob's", liveSince: 7 });
    },
  );

  it("whose last write came though its answer was lost is given back [P10]", async () => {
    const jar = jarIn();
    let isLost = false;
    const store: TokenStore = {
      ...jar.store,
      async write(...given) {
        const isWritten = await jar.store.write(...given);
        if (!isLost) return isWritten;
        isLost = false;
        throw new Error("lost");
      },
    };
    const visit = await jar.enter(0, store);
    isLost = true;
    visit.change({ owner: "ada's" });
    await expect(visit.send(nothing)).rejects.toMatchObject({ code: "store_unavailable" });
    await visit.leave();
    expect(await jar.store.head(KEY)).toMatchObject({ attemptId: undefined });
    await jar.enter(0);
  });
});

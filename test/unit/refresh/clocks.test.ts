/** Machines whose wall clocks differ: a living exchange is not taken for a dead one. */
import { describe, expect, it } from "vitest";
import { createVault } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Clock, TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock, settle } from "../../support/clock.ts";
import { acme, fakeApi, never } from "../../support/fake-api.ts";
import {
  type Bench,
  bench,
  type BenchOptions,
  closedAfter,
  refreshes,
  signedIn,
  VMS,
} from "../../support/vault.ts";
import { HOUR, MINUTE, outcome, SECOND, slowly, within } from "./faulty-parts.ts";

/** The same running time, another wall clock. */
const skewed = (clock: ManualClock, ms: number): ManualClock => ({
  ...clock,
  now: () => clock.now() + ms,
});

interface Machines {
  readonly clock: ManualClock;
  readonly api: Bench["api"];
  readonly one: Bench;
  /** Opens the other machine's vault; its wall clock is `ahead` of the one's. */
  readonly other: () => Bench;
}

/** Two machines that share a store: the one is signed in. */
async function machines(ahead: number, options: BenchOptions = {}): Promise<Machines> {
  const clock = manualClock();
  const api = fakeApi();
  const store: TokenStore = { ...memoryStore(), shared: "everywhere" };
  // Its own way to the store, which a test may cut.
  const one = await signedIn({ ...options, api, clock, store: { ...store } });
  const other = (): Bench => {
    const made = bench({ ...options, api, store, clock: skewed(clock, ahead) });
    return made;
  };
  return { clock, api, one, other };
}

/** The time at which the token has ended for both. */
const pastEnd = (ahead: number): number => HOUR + Math.max(0, -ahead) + SECOND;

const steps = [
  -MINUTE,
  -20 * SECOND,
  -5 * SECOND,
  5 * SECOND,
  18 * SECOND,
  20 * SECOND,
  MINUTE,
  4 * MINUTE,
];

describe("a machine whose wall clock differs", () => {
  it.each(steps)(
    "by %i ms does not take over an exchange that is alive, strict [F60 P2]",
    async (ahead) => {
      const { clock, api, one, other: make } = await machines(ahead);
      const other = make();
      await clock.advance(pastEnd(ahead));
      api.refresh = slowly(clock, 12 * SECOND, api.refresh);
      const calls = [outcome(one.vault.getToken())];
      await clock.advance(100);
      calls.push(outcome(other.vault.getToken()));
      expect(await within(clock, MINUTE, Promise.all(calls))).toEqual([
        "access-2-secret",
        "access-2-secret",
      ]);
      expect(refreshes({ api })).toBe(1);
    },
  );

  it.each(steps)("by %i ms does not do so, though it comes late to it [F60 P2]", async (ahead) => {
    const { clock, api, one, other: make } = await machines(ahead);
    await clock.advance(pastEnd(ahead));
    api.refresh = slowly(clock, 14 * SECOND, api.refresh);
    const calls = [outcome(one.vault.getToken())];
    await clock.advance(10 * SECOND);
    calls.push(outcome(make().vault.getToken()));
    expect(await within(clock, MINUTE, Promise.all(calls))).toEqual([
      "access-2-secret",
      "access-2-secret",
    ]);
    expect(refreshes({ api })).toBe(1);
  });

  it.each(steps)(
    "by %i ms does so 15 seconds and a margin after it saw the intent of one that is gone [F60 P10]",
    async (ahead) => {
      const { clock, api, one, other: make } = await machines(ahead);
      await clock.advance(pastEnd(ahead));
      const { refresh } = api;
      api.refresh = never;
      void outcome(one.vault.getToken());
      await clock.advance(100);
      // Gone, in the middle of it.
      for (const name of ["read", "head", "write"] as const)
        Object.assign(one.store, { [name]: () => new Promise(() => {}) });
      await clock.advance(16 * SECOND);
      api.refresh = refresh;
      const other = make();
      const from = clock.running();
      const call = outcome(other.vault.getToken());
      expect(await within(clock, MINUTE, call)).toBe("access-2-secret");
      expect(clock.running() - from).toBeLessThanOrEqual(20 * SECOND);
    },
  );

  it("takes an intent over at once that is five minutes past its deadline by its own wall clock [F60]", async () => {
    const { clock, api, one, other: make } = await machines(0);
    const { store } = one;
    await clock.advance(HOUR);
    await plant(store, clock.now() - 6 * MINUTE);
    const from = clock.running();
    const other = make();
    expect(await within(clock, MINUTE, outcome(other.vault.getToken()))).toBe("access-2-secret");
    // Five seconds for what may still be travelling, and a second for the peers.
    expect(clock.running() - from).toBeLessThan(8 * SECOND);
    expect(refreshes({ api })).toBe(1);
  });
});

/** An intent of a context that is gone, written as if at `firstSentAt` by the wall clock here. */
async function plant(store: TokenStore, firstSentAt: number): Promise<void> {
  const [key] = await store.list("");
  const record = (await store.read(key!))!;
  const revision = record.revision + 1;
  const intent = {
    attemptId: "gone",
    attempt: 1,
    // Both names: the record's form changes.
    startedAt: firstSentAt,
    firstSentAt,
    deadline: firstSentAt + 15 * SECOND,
    repeated: false,
  };
  const body = { ...(record.body as object), revision, intent };
  expect(await store.write(key!, { ...record, revision, attemptId: "gone", body }, record)).toBe(
    true,
  );
}

describe("a reuse window between machines", () => {
  const windowed = { provider: acme({ reuseWindow: 30 * SECOND }) };

  it.each([-35, -20, -5, 0, 5])(
    "counts as closed where nobody here has seen the record without the intent (%i s ahead) [F60 P2]",
    async (seconds) => {
      const ahead = seconds * SECOND;
      const { clock, api, one, other: make } = await machines(ahead, windowed);
      await clock.advance(2_850 * SECOND);
      // Sent 45 s ago, by the clock of the machine that is gone: its window is closed.
      await plant(one.store, clock.now() - 45 * SECOND);
      const other = make();
      for (let times = 0; times < 10; times++) {
        // The token is good, and a replay might end it.
        expect((await within(clock, SECOND, other.vault.fetch(VMS))).status).toBe(200);
        await clock.advance(5 * SECOND);
      }
      await settle();
      expect(refreshes({ api })).toBe(0);
    },
  );

  it("is measured from the last look without the intent, whatever the wall clock says [F60 P2]", async () => {
    const { clock, api, one, other: make } = await machines(-80 * SECOND, windowed);
    const other = make();
    await clock.advance(2_790 * SECOND);
    expect((await within(clock, SECOND, other.vault.fetch(VMS))).status).toBe(200);
    await clock.advance(5 * SECOND);
    await plant(one.store, clock.now());
    // Eighty-five seconds later, which are five by the wall clock of the other.
    await clock.advance(85 * SECOND);
    for (let times = 0; times < 3; times++) {
      expect((await within(clock, SECOND, other.vault.fetch(VMS))).status).toBe(200);
      await clock.advance(2 * SECOND);
    }
    expect(refreshes({ api })).toBe(0);
  });
});

describe("one machine whose clock is set", () => {
  it.each([-10 * 365 * 24 * HOUR, -HOUR, 20 * SECOND, HOUR, 10 * 365 * 24 * HOUR])(
    "by %i ms in mid-exchange: the exchange of another context is not taken over [F60 F16]",
    async (step) => {
      const clock = manualClock();
      const store: TokenStore = { ...memoryStore(), shared: "origin" };
      const one = await signedIn({ clock, store });
      const { api } = one;
      const other = bench({ api, clock, store });
      await clock.advance(HOUR);
      api.refresh = slowly(clock, 12 * SECOND, api.refresh);
      const calls = [one, other].map(({ vault }) => outcome(vault.getToken()));
      await clock.advance(2 * SECOND);
      clock.jump(step);
      await within(clock, MINUTE, Promise.all(calls));
      expect(refreshes({ api })).toBe(1);
    },
  );
});

/** A clock of an application's class: its methods need their `this`. */
class OwnClock implements Clock {
  readonly #inner: ManualClock;
  constructor(inner: ManualClock) {
    this.#inner = inner;
  }
  now(): number {
    return this.#inner.now();
  }
  running(): number {
    return this.#inner.running();
  }
  setTimeout(callback: () => void, ms: number): unknown {
    return this.#inner.setTimeout(callback, ms);
  }
  clearTimeout(handle: unknown): void {
    this.#inner.clearTimeout(handle);
  }
}

it("a clock of an application's own class serves each call, also one that waits for a token [P10]", async () => {
  const inner = manualClock();
  const { api, store } = await signedIn({ clock: inner });
  const given = { provider: acme(), store, fetch: api.fetch, clock: new OwnClock(inner) };
  const cold = closedAfter(createVault(given));
  expect((await within(inner, MINUTE, cold.fetch(VMS))).status).toBe(200);
  await inner.advance(HOUR);
  expect((await within(inner, MINUTE, cold.fetch(VMS))).status).toBe(200);
  expect(await within(inner, MINUTE, cold.getToken())).toBe("access-2-secret");
});

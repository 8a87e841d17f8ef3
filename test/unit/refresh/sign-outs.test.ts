/** Signing out: twice at once, against a store that does not take it, and what peers then say. */
import { describe, expect, it, onTestFinished } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock, settle } from "../../support/clock.ts";
import type { TokenStore } from "../../../src/types.ts";
import { credentials } from "../../support/fake-api.ts";
import { type Bench, bench, type BenchOptions, signedIn, VMS } from "../../support/vault.ts";
import {
  HOUR,
  MINUTE,
  type OddStore,
  oddStore,
  outcome,
  SECOND,
  type TestChannel,
  testChannel,
  within,
} from "./faulty-parts.ts";

type Out = Bench & { readonly store: OddStore; readonly channel: TestChannel };

async function stage(options: BenchOptions = {}): Promise<Out> {
  const clock = manualClock();
  const store = oddStore(clock);
  const channel = testChannel();
  const made = await signedIn({ ...options, store, clock, channel });
  await settle();
  channel.posted.length = 0;
  return { ...made, store, channel };
}

/** One end, one revocation, and nothing is left of it. */
async function expectOnce({ vault, api, clock, store, types }: Out): Promise<void> {
  await clock.advance(MINUTE);
  expect(api.to("/revoke").map(({ body }) => body)).toEqual([
    expect.stringContaining("refresh-1-secret"),
  ]);
  expect(types().filter((type) => type === "signed-out")).toHaveLength(1);
  expect(vault.snapshot().status).toBe("signed-out");
  const fresh = bench({ api, clock, store });
  expect(await within(clock, MINUTE, outcome(fresh.vault.getToken()))).toBe("no_session");
}

const told = ({ channel }: Out): number =>
  channel.posted.filter(({ type }) => type === "changed").length;

describe("two sign-outs of one session", () => {
  it.each([0, 1, 5, 9, 10, 11, 15, 19, 20, 21, 30, 50])(
    "%i ms apart end, tell and revoke once, on a store of 10 ms [F46 S14]",
    async (apart) => {
      const made = await stage();
      const { vault, clock, store } = made;
      store.delay = 10;
      const first = outcome(vault.signOut());
      if (apart) await clock.advance(apart);
      const second = outcome(vault.signOut());
      expect(await within(clock, MINUTE, Promise.all([first, second]))).toEqual([
        undefined,
        undefined,
      ]);
      store.delay = 0;
      await expectOnce(made);
      expect(told(made)).toBe(1);
    },
  );

  it("and a third, at once, end, tell and revoke once [F46 S14]", async () => {
    const made = await stage();
    const { vault, clock } = made;
    const outs = [vault.signOut(), vault.signOut(), vault.signOut()].map(outcome);
    await within(clock, MINUTE, Promise.all(outs));
    await expectOnce(made);
    expect(told(made)).toBe(1);
  });

  it("revoke once, where the store takes the second only [F46 S14]", async () => {
    const made = await stage();
    const { vault, clock, store } = made;
    store.isDown = true;
    expect(await within(clock, MINUTE, outcome(vault.signOut()))).toBe("store_unavailable");
    store.isDown = false;
    expect(await within(clock, MINUTE, outcome(vault.signOut()))).toBeUndefined();
    await expectOnce(made);
  });

  it.each([0, 5, 15, 25])(
    "with a sign-in %i ms after the first end each session once [F46 P19]",
    async (apart) => {
      const made = await stage();
      const { vault, api, clock, store } = made;
      store.delay = 10;
      const first = outcome(vault.signOut());
      await clock.advance(apart);
      const signingIn = outcome(vault.signIn({ email: "bob", password: "b" }));
      await within(clock, MINUTE, Promise.all([first, signingIn]));
      await within(clock, MINUTE, outcome(vault.signOut()));
      store.delay = 0;
      await clock.advance(MINUTE);
      const sent = api.to("/revoke").map(({ body }) => JSON.parse(body) as { token: string });
      expect(sent.map(({ token }) => token).toSorted()).toEqual([
        "refresh-1-secret",
        "refresh-2-secret",
      ]);
      const fresh = bench({ api, clock, store });
      expect(await within(clock, MINUTE, outcome(fresh.vault.getToken()))).toBe("no_session");
    },
  );

  it("of two contexts end the session, which is revoked [F46 S14]", async () => {
    const { vault, api, clock, store, channel } = await stage();
    const other = bench({ api, clock, store, channel });
    expect(await other.vault.getToken()).toBe("access-1-secret");
    store.delay = 10;
    const outs = [outcome(vault.signOut()), outcome(other.vault.signOut())];
    await within(clock, MINUTE, Promise.all(outs));
    store.delay = 0;
    await clock.advance(MINUTE);
    expect(api.to("/revoke").length).toBeGreaterThan(0);
    for (const one of [vault, other.vault]) expect(one.snapshot().status).toBe("signed-out");
  });
});

describe("two removals of one account", () => {
  it.each([0, 5])(
    "%i ms apart revoke once, though the store fails the second of them [F46 S14]",
    async (apart) => {
      const { vault, api, clock, store } = await stage();
      vault.close();
      store.delay = 10;
      let writes = 0;
      const failing: TokenStore = {
        ...store,
        list: (prefix) => store.list(prefix),
        read: (key) => store.read(key),
        head: (key) => store.head(key),
        write: (...given) =>
          ++writes === 2 ? Promise.reject(new Error("full")) : store.write(...given),
      };
      const other = bench({ api, clock, store: failing, account: "other" });
      const first = outcome(other.vault.removeAccount("default"));
      await clock.advance(apart);
      const second = outcome(other.vault.removeAccount("default"));
      await within(clock, MINUTE, Promise.all([first, second]));
      store.delay = 0;
      await clock.advance(10 * MINUTE);
      expect(api.to("/revoke").map(({ body }) => body)).toEqual([
        expect.stringContaining("refresh-1-secret"),
      ]);
      expect(await other.vault.accounts()).toEqual([]);
    },
  );
});

describe("a sign-out while a refresh is on its way", () => {
  it("waits for one operation of the store at most [S14 P10]", async () => {
    const { vault, api, clock, store } = await stage();
    await clock.advance(HOUR);
    store.delay = SECOND;
    api.refresh = () => new Promise(() => {});
    void outcome(vault.getToken());
    await clock.advance(4_500);
    const from = clock.running();
    expect(await within(clock, 10 * SECOND, outcome(vault.signOut()))).toBeUndefined();
    // One that is under way, and its own: a read and a write.
    expect(clock.running() - from).toBeLessThanOrEqual(3 * SECOND);
  });
});

/** Whatever may come over a channel; nothing of it is to be trusted. */
const garbage: readonly [string, () => unknown][] = [
  ["an empty object", () => ({})],
  ["nothing", () => undefined],
  ["null", () => null],
  ["a text", () => "changed"],
  ["a number", () => 7],
  ["an array", () => [1, 2]],
  ["an unknown type", () => ({ type: "toString", sessionId: "s", generation: 1 })],
  ["a question without a session", () => ({ type: "ask" })],
  ["a question with odd members", () => ({ type: "ask", sessionId: {}, generation: "NaN" })],
  ["a claim without a session", () => ({ type: "claim" })],
  ["news without a session", () => ({ type: "changed" })],
  ["an object without a prototype", () => Object.create(null)],
  ["a symbol", () => ({ type: "ask", sessionId: undefined, generation: Symbol("g") })],
  [
    "getters that throw",
    () =>
      Object.defineProperty({}, "type", {
        get() {
          throw new Error("no");
        },
      }),
  ],
];

describe("garbage on the channel", () => {
  it.each(garbage)(
    "does not throw in the listener after a sign-out that the store did not take: %s [F52 S10]",
    async (_, make) => {
      const { vault, clock, store, channel } = await stage();
      store.isDown = true;
      expect(await within(clock, MINUTE, outcome(vault.signOut()))).toBe("store_unavailable");
      channel.posted.length = 0;
      expect(() => channel.say(make())).not.toThrow();
      await clock.advance(10);
      // Nobody is told anything of a session that is none.
      expect(channel.posted).toEqual([]);
      expect(vault.snapshot().status).not.toBe("signed-in");
    },
  );

  it.each(garbage)("does not throw at any other time either: %s [F52 S10]", async (_, make) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    onTestFinished(() => void process.off("unhandledRejection", note));

    const { vault, api, clock, store, channel } = await stage();
    const say = (): void => expect(() => channel.say(make())).not.toThrow();
    // While it is signed in, while it refreshes, while it is ahead of its store, and when it is closed.
    say();
    await clock.advance(HOUR);
    const call = outcome(vault.fetch(VMS));
    say();
    expect((await within(clock, MINUTE, call)) as Response).toMatchObject({ status: 200 });
    store.isDown = true;
    await within(clock, MINUTE, vault.signIn({ email: "bob", password: "b" }));
    say();
    await clock.advance(SECOND);
    store.isDown = false;
    vault.close();
    say();
    bench({ api, clock, store, channel });
    say();
    await clock.advance(SECOND);
    await settle();
    expect(unhandled).toEqual([]);
  });
});

it("of a session that the store could not take writes nothing, and resolves [P19 F27]", async () => {
  const store = memoryStore();
  let puts = 0;
  const one = await signedIn({
    store: {
      ...store,
      // As a browser that cannot keep a key refuses what is sealed with it.
      write: () => {
        puts += 1;
        return Promise.reject(new DOMException("no clone", "DataCloneError"));
      },
    },
  });
  expect(one.vault.snapshot()).toMatchObject({ status: "signed-in", persisted: false });
  puts = 0;
  await one.vault.signOut();
  expect(puts).toBe(0);
  expect(one.vault.snapshot().status).toBe("signed-out");
});

it("is not told that the store failed by a write that was under way and is not wanted any more [P19 F27]", async () => {
  const clock = manualClock();
  let isUnderWay = false;
  const store: TokenStore = {
    ...memoryStore(),
    async write() {
      isUnderWay = true;
      await new Promise<void>((resolve) => clock.setTimeout(resolve, SECOND));
      isUnderWay = false;
      throw new DOMException("no clone", "DataCloneError");
    },
  };
  const one = bench({ clock, store });
  await clock.until(one.vault.signIn(credentials));
  expect(isUnderWay).toBe(false);
  // It is tried again by itself.
  for (let ms = 0; ms < 5_000 && !isUnderWay; ms += 100) await clock.advance(100);
  expect(isUnderWay).toBe(true);
  await clock.until(one.vault.signOut());
  expect(one.vault.snapshot()).toMatchObject({ status: "signed-out", persisted: true });
});

describe("a sign-out of a page that is left at once", () => {
  async function leaving(): Promise<Out & { isDone: () => boolean; answer: () => void }> {
    const made = await stage();
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    made.api.revoke = async () => {
      await held;
      return new Response(null);
    };
    let isDone = false;
    void made.vault.signOut({ untilRevoked: true }).then(() => (isDone = true));
    await settle();
    return { ...made, isDone: () => isDone, answer };
  }

  it("waits until the server has heard of it, once [S14]", async () => {
    const { vault, api, isDone, answer } = await leaving();
    expect(vault.snapshot().status).toBe("signed-out");
    expect([api.to("/revoke").length, isDone()]).toEqual([1, false]);
    answer();
    await settle();
    expect([api.to("/revoke").length, isDone()]).toEqual([1, true]);
  });

  it("waits for no server that is silent [P10 S14]", async () => {
    const { clock, isDone } = await leaving();
    await clock.advance(4 * SECOND);
    expect(isDone()).toBe(false);
    await clock.advance(2 * SECOND);
    expect(isDone()).toBe(true);
  });

  it("waits for nothing where it does not say so [S14]", async () => {
    const { vault, api } = await stage();
    api.revoke = () => new Promise(() => {});
    await vault.signOut();
    expect(vault.snapshot().status).toBe("signed-out");
  });
});

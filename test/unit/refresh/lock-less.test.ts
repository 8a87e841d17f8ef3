/**
 * Many contexts without a lock between them, and signs of life: whether the other one is still at it, and
 * what silence is worth.
 */
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Channel, ChannelPort, Lock, PeerMessage, TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { acme, credentials, fakeApi, never } from "../../support/fake-api.ts";
import {
  type Bench,
  bench,
  type BenchOptions,
  refreshes,
  signedIn,
  VMS,
} from "../../support/vault.ts";
import {
  gate,
  HOUR,
  MINUTE,
  oddStore,
  outcome,
  rest,
  SECOND,
  signLock,
  slowly,
  testChannel,
  within,
} from "./faulty-parts.ts";

const lax = (reuseWindow = 30 * SECOND): BenchOptions => ({
  provider: acme({ rotation: "none", reuseWindow }),
});
const windowed = (): BenchOptions => ({ provider: acme({ reuseWindow: 30 * SECOND }) });
const strict = (): BenchOptions => ({ provider: acme() });

/** Vaults that share a store, an API and a clock; the first of them is signed in, an hour ago. */
async function crowd(
  size: number,
  common: BenchOptions,
  own: (index: number) => BenchOptions = () => ({}),
): Promise<{ vaults: Bench[]; clock: ManualClock; api: Bench["api"] }> {
  const clock = manualClock();
  const api = fakeApi();
  const store = memoryStore();
  const vaults: Bench[] = [];
  for (let index = 0; index < size; index++) {
    // Jitter as in real life, but the same in each run.
    const random = (): number => (index + 0.5) / size;
    const options = { store, random, ...common, ...own(index), clock, api };
    const one = index ? bench(options) : await signedIn(options);
    vaults.push(one);
  }
  await clock.advance(HOUR);
  return { vaults, clock, api };
}

/** A channel whose port says of itself what a test wants. */
const saying = (isConnected: (() => boolean) | undefined): Channel =>
  testChannel(isConnected && { isConnected });

/** A port that nobody hears. */
const mute = (isConnected: (() => boolean) | undefined): Channel => ({
  open: (): ChannelPort => ({
    ...(isConnected && { isConnected }),
    post: (_: PeerMessage) => {},
    close() {},
  }),
});

describe("eight contexts without a lock", () => {
  const channels: readonly [string, () => BenchOptions][] = [
    ["no channel", () => ({})],
    ["a channel that does not say whether it is connected", () => ({ channel: mute(undefined) })],
    ["a channel that is not connected", () => ({ channel: mute(() => false) })],
  ];
  const rotations = [
    ["no rotation and a window", lax],
    ["no rotation", (): BenchOptions => lax(0)],
    ["a reuse window", windowed],
    ["strict rotation", strict],
  ] as const;
  const cases = channels.flatMap(([channel, makeChannel]) =>
    rotations.map(([rotation, make]) => ({ channel, makeChannel, rotation, make })),
  );

  /** Eight that ask at once, for a token endpoint that takes so long. */
  async function askOnce(ms: number, options: BenchOptions): Promise<void> {
    const { vaults, clock, api } = await crowd(8, options);
    api.refresh = slowly(clock, ms, api.refresh);
    const calls = vaults.map(({ vault }) => outcome(vault.getToken()));
    const tokens = await within(clock, 25 * SECOND, Promise.all(calls));
    expect(new Set(tokens)).toEqual(new Set(["access-2-secret"]));
    expect(refreshes({ api })).toBe(1);
  }

  it.each(cases)(
    "ask a token endpoint of five seconds once, with $rotation and $channel [F45 P1]",
    ({ make, makeChannel }) => askOnce(5 * SECOND, { ...make(), ...makeChannel() }),
  );

  it.each(cases)(
    "ask one of twelve seconds once, with $rotation and $channel [F45 P1]",
    ({ make, makeChannel }) => askOnce(12 * SECOND, { ...make(), ...makeChannel() }),
  );

  it.each(channels)(
    "ask it once in the background too, with %s [F45 P1]",
    async (_, makeChannel) => {
      const { vaults, clock, api } = await crowd(8, { ...lax(), ...makeChannel() });
      for (const { vault } of vaults) await within(clock, 30 * SECOND, vault.getToken());
      const before = refreshes({ api });
      // The soft window of the next token.
      await clock.advance(2_850 * SECOND);
      api.refresh = slowly(clock, 5 * SECOND, api.refresh);
      for (let times = 0; times < 5; times++) {
        for (const { vault } of vaults) void outcome(vault.fetch(VMS));
        await clock.advance(SECOND);
      }
      await clock.advance(MINUTE);
      expect(refreshes({ api }) - before).toBe(1);
    },
  );

  it("ask it once, where a channel delivers: the one that is at it says so [P1]", async () => {
    const channel = saying(() => true);
    const { vaults, clock, api } = await crowd(8, { ...lax(), channel });
    api.refresh = slowly(clock, 5 * SECOND, api.refresh);
    const calls = vaults.map(({ vault }) => outcome(vault.getToken()));
    const tokens = await within(clock, 25 * SECOND, Promise.all(calls));
    expect(new Set(tokens)).toEqual(new Set(["access-2-secret"]));
    expect(refreshes({ api })).toBe(1);
  });
});

it("a repetition that never left shortens nobody's wait for the exchange before it [P2 F44]", async () => {
  const clock = manualClock();
  const store = memoryStore();
  const common = { clock, provider: acme({ reuseWindow: 10 * SECOND }) };
  const { vault, api } = await signedIn({ ...common, store });
  const slow = oddStore(clock, store);
  const other = bench({ ...common, api, store: slow });
  await clock.advance(HOUR);
  api.refresh = slowly(clock, 14 * SECOND, api.refresh);
  const first = outcome(vault.getToken());
  await rest();
  // Its intent is written in the window's first half, and its fence is answered in the second.
  slow.delay = 900;
  const second = outcome(other.vault.getToken());
  const tokens = await within(clock, 25 * SECOND, Promise.all([first, second]));
  expect(tokens).toEqual(["access-2-secret", "access-2-secret"]);
  expect(slow.writes).toHaveLength(1);
  expect(refreshes({ api })).toBe(1);
});

/** Signed in an hour ago, by a way to the store that may be down while the store is there for all others. */
async function withOwnWayToTheStore() {
  const clock = manualClock();
  const store = memoryStore();
  const down = oddStore(clock, store);
  const api = fakeApi();
  const common = { clock, api, channel: saying(() => true), provider: acme() };
  const { vault } = await signedIn({ ...common, store: down });
  await clock.advance(HOUR);
  return { vault, api, clock, store, down, common };
}

/** The same, with a refresh whose grant finds that way down; the other context knows nothing of it yet. */
async function withAGrantThatWaits() {
  const made = await withOwnWayToTheStore();
  const { vault, api, clock, store, down, common } = made;
  const other = bench({ ...common, store });
  api.refresh = slowly(clock, SECOND, api.refresh);
  void outcome(vault.getToken());
  await clock.advance(500);
  down.isDown = true;
  return { ...made, other };
}

it("a grant that waits for the store is claimed, though a session was adopted after it [P2]", async () => {
  const { vault, api, clock, down, other } = await withAGrantThatWaits();
  await clock.advance(2 * SECOND);
  void outcome(vault.adopt({ accessToken: "access-9-secret" }));
  await clock.advance(2 * SECOND);
  const asked = outcome(other.vault.getToken());
  // The intent's deadline, and five seconds more.
  await clock.advance(19 * SECOND);
  expect(refreshes({ api })).toBe(1);
  down.isDown = false;
  await clock.advance(5 * MINUTE);
  expect(await asked).toBe("refresh_failed");
  expect(await within(clock, MINUTE, other.vault.getToken())).toBe("access-9-secret");
  expect(refreshes({ api })).toBe(1);
});

it("a grant that waits for the store is written as soon as somebody asks for it [P2 P10]", async () => {
  const { api, clock, down, other } = await withAGrantThatWaits();
  // It has tried after 1, 2, 4, 8, 16, 32 and 64 seconds: by its own timer the next try is two minutes away.
  await clock.advance(130 * SECOND);
  down.isDown = false;
  const asked = outcome(other.vault.getToken());
  expect(await within(clock, 3 * SECOND, asked)).toBe("access-2-secret");
  expect(refreshes({ api })).toBe(1);
});

it("a grant that comes late is claimed while it is being written [P2 P20]", async () => {
  const { vault, api, clock, store, down, common } = await withOwnWayToTheStore();
  const late = gate(api.refresh);
  api.refresh = late.answer;
  void outcome(vault.getToken());
  await clock.advance(16 * SECOND);
  down.delay = 4 * SECOND;
  late.open();
  await rest();
  // It asks five seconds later, and waits a second for the answer.
  const other = bench({ ...common, store });
  expect(await within(clock, 15 * SECOND, other.vault.getToken())).toBe("access-2-secret");
  expect(late.arrived).toBe(1);
});

it("a grant whose session stands behind a sign-in that waits for the store is kept for it [P20]", async () => {
  const { vault, api, clock, store, down, common } = await withOwnWayToTheStore();
  const other = bench({ ...common, store });
  api.refresh = slowly(clock, 5 * SECOND, api.refresh);
  void outcome(vault.getToken());
  await clock.advance(SECOND);
  down.isDown = true;
  await within(clock, SECOND, vault.adopt({ accessToken: "access-9-secret" }));
  const asked = outcome(other.vault.getToken());
  await clock.advance(19 * SECOND);
  // The other one still has that session, and is told that its next token is here.
  expect(api.to("/revoke")).toHaveLength(0);
  expect(refreshes({ api })).toBe(1);
  down.isDown = false;
  expect(await within(clock, 10 * SECOND, asked)).toBe("refresh_failed");
  await clock.advance(5 * MINUTE);
  expect(await within(clock, MINUTE, other.vault.getToken())).toBe("access-9-secret");
  expect(api.to("/revoke").at(-1)?.body).toContain("refresh-2-secret");
});

it("a context that holds no grant claims none, whatever it has to write [P2 P17]", async () => {
  const { vault, clock, store, down, common } = await withOwnWayToTheStore();
  down.isDown = true;
  void outcome(vault.adopt({ accessToken: "access-9-secret" }));
  await clock.advance(10 * SECOND);
  const dying = { ...store };
  await dieRefreshing(bench({ ...common, store: dying }), dying);
  const other = bench({ ...common, store });
  // Over the dead one's deadline, and the second in which others may claim.
  void outcome(other.vault.getToken());
  await clock.advance(20 * SECOND);
  const call = outcome(other.vault.getToken());
  expect(await within(clock, 2 * SECOND, call)).toBe("access-2-secret");
});

/** One is gone in the middle of a refresh: whatever it begins from here on reaches nobody. */
async function dieRefreshing({ vault, api, clock }: Bench, store: object): Promise<void> {
  const { refresh } = api;
  api.refresh = never;
  void outcome(vault.getToken());
  await clock.advance(100);
  expect(refreshes({ api })).toBe(1);
  for (const name of ["read", "head", "write"] as const)
    Object.assign(store, { [name]: () => new Promise(() => {}) });
  api.refresh = refresh;
}

/** One context has sent its refresh and is gone; the others find its intent in the record. */
interface Left {
  readonly clock: ManualClock;
  readonly api: Bench["api"];
  readonly other: Bench;
  readonly locks: Set<string>;
  /** When, in running time, the others had their token, or what else became of them. */
  readonly took: (promise: Promise<unknown>) => Promise<[unknown, number]>;
}

interface Signs {
  /** What the locks of the one that is gone span, and those of the other. */
  readonly spans?: readonly [TokenStore["shared"] | undefined, TokenStore["shared"] | undefined];
  /** The scope of the store as the one sees it, and as the other does. */
  readonly scopes?: readonly [string | undefined, string | undefined];
  /** Whether the one that is gone still holds its lock. */
  readonly lives?: boolean;
  /** Whether it has held any. */
  readonly holds?: boolean;
  readonly rotation: BenchOptions;
}

async function left({
  spans = ["origin", "origin"],
  scopes = ["here", "here"],
  lives = false,
  holds = true,
  rotation,
}: Signs): Promise<Left> {
  const clock = manualClock();
  const api = fakeApi();
  const kept = { ...memoryStore(), shared: "origin" } as const;
  const locks = new Set<string>();
  const storeOf = (scope: string | undefined): TokenStore => ({
    ...kept,
    ...(scope !== undefined && { scope: async () => scope }),
  });
  const lockOf = (span: TokenStore["shared"] | undefined): Lock => signLock(locks, span);
  const dying: Lock = holds
    ? lockOf(spans[0])
    : { ...lockOf(spans[0]), hold: async () => undefined };
  const base = { ...rotation, clock, api };
  const one = await signedIn({ ...base, store: storeOf(scopes[0]), lock: dying });
  await clock.advance(HOUR);
  await dieRefreshing(one, one.store);
  if (!lives) locks.clear();
  const other = bench({ ...base, store: storeOf(scopes[1]), lock: lockOf(spans[1]) });
  const began = clock.running();
  return {
    clock,
    api,
    other,
    locks,
    took: async (promise) => [await within(clock, 40 * SECOND, promise), clock.running() - began],
  };
}

describe("an attempt's own lock", () => {
  it("is held while its request is on its way, and let go when the record shows its end [F57]", async () => {
    const clock = manualClock();
    const locks = new Set<string>();
    const store = { ...memoryStore(), shared: "origin" as const, scope: async () => "here" };
    const made = await signedIn({ clock, store, lock: signLock(locks, "origin") });
    const { vault, api } = made;
    await clock.advance(HOUR);
    expect(locks.size).toBe(0);
    api.refresh = slowly(clock, 5 * SECOND, api.refresh);
    const call = outcome(vault.getToken());
    await clock.advance(SECOND);
    expect(locks.size).toBe(1);
    // No secret stands in its name (S4).
    for (const name of locks) expect(name).not.toContain("secret");
    expect(await within(clock, 20 * SECOND, call)).toBe("access-2-secret");
    await clock.advance(SECOND);
    expect(locks.size).toBe(0);
  });

  it("is had before the intent is written [F57]", async () => {
    const clock = manualClock();
    const locks = new Set<string>();
    const kept = memoryStore();
    const seen: number[] = [];
    const store: TokenStore = {
      ...kept,
      shared: "origin",
      scope: async () => "here",
      async write(key, next, expected) {
        if (next?.attemptId !== undefined) seen.push(locks.size);
        return kept.write(key, next, expected);
      },
    };
    const made = await signedIn({ clock, store, lock: signLock(locks, "origin") });
    await clock.advance(HOUR);
    await within(clock, 20 * SECOND, made.vault.getToken());
    expect(seen.length).toBeGreaterThan(0);
    expect(new Set(seen)).toEqual(new Set([1]));
  });

  it("that is free shows the others at once that the attempt is dead, in a reuse window [F57]", async () => {
    const { api, other, took } = await left({ rotation: windowed() });
    const [token, ms] = await took(outcome(other.vault.getToken()));
    expect(token).toBe("access-2-secret");
    expect(refreshes({ api })).toBe(2);
    // Peers may be asked first, for a second.
    expect(ms).toBeLessThan(3 * SECOND);
  });

  it("that is free does so without rotation, too [F57]", async () => {
    const { api, other, took } = await left({ rotation: lax(0) });
    const [token, ms] = await took(outcome(other.vault.getToken()));
    expect(token).toBe("access-2-secret");
    expect(refreshes({ api })).toBe(2);
    expect(ms).toBeLessThan(3 * SECOND);
  });

  it("that is free allows a last chance five seconds after the intent was first seen, under strict rotation [F57 P2]", async () => {
    const { api, other, took } = await left({ rotation: strict() });
    const [token, ms] = await took(outcome(other.vault.getToken()));
    expect(token).toBe("access-2-secret");
    expect(refreshes({ api })).toBe(2);
    expect(ms).toBeGreaterThanOrEqual(5 * SECOND);
    expect(ms).toBeLessThan(8 * SECOND);
  });

  /** The deadline of 15 s, a margin of 2, and a poll. */
  const expectAged = ([token, ms]: readonly [unknown, number]): void => {
    expect(token).toBe("access-2-secret");
    expect(ms).toBeGreaterThan(14 * SECOND);
    expect(ms).toBeLessThanOrEqual(20 * SECOND);
  };

  it.each<[string, Omit<Signs, "rotation">]>([
    ["is held", { lives: true }],
    ["was never had", { holds: false }],
    ["lies in another scope", { scopes: ["there", "here"] }],
    ["lies in a store without a scope", { scopes: [undefined, undefined] }],
    ["is of a store whose scope only the other sees", { scopes: [undefined, "here"] }],
    ["spans nobody, as far as it says", { spans: [undefined, undefined] }],
    ["spans its own context only", { spans: ["context", "context"] }],
    ["cannot be seen by the other's lock", { spans: ["origin", undefined] }],
  ])("that %s lets the intent age as before [F57 P2]", async (_, signs) => {
    const { other, took } = await left({ ...signs, rotation: strict() });
    expectAged(await took(outcome(other.vault.getToken())));
  });

  it("of an older version's attempt was none: its intent ages as before [F57 P2]", async () => {
    const clock = manualClock();
    const api = fakeApi();
    const locks = new Set<string>();
    const store = { ...memoryStore(), shared: "origin" as const, scope: async () => "here" };
    const one = await signedIn({ clock, api, store });
    await clock.advance(HOUR);
    const { refresh } = api;
    api.refresh = never;
    void outcome(one.vault.getToken());
    await clock.advance(100);
    api.refresh = refresh;
    const other = bench({ clock, api, store, lock: signLock(locks, "origin") });
    const began = clock.running();
    const token = await within(clock, 40 * SECOND, outcome(other.vault.getToken()));
    expectAged([token, clock.running() - began]);
  });

  it("that cannot be asked for does not count as free [F57]", async () => {
    const { other, took, locks } = await left({ rotation: strict(), lives: true });
    locks.has = () => {
      throw new Error("no lock to be had");
    };
    expectAged(await took(outcome(other.vault.getToken())));
  });

  it("that is held for ever hangs nobody [F57 P10]", async () => {
    const clock = manualClock();
    const store = { ...memoryStore(), shared: "origin" as const, scope: async () => "here" };
    const hanging: Lock = {
      spans: "origin",
      run: (_, task) => task(),
      hold: () => new Promise(() => {}),
      isFree: () => new Promise(() => {}),
    };
    const made = await signedIn({ clock, store, lock: hanging });
    await clock.advance(HOUR);
    expect(await within(clock, 20 * SECOND, outcome(made.vault.getToken()))).toBe(
      "access-2-secret",
    );
  });
});

describe("silence", () => {
  /** One context is gone after it has sent; when does the other send again inside the reuse window? */
  async function silence(
    makeChannel: () => Channel | undefined,
    rotation: BenchOptions,
  ): Promise<{ ms: number; sent: number }> {
    const clock = manualClock();
    const api = fakeApi();
    const kept = memoryStore();
    const channel = makeChannel();
    const base = { ...rotation, clock, api, ...(channel && { channel }) };
    const dead = { ...kept };
    // It is gone when the others ask: nobody hears it, and it hears nobody.
    const { channel: _, ...silent } = { channel: undefined, ...base };
    const one = await signedIn({ ...silent, store: dead });
    const other = bench({ ...base, store: kept });
    const third = bench({ ...base, store: kept });
    // Something has been heard: the sign-in of somebody who stays.
    await third.vault.signIn(credentials);
    await clock.advance(HOUR);
    await dieRefreshing(one, dead);
    const began = clock.running();
    await within(clock, 40 * SECOND, outcome(other.vault.getToken()));
    return { ms: clock.running() - began, sent: refreshes({ api }) };
  }

  it.each<[string, () => Channel | undefined]>([
    ["there is no channel", () => undefined],
    ["a channel does not say whether it is connected", () => saying(undefined)],
    ["a channel says that it is not connected", () => saying(() => false)],
  ])("does not count where %s: a repetition waits [F45 P2]", async (_, makeChannel) => {
    const { ms } = await silence(makeChannel, lax());
    // Until the intent is over, or half of its window is nearly spent.
    expect(ms).toBeGreaterThan(10 * SECOND);
  });

  it("counts where a channel is connected and has delivered: a repetition comes soon [F45]", async () => {
    const { ms, sent } = await silence(() => saying(() => true), lax());
    expect(sent).toBe(2);
    expect(ms).toBeLessThan(5 * SECOND);
  });
});

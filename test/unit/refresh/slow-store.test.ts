/** Stores that answer late, never, or with a lasting no: nobody hangs, and nothing is asked without a pause. */
import { describe, expect, it } from "vitest";
import { credentials, fakeApi } from "../../support/fake-api.ts";
import { bench, refreshes, VMS } from "../../support/vault.ts";
import {
  gate,
  HOUR,
  MINUTE,
  type Odd,
  odd,
  oddBench,
  type OddStore,
  outcome,
  rest,
  SECOND,
  within,
} from "./faulty-parts.ts";

const bob = { email: "bob@acme.test", password: "correct-horse-secret" };
const adopted = { accessToken: "access-9-secret", refreshToken: "refresh-9-secret" };

/** The names of the operations that a store is asked for from now on. */
function namesOf(store: OddStore): string[] {
  const names: string[] = [];
  const { read, head, write } = store;
  Object.assign(store, {
    read(key) {
      names.push("read");
      return read(key);
    },
    head(key) {
      names.push("head");
      return head(key);
    },
    write(...change) {
      names.push("write");
      return write(...change);
    },
  } satisfies Pick<OddStore, "read" | "head" | "write">);
  return names;
}

describe("a store that takes its time for each answer", () => {
  it.each([500, 1_000, 1_001, 1_500, 2_000])(
    "of %i ms does not keep an expired token from being refreshed [F44]",
    async (delay) => {
      const { vault, api, clock, store } = await odd();
      await clock.advance(HOUR);
      store.delay = delay;
      const call = outcome(vault.getToken());
      expect(await within(clock, 2 * MINUTE, call)).toBe("access-2-secret");
      expect(refreshes({ api })).toBe(1);
      // It is stored, too.
      await clock.advance(MINUTE);
      const fresh = bench({ api, clock, store });
      expect(await within(clock, MINUTE, outcome(fresh.vault.getToken()))).toBe("access-2-secret");
      expect(refreshes({ api })).toBe(1);
    },
  );

  it.each([1_001, 2_000])(
    "of %i ms does not keep a good token from being refreshed in the background [F44]",
    async (delay) => {
      const { vault, api, clock, store } = await odd();
      await clock.advance(2_780 * SECOND);
      await vault.fetch(VMS);
      store.delay = delay;
      await clock.advance(50 * SECOND);
      expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
      await clock.advance(MINUTE);
      expect(refreshes({ api })).toBe(1);
    },
  );

  it.each([1_001, 2_000, 4_900])(
    "of %i ms is asked for a fence no longer than an exchange may take [F44 P10]",
    async (delay) => {
      const { vault, clock, store } = await odd();
      await clock.advance(HOUR);
      store.delay = delay;
      void outcome(vault.getToken());
      await clock.advance(5 * MINUTE);
      // Nobody waits any more: what is left are looks, far apart.
      const before = store.operations;
      await clock.advance(MINUTE);
      expect(store.operations - before).toBeLessThan(MINUTE / delay / 2);
    },
  );

  /** What a refresh asks of its store, in order, and what is still asked where it is closed meanwhile. */
  const steps: readonly (readonly [during: string, delays: readonly number[], asked: string[]])[] =
    [
      ["the first look", [1_001, 2_000, 4_900], []],
      // Nobody is to wait for an intent that is not followed by a request.
      ["the intent's write", [1_001, 2_000, 4_900], ["read", "write"]],
      ["the fence", [1_001, 2_000, 4_900], ["read", "write"]],
      // The reply has come: what it brought is stored.
      ["the commit's look", [1_001, 2_000], ["write"]],
      ["the commit's write", [1_001, 2_000], []],
      ["nothing", [1_001, 2_000], []],
    ];
  const closings = steps.flatMap(([during, delays, asked], step) =>
    delays.map((delay) => ({ during, delay, asked, step })),
  );

  it.each(closings)(
    "of $delay ms is asked for nothing after close() during $during, but for what is to be written: $asked [F44 P21]",
    async ({ delay, asked, step }) => {
      const { vault, api, clock, store } = await odd();
      await clock.advance(HOUR);
      const begun = namesOf(store);
      store.delay = delay;
      const end = outcome(vault.getToken());
      await clock.advance((step + 0.5) * delay);
      expect(begun).toEqual(["read", "write", "head", "read", "write"].slice(0, step + 1));
      begun.length = 0;
      vault.close();
      await clock.advance(10 * MINUTE);
      expect(begun).toEqual(asked);
      expect(await end).toBe(step < 5 ? "closed" : "access-2-secret");
      store.delay = 0;
      expect(refreshes({ api })).toBe(step < 3 ? 0 : 1);
      const [key = ""] = await store.list("");
      expect(await store.head(key)).toMatchObject({ attemptId: undefined });
      const fresh = bench({ api, clock, store });
      expect(await within(clock, MINUTE, outcome(fresh.vault.getToken()))).toBe("access-2-secret");
    },
  );
});

it("an intent that never left is known for that, though the next one could not be written [P8 P10]", async () => {
  const { vault, api, clock, store } = await odd();
  await clock.advance(HOUR);
  const { head, write } = store;
  let writes = 0;
  store.head = async () => {
    store.head = head;
    throw new Error("down");
  };
  store.write = async (...change) => {
    writes += 1;
    if (writes === 2) throw new Error("down");
    return write(...change);
  };
  expect(await within(clock, 5 * SECOND, outcome(vault.getToken()))).toBe("access-2-secret");
  expect(writes).toBeGreaterThan(3);
  expect(refreshes({ api })).toBe(1);
});

describe("a store that never takes a write, and says so", () => {
  interface Path {
    readonly what: string;
    /** How old the session is; absent where there is none. */
    readonly age?: number;
    /** It is refreshed ahead of time. */
    readonly refreshAhead?: true;
    /** What comes before the store is deaf. */
    readonly first?: (bench: Odd) => Promise<unknown>;
    readonly act: (bench: Odd) => Promise<unknown>;
    /** The store is deaf when a refresh's reply is on its way: the commit is the first write of those. */
    readonly isCommit?: true;
  }
  const SOFT = 2_790 * SECOND;
  const call: Path["act"] = ({ vault }) => vault.fetch(VMS);
  const rejected: Path["act"] = ({ vault, api }) => {
    api.expire();
    return vault.fetch(VMS);
  };
  /** Every path to a write. */
  const paths: readonly Path[] = [
    { what: "a first sign-in", act: ({ vault }) => vault.signIn(bob) },
    { what: "a first adoption", act: ({ vault }) => vault.adopt(adopted) },
    { what: "a sign-in", age: SECOND, act: ({ vault }) => vault.signIn(bob) },
    { what: "an adoption", age: SECOND, act: ({ vault }) => vault.adopt(adopted) },
    { what: "a sign-out", age: SECOND, act: ({ vault }) => vault.signOut() },
    { what: "a removal", age: SECOND, act: ({ vault }) => vault.removeAccount("default") },
    {
      what: "another account's removal",
      age: SECOND,
      async first({ api, clock, store }) {
        const other = bench({ api, clock, store, account: "other" });
        await other.vault.signIn(bob);
        other.vault.close();
      },
      act: ({ vault }) => vault.removeAccount("other"),
    },
    {
      what: "accounts() with a tombstone of a day",
      age: SECOND,
      async first({ vault, clock }) {
        await vault.signOut();
        await clock.advance(25 * HOUR);
      },
      act: ({ vault }) => vault.accounts(),
    },
    { what: "a call with an expired token", age: HOUR, act: call },
    { what: "a call in the soft window", age: SOFT + 10 * SECOND, act: call },
    { what: "a call whose token is rejected", age: MINUTE, act: rejected },
    { what: "a refresh ahead of time", age: SOFT - 25, refreshAhead: true, act: async () => {} },
    { what: "a commit for an expired token", age: HOUR, act: call, isCommit: true },
    { what: "a commit in the soft window", age: SOFT + 10 * SECOND, act: call, isCommit: true },
    { what: "a commit for a rejected token", age: MINUTE, act: rejected, isCommit: true },
    {
      what: "a commit ahead of time",
      age: SOFT - 25,
      refreshAhead: true,
      act: ({ clock }) => clock.advance(25),
      isCommit: true,
    },
  ];

  /** Begins, and goes on with a store that is deaf. */
  async function deaf(path: Path): Promise<Odd & { readonly acting: Promise<unknown> }> {
    const { age, first, isCommit = false, refreshAhead } = path;
    const options = refreshAhead ? { refreshAhead } : {};
    const made = age === undefined ? oddBench() : await odd(options);
    const { api, clock, store } = made;
    await clock.advance(age ?? 0);
    await first?.(made);
    const refresh = gate(api.refresh);
    if (isCommit) api.refresh = refresh.answer;
    else store.isDeaf = true;
    const acting = outcome(path.act(made));
    if (isCommit) {
      await rest();
      expect(refresh.arrived).toBe(1);
      store.isDeaf = true;
      refresh.open();
    }
    Object.assign(store, { operations: 0, reads: 0 });
    return { ...made, acting };
  }

  it.each(paths)("is asked with pauses, and $what settles in time [F54 P10]", async (path) => {
    const made = await deaf(path);
    const { clock, store } = made;
    await within(clock, MINUTE, made.acting);
    expect(store.operations).toBeLessThan(500);
    // Nor does a retry become a loop.
    const before = store.operations;
    await clock.advance(10 * MINUTE);
    expect(store.operations - before).toBeLessThan(500);
    // It was asked to write, and nothing is spent that no intent stands for.
    expect(store.operations - store.reads).toBeGreaterThan(0);
    expect(refreshes(made)).toBe(path.isCommit ? 1 : 0);
  });

  it.each(paths.filter(({ isCommit }) => isCommit))(
    "serves what it does not take: $what [F54 P7 P20]",
    async (path) => {
      const made = await deaf(path);
      const { vault, clock } = made;
      await within(clock, MINUTE, made.acting);
      await clock.advance(10 * SECOND);
      expect(await within(clock, 20 * SECOND, outcome(vault.getToken()))).toBe("access-2-secret");
      expect(vault.snapshot().persisted).toBe(false);
    },
  );

  it.each(paths)("is not asked after close(), whatever $what has begun [F54 P21]", async (path) => {
    const made = await deaf(path);
    const { vault, clock, store, acting } = made;
    await clock.advance(50);
    const begun = namesOf(store);
    vault.close();
    // What is left to write is tried for as long as an exchange may take; no fence is asked for.
    await clock.advance(16 * SECOND);
    expect(begun).not.toContain("head");
    expect(begun.length).toBeLessThan(200);
    const before = store.operations;
    await within(clock, SECOND, acting);
    await clock.advance(10 * MINUTE);
    expect(store.operations).toBe(before);
  });

  it("takes the change when it listens again: a sign-out is kept in mind [F54 P4]", async () => {
    const made = await odd();
    const { vault, api, clock, store } = made;
    store.isDeaf = true;
    await within(clock, MINUTE, outcome(vault.signOut()));
    store.isDeaf = false;
    await clock.advance(10 * MINUTE);
    const fresh = bench({ api, clock, store });
    expect(await within(clock, MINUTE, outcome(fresh.vault.getToken()))).toBe("no_session");
  });
});

describe("a store that hangs", () => {
  function hung(made: Odd): Odd {
    made.store.delay = Infinity;
    return made;
  }

  it.each([SECOND, 31 * SECOND, 61 * SECOND, 10 * MINUTE, 40 * MINUTE])(
    "does not keep a good token in memory from being served, %i ms on [F59 P16]",
    async (later) => {
      const { vault, clock } = hung(await odd());
      await clock.advance(later);
      const from = clock.running();
      expect((await within(clock, 30 * SECOND, vault.fetch(VMS))).status).toBe(200);
      // Each operation of a store fails within five seconds.
      expect(clock.running() - from).toBeLessThanOrEqual(6 * SECOND);
      expect(vault.snapshot().status).toBe("signed-in");
    },
  );

  it("does not keep it from being served in the soft window, and nothing is spent [F59 P16]", async () => {
    const { vault, api, clock } = hung(await odd());
    await clock.advance(2_800 * SECOND);
    for (let times = 0; times < 5; times++) {
      expect((await within(clock, 6 * SECOND, vault.fetch(VMS))).status).toBe(200);
      await clock.advance(MINUTE);
    }
    expect(refreshes({ api })).toBe(0);
  });

  it("reads as unavailable, and no call waits for it longer than its patience [F59 P16]", async () => {
    const { vault, clock } = hung(oddBench());
    const statuses: string[] = [];
    vault.subscribe(({ status }) => statuses.push(status));
    expect(await within(clock, 20 * SECOND, outcome(vault.getToken()))).toBe("store_unavailable");
    expect(vault.snapshot().status).toBe("unavailable");
    expect(statuses).not.toContain("signed-out");
  });

  it("takes a sign-in into memory, and says so [F59 P16 P19]", async () => {
    const { vault, clock, types } = hung(oddBench());
    expect(await within(clock, 20 * SECOND, outcome(vault.signIn(credentials)))).toBeUndefined();
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", persisted: false });
    expect(types().filter((type) => type === "unpersisted")).toHaveLength(1);
    expect((await within(clock, 6 * SECOND, vault.fetch(VMS))).status).toBe(200);
  });

  it.each<[string, (bench: Odd) => Promise<unknown>]>([
    ["a sign-out", ({ vault }) => vault.signOut()],
    ["accounts()", ({ vault }) => vault.accounts()],
    ["removeAccount()", ({ vault }) => vault.removeAccount("default")],
    ["removeAccount() of another", ({ vault }) => vault.removeAccount("other")],
  ])("fails %s in time [F59 P10]", async (_, act) => {
    const made = hung(await odd());
    const { clock } = made;
    expect(await within(clock, 15 * SECOND, outcome(act(made)))).toBe("store_unavailable");
  });

  it("that answers again is asked again, and takes what is waiting [F59 P19]", async () => {
    const api = fakeApi();
    const { vault, clock, store } = hung(oddBench({ api }));
    await within(clock, 20 * SECOND, outcome(vault.signIn(credentials)));
    store.delay = 0;
    await clock.advance(5 * MINUTE);
    expect(vault.snapshot().persisted).toBe(true);
    const fresh = bench({ api, clock, store });
    expect(await within(clock, MINUTE, outcome(fresh.vault.getToken()))).toBe("access-1-secret");
  });
});

it.each([0, 3_000])(
  "a store that fails after %i ms, once the server has answered: the caller is served by memory [P7 P20 F22]",
  async (delay) => {
    const { vault, api, clock, store } = await odd();
    await clock.advance(HOUR);
    const refresh = gate(api.refresh);
    api.refresh = refresh.answer;
    const call = outcome(vault.getToken());
    await rest();
    expect(refresh.arrived).toBe(1);
    store.delay = delay;
    store.isDown = true;
    refresh.open();
    expect(await within(clock, 19 * SECOND, call)).toBe("access-2-secret");
    expect(vault.snapshot().persisted).toBe(false);
    expect(refreshes({ api })).toBe(1);
  },
);

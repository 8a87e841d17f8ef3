/** A store that answers from a cache, as Workers KV does: what is absent there may only be late. */
import { describe, expect, it } from "vitest";
import { cloudflareKvStore, type KvNamespace } from "../../../src/stores/cloudflare-kv.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { StoredRecord, TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { acme, credentials, fakeApi } from "../../support/fake-api.ts";
import { type Bench, bench, type BenchOptions, VMS } from "../../support/vault.ts";
import { HOUR, MINUTE, outcome, SECOND, within } from "./faulty-parts.ts";

/** Reads show what was there `lag` ago, in this place; writes go to the middle at once. */
function lagging(clock: ManualClock, middle: TokenStore, lag: number): TokenStore {
  const cached = new Map<string, { at: number; record: StoredRecord | undefined }>();
  async function read(key: string): Promise<StoredRecord | undefined> {
    const known = cached.get(key);
    if (known && clock.running() - known.at < lag) return known.record;
    const record = await middle.read(key);
    cached.set(key, { at: clock.running(), record });
    return record;
  }
  return {
    ...middle,
    atomic: false,
    shared: "everywhere",
    read,
    head: read,
    async write(key, next) {
      // Without compare-and-set, and its own cache does not hear of it.
      return middle.write(key, next, await middle.head(key));
    },
  };
}

interface Places {
  readonly clock: ManualClock;
  readonly middle: TokenStore;
  readonly here: Bench;
  /** Another place, whose cache is its own. */
  place(lag?: number): Bench;
}

/** A place that has looked already, so that its cache holds "none". */
async function places(lag: number, options: BenchOptions = {}): Promise<Places> {
  const clock = manualClock();
  const middle = memoryStore();
  const api = fakeApi();
  const provider = acme({ rotation: "none" });
  const place = (own = lag): Bench => {
    const made = bench({ provider, api, clock, store: lagging(clock, middle, own), ...options });
    return made;
  };
  const here = place();
  expect(await within(clock, MINUTE, outcome(here.vault.getToken()))).toBe("no_session");
  return { clock, middle, here, place };
}

describe("right after a sign-in, a store whose cache says none", () => {
  it.each([0, SECOND, 29 * SECOND, 31 * SECOND, 59 * SECOND, 61 * SECOND, 119 * SECOND])(
    "does not read as signed out, %i ms after it [F58 F33]",
    async (later) => {
      const { clock, here } = await places(2 * MINUTE);
      await within(clock, MINUTE, here.vault.signIn(credentials));
      await clock.advance(later);
      expect((await within(clock, MINUTE, here.vault.fetch(VMS))).status).toBe(200);
      // Nor by a look in the background.
      await clock.advance(SECOND);
      expect(here.vault.snapshot()).toMatchObject({ status: "signed-in", generation: 1 });
      expect(here.types()).not.toContain("signed-out");
    },
  );

  it("does not read as signed out by any of the looks that follow, nor when it has caught up [F58]", async () => {
    const { clock, here } = await places(2 * MINUTE);
    await within(clock, MINUTE, here.vault.signIn(credentials));
    for (let times = 0; times < 30; times++) {
      await clock.advance(10 * SECOND);
      expect((await within(clock, MINUTE, here.vault.fetch(VMS))).status).toBe(200);
    }
    expect(here.types()).not.toContain("signed-out");
    expect(here.vault.snapshot()).toMatchObject({ status: "signed-in", persisted: true });
  });

  it("does not read as signed out after an adoption either [F58]", async () => {
    const { clock, here } = await places(2 * MINUTE);
    const token = { accessToken: "access-1-secret", expiresAt: clock.now() + HOUR };
    await within(clock, MINUTE, here.vault.adopt(token));
    await clock.advance(61 * SECOND);
    expect(await within(clock, MINUTE, outcome(here.vault.getToken()))).toBe("access-1-secret");
    await clock.advance(SECOND);
    expect(here.vault.snapshot().status).toBe("signed-in");
  });

  it("does not hide a sign-out that was made elsewhere [F58 P4]", async () => {
    const { clock, here, place } = await places(30 * SECOND);
    await within(clock, MINUTE, here.vault.signIn(credentials));
    await clock.advance(2 * MINUTE);
    const there = place(0);
    await within(clock, MINUTE, there.vault.signOut());
    // KV's delay, and what a context may go without a look.
    await clock.advance(3 * MINUTE);
    await within(clock, MINUTE, outcome(here.vault.getToken()));
    await clock.advance(SECOND);
    expect(await within(clock, MINUTE, outcome(here.vault.getToken()))).toBe("no_session");
  });

  it("does not bring back what was signed out here [F58 P4]", async () => {
    const { clock, here } = await places(2 * MINUTE);
    await within(clock, MINUTE, here.vault.signIn(credentials));
    await clock.advance(3 * MINUTE);
    expect(await within(clock, MINUTE, outcome(here.vault.getToken()))).toBe("access-1-secret");
    await within(clock, MINUTE, here.vault.signOut());
    for (let times = 0; times < 12; times++) {
      await clock.advance(15 * SECOND);
      expect(await within(clock, MINUTE, outcome(here.vault.getToken()))).toBe("no_session");
    }
  });

  it("reads as signed out in a place that has never seen the session [F58]", async () => {
    const { clock, here, place } = await places(2 * MINUTE);
    const there = place();
    expect(await within(clock, MINUTE, outcome(there.vault.getToken()))).toBe("no_session");
    await within(clock, MINUTE, here.vault.signIn(credentials));
    expect(await within(clock, MINUTE, outcome(there.vault.getToken()))).toBe("no_session");
    await clock.advance(3 * MINUTE);
    await within(clock, MINUTE, outcome(there.vault.getToken()));
    expect(await within(clock, MINUTE, outcome(there.vault.getToken()))).toBe("access-1-secret");
  });
});

describe("a sign-out in a store whose cache says none", () => {
  /** Somebody is signed in there, and here the cache does not know it. */
  async function signedInThere() {
    const all = await places(2 * MINUTE);
    const there = all.place(0);
    await within(all.clock, MINUTE, there.vault.signIn(credentials));
    await all.clock.advance(SECOND);
    return { ...all, there };
  }

  /** What the middle holds of each account. */
  const heads = async (middle: TokenStore) =>
    Promise.all((await middle.list("")).map((key) => middle.head(key)));

  it("ends the session that it cannot see [P19 S14 F33]", async () => {
    const { clock, middle, here, there } = await signedInThere();
    await within(clock, MINUTE, here.vault.signOut());
    expect(await heads(middle)).toMatchObject([{ tombstone: true }]);
    await clock.advance(2 * MINUTE);
    await within(clock, MINUTE, outcome(there.vault.getToken()));
    await clock.advance(SECOND);
    expect(await within(clock, MINUTE, outcome(there.vault.getToken()))).toBe("no_session");
  });

  it("removes another account that it cannot see [P19 S14 F33]", async () => {
    const { clock, middle, place } = await signedInThere();
    const other = bench({
      provider: acme({ rotation: "none" }),
      clock,
      account: "other",
      // Its list is the middle's; of each record it has nothing yet.
      store: { ...lagging(clock, middle, 0), read: async () => undefined },
    });
    await within(clock, MINUTE, other.vault.removeAccount("default"));
    expect(await heads(middle)).toMatchObject([{ tombstone: true }]);
    expect(await within(clock, MINUTE, place(0).vault.accounts())).toEqual([]);
  });

  it("does not end the sign-in that follows it here [P19 F33]", async () => {
    const { clock, here, place } = await signedInThere();
    await within(clock, MINUTE, here.vault.signOut());
    await within(clock, MINUTE, here.vault.signIn(credentials));
    for (let times = 0; times < 5; times++) {
      await clock.advance(MINUTE);
      expect((await within(clock, MINUTE, here.vault.fetch(VMS))).status).toBe(200);
    }
    const late = place(0);
    expect((await within(clock, MINUTE, late.vault.fetch(VMS))).status).toBe(200);
  });

  it("writes one tombstone, and no more by the looks that follow [P19 F33]", async () => {
    const { clock, middle, here } = await signedInThere();
    await within(clock, MINUTE, here.vault.signOut());
    const before = await heads(middle);
    for (let times = 0; times < 5; times++) {
      await clock.advance(MINUTE);
      await within(clock, MINUTE, outcome(here.vault.getToken()));
    }
    expect(await heads(middle)).toEqual(before);
  });
});

describe("Workers KV itself, with a cache that says none", () => {
  /** A location of KV: what it has answered it answers again until its cache has aged. */
  function location(clock: ManualClock, middle: Map<string, Entry>, lag: number): KvNamespace {
    const cached = new Map<string, { at: number; entry: Entry }>();
    return {
      async getWithMetadata(key) {
        const known = cached.get(key);
        if (known && clock.running() - known.at < lag) return known.entry;
        const entry = middle.get(key) ?? { value: null, metadata: null };
        cached.set(key, { at: clock.running(), entry });
        return entry;
      },
      put: async (key, value, { metadata }) => void middle.set(key, { value, metadata }),
      delete: async (key) => void middle.delete(key),
      list: async ({ prefix }) => ({
        keys: [...middle.keys()].filter((key) => key.startsWith(prefix)).map((name) => ({ name })),
        list_complete: true,
      }),
    };
  }
  interface Entry {
    value: string | null;
    metadata: unknown;
  }

  it.each([31 * SECOND, 61 * SECOND, 3 * MINUTE])(
    "does not read as signed out after a sign-in, %i ms on [F58]",
    async (later) => {
      const clock = manualClock();
      const store = cloudflareKvStore(location(clock, new Map(), 2 * MINUTE));
      const made = bench({ clock, store, provider: acme({ rotation: "none" }) });
      const { vault } = made;
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("no_session");
      await within(clock, MINUTE, vault.signIn(credentials));
      await clock.advance(later);
      expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
      await clock.advance(SECOND);
      expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
      expect(vault.snapshot().status).toBe("signed-in");
    },
  );
});

describe("a store that compares and sets, and has lost its record", () => {
  it("reads as signed out: there absence is no lateness [F58 F29]", async () => {
    const clock = manualClock();
    const store = memoryStore();
    const { vault } = bench({ clock, store });
    await vault.signIn(credentials);
    const [key] = await store.list("");
    await store.write(key!, undefined, await store.head(key!));
    await clock.advance(2 * MINUTE);
    await within(clock, MINUTE, outcome(vault.getToken()));
    expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("no_session");
  });
});

/** The object's inside, with a storage, a KV and a clock that a test holds in its hands. */
import { describe, expect, it } from "vitest";
import { readKeys } from "../../../src/cloudflare/keys.ts";
import { createOwner, type ObjectOwner } from "../../../src/cloudflare/owner.ts";
import { type SessionName, keyOf } from "../../../src/cloudflare/wire.ts";
import type { KvNamespace } from "../../../src/stores/cloudflare-kv.ts";
import { type DurableStorage, durableObjectStore } from "../../../src/stores/durable-object.ts";
import type { Provider } from "../../../src/types.ts";
import { record } from "../../contracts/store.ts";
import { durableKv } from "../../support/durable-kv.ts";
import { settle } from "../../support/clock.ts";
import { proxyTo } from "../../support/proxy.ts";
import { virtualClock } from "../../support/virtual-clock.ts";

const keys = readKeys(`k1:${btoa("0123456789abcdef0123456789abcdef")}`, {});

const ID = "0123456789abcdef".repeat(4);

const grant = (generation: number) => ({
  type: "granted",
  grant: { accessToken: `at-${generation}`, refreshToken: `rt-${generation}`, expiresIn: 86_400 },
});

function open() {
  const clock = virtualClock();
  const stored = new Map<string, unknown>();
  const puts: { at: number; tombstone: boolean }[] = [];
  const entries = new Map<string, { value: string; metadata: unknown }>();
  const state = {
    broken: false,
    lost: false,
    /** Which writes find the disk full, by the row's name. */
    isFull: (_row: string): boolean => false,
    alarm: undefined as number | undefined,
    calls: 0,
    revoked: 0,
  };
  const held = new Set<Promise<unknown>>();
  const failing = (): Promise<never> => Promise.reject(new Error("down"));
  const kv: KvNamespace = {
    getWithMetadata: (key) =>
      state.broken
        ? failing()
        : Promise.resolve(entries.get(key) ?? { value: null, metadata: null }),
    put(key, value, { metadata }) {
      if (state.broken) return failing();
      puts.push({ at: clock.now(), tombstone: !!(metadata as { tombstone?: true }).tombstone });
      entries.set(key, { value, metadata });
      return Promise.resolve();
    },
    delete: failing,
    list: failing,
  };
  const provider = {
    name: "acme",
    origins: ["https://api.acme.example"],
    renewal: { rotation: "strict" },
    signIn: async () => grant(1),
    renew: async () => grant(++state.calls + 1),
    revoke: async () => void (state.revoked += 1),
  } as unknown as Provider<never>;
  const rows = durableKv(stored);
  const storage: DurableStorage = {
    transactionSync(task) {
      if (state.lost) throw new Error("disk: secret");
      return task();
    },
    sync: async () => {},
    kv: {
      ...rows,
      put(row, value) {
        if (state.isFull(row)) throw new Error("database or disk is full: SQLITE_FULL");
        rows.put(row, value);
      },
    },
  };
  let built = 0;
  const build = (): ObjectOwner => {
    // There is one instance at a time: an earlier one sets no alarm any more.
    const mine = ++built;
    return createOwner(
      {
        id: { toString: () => ID },
        waitUntil(promise) {
          held.add(promise);
          void promise.catch(() => {}).then(() => held.delete(promise));
        },
        storage: {
          ...storage,
          async getAlarm() {
            await settle();
            return state.alarm ?? null;
          },
          async setAlarm(time) {
            if (mine === built) state.alarm = time;
          },
          deleteAll: async () => stored.clear(),
          deleteAlarm: async () => void (state.alarm = undefined),
        },
      },
      { providers: { acme: provider }, keys, kv, clock, random: () => 0.5 },
    );
  };
  const call: SessionName = { provider: "acme", account: "a", key: keyOf(provider, "a") };
  return { clock, held, stored, puts, entries, state, storage, provider, build, call };
}

const HOUR = 3_600_000;

describe("what the object tells KV", () => {
  it("one write a second and key at most, and the last state in the end", async () => {
    const { clock, puts, entries, build, call } = open();
    const owner = build();
    await owner.signIn(call, {}, {});
    await owner.signIn(call, {}, {});
    await owner.signIn(call, {}, {});
    await settle();
    await owner.signOut(call);
    await settle();
    await clock.at(clock.now() + 10_000);
    expect(puts.length).toBeGreaterThanOrEqual(2);
    for (let put = 1; put < puts.length; put++)
      expect(puts[put]!.at - puts[put - 1]!.at).toBeGreaterThanOrEqual(1_000);
    expect(puts.at(-1)!.tombstone).toBe(true);
    const [name] = [...entries.keys()];
    expect(name).toBe(`tokenkeep:cache:${ID}`);
  });

  it("a sign-out is told again and again, over a restart too, until KV takes it [P4]", async () => {
    const { clock, puts, state, build, call } = open();
    await build().signIn(call, {}, {});
    await settle();
    state.broken = true;
    const owner = build();
    await owner.signOut(call);
    await settle();
    expect(puts.filter(({ tombstone }) => tombstone)).toHaveLength(0);
    // Set for a minute from now, though there is no session to refresh.
    expect(state.alarm! - Date.now()).toBeGreaterThan(50_000);
    expect(state.alarm! - Date.now()).toBeLessThan(70_000);
    await clock.at(clock.now() + 60_000);
    await owner.alarm();
    await settle();
    expect(state.alarm).toBeDefined();
    state.broken = false;
    await clock.at(clock.now() + 60_000);
    await build().alarm();
    await settle();
    expect(puts.at(-1)).toMatchObject({ tombstone: true });
    expect(state.alarm).toBeUndefined();
  });

  it("a sign-in that is refused after a sign-out does not keep KV from hearing of that [P4]", async () => {
    const { clock, puts, state, build, call, provider } = open();
    const owner = build();
    await owner.signIn(call, {}, {});
    await settle();
    await clock.at(clock.now() + 2_000);
    state.broken = true;
    await owner.signOut(call);
    await settle();
    Object.assign(provider, { signIn: async () => ({ type: "refused" }) });
    expect((await owner.signIn(call, {}, {})).error).toMatchObject({ code: "credentials_refused" });
    state.broken = false;
    await clock.at(clock.now() + 60_000);
    await owner.alarm();
    await settle();
    expect(puts.at(-1)).toMatchObject({ tombstone: true });
  });

  it("a token that ends within the minute that KV keeps everything is not put there", async () => {
    const { puts, build, call, provider } = open();
    const short = { ...grant(1), grant: { ...grant(1).grant, expiresIn: 60 } };
    Object.assign(provider, { signIn: async () => short });
    await build().signIn(call, {}, {});
    await settle();
    expect(puts).toEqual([]);
  });

  it("a session that takes another's place is told, though KV can have nothing of it [S11 P4]", async () => {
    const { clock, puts, state, build, call, provider } = open();
    const owner = build();
    await owner.signIn(call, {}, {});
    await settle();
    expect(puts).toMatchObject([{ tombstone: false }]);
    const short = { ...grant(1), grant: { ...grant(1).grant, expiresIn: 60 } };
    Object.assign(provider, { signIn: async () => short });
    await owner.signIn(call, {}, {});
    await clock.at(clock.now() + 10_000);
    expect(puts).toMatchObject([{ tombstone: false }, { tombstone: true }]);
    // It is paid: what is armed is the refresh.
    expect(state.alarm! - Date.now()).toBeLessThan(60_000);
    await clock.at(clock.now() + 20_000);
    expect(puts).toHaveLength(2);
  });

  it("an object that wakes does not repeat what it has told", async () => {
    const { clock, puts, build, call } = open();
    await build().signIn(call, {}, {});
    await settle();
    await clock.at(clock.now() + HOUR);
    for (let start = 0; start < 5; start++) {
      await build().token(call, {});
      await settle();
    }
    expect(puts).toHaveLength(1);
  });
});

describe("what nobody waits for", () => {
  it("a refresh in the background is held by waitUntil until its tokens are stored [F31]", async () => {
    const { clock, held, build, call, provider } = open();
    const owner = build();
    await owner.signIn(call, {}, {});
    await settle();
    let answer: ((outcome: unknown) => void) | undefined;
    Object.assign(provider, { renew: () => new Promise((resolve) => (answer = resolve)) });
    await clock.at(clock.now() + 20 * HOUR);
    expect((await owner.token(call, {})).lease).toMatchObject({ generation: 1 });
    // Its alarm is set meanwhile; what is held after that is the refresh.
    for (let turns = 0; turns < 5; turns++) await settle();
    expect(answer).toBeDefined();
    expect(held.size).toBeGreaterThan(0);
    const all = Promise.all(held);
    // Longer than KV has to be told anything: nothing else is held by then.
    await clock.at(clock.now() + 5_000);
    for (let turns = 0; turns < 5; turns++) await settle();
    expect(held.size).toBeGreaterThan(0);
    answer!(grant(2));
    await clock.until(all);
    expect((await owner.token(call, {})).lease).toMatchObject({ generation: 2 });
  });

  it("an alarm has set the next one before it ends [F35]", async () => {
    const { state, build, call } = open();
    const owner = build();
    await owner.signIn(call, {}, {});
    await settle();
    state.alarm = undefined;
    await owner.alarm();
    expect(state.alarm! - Date.now()).toBeGreaterThan(17 * HOUR);
  });
});

describe("a storage that is full", () => {
  const token = async (owner: ObjectOwner, call: SessionName): Promise<unknown> => {
    const { lease, error } = await owner.token(call, {});
    return lease?.accessToken ?? error?.code;
  };

  it("keeps nobody from signing out: the token is served no more, and is revoked [S14]", async () => {
    const { state, build, call, puts, clock } = open();
    const owner = build();
    await owner.signIn(call, {}, {});
    await settle();
    state.isFull = () => true;
    expect(await owner.signOut(call)).toMatchObject({ error: { code: "store_unavailable" } });
    await settle();
    expect(state.revoked).toBe(1);
    expect(await token(owner, call)).toBe("no_session");
    // KV hears of it from this instance, which knows what it could not note.
    await clock.at(clock.now() + 10_000);
    expect(puts.at(-1)).toMatchObject({ tombstone: true });
  });

  it("for the deed alone costs nothing but that write: the next one has the deed [F35 F96]", async () => {
    const { state, stored, build, call, clock } = open();
    const owner = build();
    let failures = 0;
    state.isFull = (row) => row === "tokenkeep-deed" && failures++ === 0;
    expect(await owner.signIn(call, {}, {})).toMatchObject({ lease: { accessToken: "at-1" } });
    await clock.at(clock.now() + HOUR / 60);
    expect(failures).toBeGreaterThan(1);
    expect(stored.get("tokenkeep-deed")).toMatchObject({ key: call.key, account: "a" });
    // Another instance knows by it what to refresh, and when.
    state.alarm = undefined;
    await build().alarm();
    await settle();
    expect(state.alarm).toBeDefined();
  });

  it("fails no sign-in by the debt of the session before [P19]", async () => {
    const { state, build, call, clock } = open();
    const owner = build();
    await owner.signIn(call, {}, {});
    await settle();
    state.isFull = (row) => row === "tokenkeep-deed";
    expect(await owner.signIn(call, {}, {})).toMatchObject({ lease: { accessToken: "at-1" } });
    await owner.signIn(call, {}, {});
    expect(await owner.state(call)).toMatchObject({ snapshot: { persisted: true } });
    // Nor a refresh, though the debt was never noted.
    await clock.at(clock.now() + 24 * HOUR);
    expect(await token(owner, call)).toBe("at-2");
    expect(await owner.state(call)).toMatchObject({ snapshot: { persisted: true, generation: 2 } });
  });
});

describe("an adoption by a Worker whose clock is behind the object's", () => {
  function behind(ms: number) {
    const { build, call, clock, provider, state } = open();
    const owner = build();
    const theirs = { ...clock, now: () => clock.now() - ms };
    const vault = proxyTo(() => owner, provider, { clock: theirs });
    return { owner, call, clock, vault, state };
  }

  it.each(["signOut", "removeAccount"] as const)(
    "comes after a %s of a moment ago: it stands [P19 P20 F60]",
    async (end) => {
      const { owner, call, vault, state } = behind(4_000);
      await owner.signIn(call, {}, {});
      await owner[end](call);
      await settle();
      const { revoked } = state;
      await vault.adopt({ accessToken: "adopted" });
      expect(await vault.getToken()).toBe("adopted");
      expect(state.revoked).toBe(revoked);
    },
  );

  it("comes after a sign-in of a moment ago: it takes its place [P19 P20 F60]", async () => {
    const { owner, call, vault } = behind(4_000);
    await owner.signIn(call, {}, {});
    await vault.adopt({ accessToken: "adopted" });
    expect(await vault.getToken()).toBe("adopted");
  });

  it("is older than a removal that came while its question was on its way: it does not stand [F101 F49]", async () => {
    const { owner, call, clock } = behind(0);
    const asked = (age: number, sessionId: string) =>
      owner.adopt(call, { accessToken: "adopted" }, { adoption: { sessionId, age } });
    await owner.signIn(call, {}, {});
    await owner.removeAccount(call);
    await clock.at(clock.now() + 1_000);
    await asked(5_000, "an-adoption-before-it");
    expect(await owner.token(call, {})).toMatchObject({ error: { code: "no_session" } });
    await asked(500, "an-adoption-after-it");
    expect(await owner.token(call, {})).toMatchObject({ lease: { accessToken: "adopted" } });
  });
});

describe("plain http for development", () => {
  it("that the class does not allow is told of defineTokenVault", async () => {
    const { build, call, provider } = open();
    Object.assign(provider, { origins: ["http://127.0.0.1:8787"] });
    const { error } = await build().signIn({ ...call, key: keyOf(provider, "a") }, {}, {});
    expect(error?.code).toBe("invalid_option");
    expect(error?.message).toContain("dangerouslyAllowLoopbackHttp: true to defineTokenVault.");
  });
});

describe("the object's storage", () => {
  it("that fails is not empty, nobody is signed out by it, and its words are kept in [P16 S4]", async () => {
    const { clock, state, build, call } = open();
    await build().signIn(call, {}, {});
    await settle();
    state.lost = true;
    const owner = build();
    const { error } = await clock.until(owner.token(call, {}));
    expect(error).toMatchObject({ code: "store_unavailable" });
    expect(JSON.stringify(error)).not.toContain("secret");
    await clock.until(owner.alarm().catch(() => {}));
    await settle();
    // It looks again, though nobody calls.
    expect(state.alarm! - Date.now()).toBeGreaterThan(0);
    expect(state.alarm! - Date.now()).toBeLessThan(HOUR + 1_000);
    state.lost = false;
    expect((await build().token(call, {})).lease).toMatchObject({ accessToken: "at-1" });
  });

  it("a record of a newer format is left untouched and reads as unavailable", async () => {
    const { storage, stored } = open();
    const store = durableObjectStore(storage);
    const newer = { ...record(), format: 2 };
    stored.set("tokenkeep:a", newer);
    for (const use of [store.read("a"), store.head("a"), store.write("a", record(), undefined)])
      await expect(use).rejects.toMatchObject({ code: "store_unavailable" });
    expect(stored.get("tokenkeep:a")).toEqual(newer);
  });

  it("a write that does not become durable is none [P5]", async () => {
    const { storage } = open();
    const store = durableObjectStore({
      ...storage,
      sync: () => Promise.reject(new Error("reset")),
    });
    await expect(store.write("a", record(), undefined)).rejects.toMatchObject({
      code: "store_unavailable",
    });
  });
});

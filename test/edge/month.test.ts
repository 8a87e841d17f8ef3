/** A month of one account, with everything that its object is woken for counted. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { readKeys } from "../../src/cloudflare/keys.ts";
import { createOwner, type ObjectOwner } from "../../src/cloudflare/owner.ts";
import { type SessionName, keyOf } from "../../src/cloudflare/wire.ts";
import type { KvNamespace } from "../../src/stores/cloudflare-kv.ts";
import type { Provider } from "../../src/types.ts";
import { durableKv } from "../support/durable-kv.ts";
import { settle } from "../support/clock.ts";
import { virtualClock } from "../support/virtual-clock.ts";

afterEach(() => void vi.restoreAllMocks());

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MONTH = 30 * DAY;
const keys = readKeys(`k1:${btoa("0123456789abcdef0123456789abcdef")}`, {});

interface Month {
  readonly call: SessionName;
  /** The object as of now; each alarm builds it anew, as after a rest. */
  object(): ObjectOwner;
  pass(ms: number): Promise<void>;
  /** Settles what is asked, while time passes as far as that needs. */
  until<T>(asked: Promise<T>): Promise<T>;
  /** How often it was woken, and what it did then. */
  readonly counts: { alarms: number; idle: number; tokenCalls: number; kvWrites: number };
  readonly stored: ReadonlyMap<string, unknown>;
  alarm(): number | undefined;
  /** How long KV takes for a write, and whether it takes any. */
  kv: { slow: number; broken: boolean };
  providers: Record<string, Provider<never>>;
}

function month(provider: Partial<Provider<never>> = {}): Month {
  const clock = virtualClock();
  // The platform sets alarms by its own clock.
  vi.spyOn(Date, "now").mockImplementation(clock.now);
  const stored = new Map<string, unknown>();
  const counts = { alarms: 0, idle: 0, tokenCalls: 0, kvWrites: 0 };
  const kv = { slow: 0, broken: false };
  let alarm: { at: number; handle: unknown } | undefined;
  const grant = async () => ({
    type: "granted",
    grant: {
      accessToken: `at-${(counts.tokenCalls += 1)}`,
      refreshToken: `rt-${counts.tokenCalls}`,
      expiresIn: 86_400,
    },
  });
  const acme = {
    name: "acme",
    origins: ["https://api.acme.example"],
    renewal: { rotation: "strict" },
    signIn: grant,
    renew: grant,
    ...provider,
  } as unknown as Provider<never>;
  const namespace: KvNamespace = {
    getWithMetadata: async () => ({ value: null, metadata: null }),
    async put() {
      counts.kvWrites += 1;
      await new Promise<void>((resolve) => clock.setTimeout(resolve, kv.slow));
      if (kv.broken) throw new Error("KV is down");
    },
    delete: async () => {},
    list: async () => ({ keys: [], list_complete: true }),
  };
  const disarm = (): void => {
    if (alarm) clock.clearTimeout(alarm.handle);
    alarm = undefined;
  };

  /** An alarm that finds nothing to do is one too many. */
  async function fire(): Promise<void> {
    alarm = undefined;
    counts.alarms += 1;
    const { tokenCalls, kvWrites } = counts;
    const before = JSON.stringify([...stored]);
    object = build();
    await object.alarm();
    await settle();
    const isSame = JSON.stringify([...stored]) === before;
    if (isSame && counts.tokenCalls === tokenCalls && counts.kvWrites === kvWrites)
      counts.idle += 1;
  }

  const build = (): ObjectOwner =>
    createOwner(
      {
        id: { toString: () => "object" },
        waitUntil: (promise) => void promise.catch(() => {}),
        storage: {
          transactionSync: (task) => task(),
          sync: async () => {},
          kv: durableKv(stored),
          getAlarm: async () => alarm?.at ?? null,
          async setAlarm(time) {
            disarm();
            const handle = clock.setTimeout(() => void fire(), Math.max(0, time - clock.now()));
            alarm = { at: time, handle };
          },
          deleteAlarm: async () => disarm(),
          deleteAll: async () => stored.clear(),
        },
      },
      { providers: self.providers, keys, kv: namespace, clock, random: () => 0.5 },
    );
  const self: Month = {
    call: { provider: "acme", account: "a", key: keyOf(acme, "a") },
    object: () => object,
    pass: (ms) => clock.at(clock.now() + ms),
    until: (asked) => clock.until(asked),
    counts,
    stored,
    alarm: () => alarm?.at,
    kv,
    providers: { acme },
  };
  let object = build();
  return self;
}

const tokens = { accessToken: "at-0", refreshToken: "rt-0" };

describe("a month of an account", () => {
  it("whose tokens live for a day: an alarm for each refresh, and no other [F97 P1]", async () => {
    const made = month();
    await made.until(made.object().signIn(made.call, {}, {}));
    await made.pass(MONTH);
    const { alarms, idle, tokenCalls } = made.counts;
    expect({ alarms, idle }).toEqual({ alarms: tokenCalls - 1, idle: 0 });
    // At 77.5 % of the life: every 18.6 hours.
    expect(tokenCalls).toBe(1 + Math.floor(MONTH / (18.6 * HOUR)));
  });

  it.each<[string, Partial<Provider<never>>]>([
    ["a static token", { renewal: undefined } as never],
    ["tokens whose life nobody knows", {}],
  ])("with %s: no alarm at all [F97]", async (_, provider) => {
    const made = month(provider);
    await made.until(made.object().adopt(made.call, { accessToken: "a", refreshToken: "r" }, {}));
    await made.pass(MONTH);
    expect(made.counts).toMatchObject({ alarms: 0, tokenCalls: 0 });
    expect(made.alarm()).toBeUndefined();
  });

  it("who has signed out: none, once KV has heard of it [F97]", async () => {
    const made = month();
    await made.until(made.object().signIn(made.call, {}, {}));
    await made.pass(10_000);
    await made.until(made.object().signOut(made.call));
    await made.pass(MONTH);
    expect(made.counts).toMatchObject({ alarms: 0, kvWrites: 2 });
  });

  it.each([
    ["a static token", { renewal: undefined } as never],
    ["a rotating one", {}],
  ])(
    "with %s that signs out and in again behind a slow KV: the debt is overtaken [F97]",
    async (_, provider) => {
      const made = month(provider);
      made.kv.slow = 300;
      const { call } = made;
      await made.until(made.object().adopt(call, { ...tokens, expiresAt: 4e12 }, {}));
      await made.until(made.object().signOut(call));
      await made.until(made.object().adopt(call, { ...tokens, expiresAt: 4e12 }, {}));
      await made.pass(MONTH);
      expect(made.counts).toMatchObject({ alarms: 0, tokenCalls: 0 });
      expect(made.stored.get("tokenkeep-deed")).not.toHaveProperty("owes.sessionId");
    },
  );

  it("whose KV is down for all of it: a minute's alarms for five minutes, then KV has forgotten by itself [F97 P4]", async () => {
    const made = month();
    await made.until(made.object().signIn(made.call, {}, {}));
    await made.pass(10_000);
    made.kv.broken = true;
    await made.until(made.object().signOut(made.call));
    await made.pass(MONTH);
    expect(made.counts.alarms).toBeGreaterThanOrEqual(4);
    expect(made.counts.alarms).toBeLessThanOrEqual(6);
    expect(made.alarm()).toBeUndefined();
  });

  it("whose provider is missing for all of it: an alarm each hour, ready for the next deploy [F96]", async () => {
    const made = month();
    await made.until(made.object().signIn(made.call, {}, {}));
    const { acme } = made.providers;
    made.providers = {};
    await made.pass(MONTH);
    expect(made.counts.tokenCalls).toBe(1);
    expect(made.counts.alarms).toBeGreaterThan(24 * 29 - 1);
    expect(made.counts.alarms).toBeLessThanOrEqual(24 * 30);
    made.providers = { acme: acme! };
    await made.pass(2 * HOUR);
    expect(made.counts.tokenCalls).toBe(2);
  });

  it("that was removed: nothing is left, neither rows nor alarms [F97]", async () => {
    const made = month();
    await made.until(made.object().signIn(made.call, {}, {}));
    await made.pass(10_000);
    await made.until(made.object().removeAccount(made.call));
    await made.pass(10_000);
    expect(made.stored.size).toBe(0);
    await made.pass(MONTH);
    expect(made.counts).toMatchObject({ alarms: 0, kvWrites: 2, tokenCalls: 1 });
    // It may come back.
    await made.until(made.object().signIn(made.call, {}, {}));
    const reply = await made.until(made.object().token(made.call, {}));
    expect(reply.lease).toMatchObject({ accessToken: "at-2", generation: 1 });
  });

  it("that was removed while KV is down: nothing is left five minutes later [F97]", async () => {
    const made = month();
    await made.until(made.object().signIn(made.call, {}, {}));
    await made.pass(10_000);
    made.kv.broken = true;
    await made.until(made.object().removeAccount(made.call));
    expect(made.stored.size).toBeGreaterThan(0);
    await made.pass(HOUR);
    expect(made.stored.size).toBe(0);
    expect(made.alarm()).toBeUndefined();
  });

  it("that never was: asking, a refused sign-in, signing out and removing leave nothing behind [F102]", async () => {
    const made = month({ signIn: async () => ({ type: "refused" }) });
    const { call } = made;
    await made.until(made.object().state(call));
    expect((await made.until(made.object().signIn(call, {}, {}))).error).toMatchObject({
      code: "credentials_refused",
    });
    await made.until(made.object().signOut(call));
    await made.until(made.object().removeAccount(call));
    await made.pass(DAY);
    expect(made.stored.size).toBe(0);
    expect(made.counts).toMatchObject({ alarms: 0, kvWrites: 0 });
  });
});

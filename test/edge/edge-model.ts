/**
 * The edge as a model that the real code runs in: places with a KV cache of their own, isolates with a
 * memory of their own, Durable Objects that rest and wake, alarms, and a clock that jumps from event
 * to event. What is counted is what the platform bills and limits. Accounts do not meet, so that a
 * sample of them stands for a million.
 */
import { createCache, type TokenCache } from "../../src/cloudflare/cache.ts";
import { readKeys } from "../../src/cloudflare/keys.ts";
import { createMemory, type Memory } from "../../src/cloudflare/memory.ts";
import { createOwner, type ObjectOwner } from "../../src/cloudflare/owner.ts";
import type { ObjectContext } from "../../src/cloudflare/shelf.ts";
import { createProxy } from "../../src/cloudflare/proxy.ts";
import { hashOf, keyOf, type Owner } from "../../src/cloudflare/wire.ts";
import type { KvNamespace } from "../../src/stores/cloudflare-kv.ts";
import type { Clock, Provider } from "../../src/types.ts";
import { presentationOf } from "../../src/request/presentation.ts";
import { seeded } from "../model/random.ts";
import { virtualClock } from "../support/virtual-clock.ts";

export interface Scenario {
  /** How many accounts are played. */
  readonly accounts: number;
  /** Requests per second and account, evenly at random. */
  readonly rate: number;
  /** Places, each with a KV cache of its own. */
  readonly places: number;
  /** Isolates in each place. */
  readonly isolates: number;
  /** How many places see one account's requests. */
  readonly spread: number;
  /** Accounts that an isolate remembers. */
  readonly memory?: number;
  readonly kv: boolean;
  /** How long a token lives, milliseconds. */
  readonly life: number;
  /** How long is played, milliseconds. */
  readonly duration: number;
}

export interface Counts {
  requests: number;
  /** Answered by the isolate's own memory. */
  warm: number;
  kvReads: number;
  kvWrites: number;
  /** Questions to objects, alarms not counted. */
  objectRequests: number;
  alarms: number;
  /** Of objects' storage, as it is billed: a key is a row, setting an alarm writes one. */
  rowsRead: number;
  rowsWritten: number;
  /** How often an object had to be built. */
  starts: number;
  /** How long objects were kept from rest, milliseconds. */
  busy: number;
  tokenCalls: number;
  /** The most questions to one object in one second. */
  peak: number;
  /** The most accounts that one isolate remembered. */
  remembered: number;
}

/** How long KV answers from a place's own cache, "nothing" too. */
const KV_CACHE = 60_000;
/** An object that rests for so long is gone from memory. */
const EVICTED = 100_000;
const KEYS = `k1:${btoa("0123456789abcdef0123456789abcdef")}`;

export async function simulate(scenario: Scenario, seed = 1): Promise<Counts> {
  const { accounts, rate, places, isolates, spread, kv, life, duration } = scenario;
  const random = seeded(seed);
  const clock = virtualClock();
  const started = clock.now();
  const counts: Counts = {
    requests: 0,
    warm: 0,
    kvReads: 0,
    kvWrites: 0,
    objectRequests: 0,
    alarms: 0,
    rowsRead: 0,
    rowsWritten: 0,
    starts: 0,
    busy: 0,
    tokenCalls: 0,
    peak: 0,
    remembered: 0,
  };
  const grant = (): object => ({
    accessToken: `at-${++counts.tokenCalls}`,
    expiresIn: life / 1000,
  });
  const provider = {
    name: "simulated",
    origins: ["https://api.example.com"],
    renewal: { rotation: "strict", assumedLifetime: life },
    signIn: async () => ({ type: "granted", grant: { ...grant(), refreshToken: "rt" } }),
    renew: async () => ({ type: "granted", grant: { ...grant(), refreshToken: "rt" } }),
  } as unknown as Provider<never>;
  const keys = readKeys(KEYS, {});

  // --- KV: one truth, and what each place has read of it
  type Entry = { value: string; metadata: unknown; until: number } | undefined;
  const truth = new Map<string, Entry>();
  const kvAt = (): KvNamespace => {
    const seen = new Map<string, { entry: Entry; until: number }>();
    return {
      async getWithMetadata(key) {
        counts.kvReads++;
        let known = seen.get(key);
        if (!known || clock.now() >= known.until) {
          known = { entry: truth.get(key), until: clock.now() + KV_CACHE };
          seen.set(key, known);
        }
        const { entry } = known;
        return entry && clock.now() < entry.until
          ? { value: entry.value, metadata: entry.metadata }
          : { value: null, metadata: null };
      },
      async put(key, value, { metadata, expirationTtl = Infinity }) {
        counts.kvWrites++;
        truth.set(key, { value, metadata, until: clock.now() + expirationTtl * 1000 });
      },
      delete: async (key) => void truth.delete(key),
      list: async () => ({ keys: [], list_complete: true }),
    };
  };

  // --- objects: they rest when nothing holds them, and wake by a question or an alarm
  interface Object_ {
    owner: ObjectOwner | undefined;
    usedAt: number;
    busyUntil: number;
    /** How many timers keep it from rest, and since when there is one. */
    timers: number;
    heldSince: number;
    alarm: { time: number; handle: unknown } | undefined;
    second: number;
    inSecond: number;
    readonly stored: Map<string, unknown>;
  }
  const objects = new Map<string, Object_>();
  /** It is kept from rest for a while; spans that overlap count once. */
  function keep(object: Object_, from: number, to: number): void {
    counts.busy += Math.max(0, to - Math.max(from, object.busyUntil));
    object.busyUntil = Math.max(object.busyUntil, to);
  }
  function touch(object: Object_, ms: number): void {
    const now = clock.now();
    keep(object, now, now + ms);
    object.usedAt = now;
  }
  /** As any timer does, an object's keeps it from rest, until it fires or is cleared. */
  function timersOf(object: Object_): Clock {
    const held = new Set<unknown>();
    const release = (handle: unknown): void => {
      if (!held.delete(handle)) return;
      object.timers -= 1;
      if (object.timers === 0) keep(object, object.heldSince, clock.now());
      object.usedAt = clock.now();
    };
    return {
      ...clock,
      setTimeout(task, ms) {
        const handle = clock.setTimeout(() => {
          release(handle);
          task();
        }, ms);
        if (object.timers === 0) object.heldSince = clock.now();
        object.timers += 1;
        held.add(handle);
        return handle;
      },
      clearTimeout(handle) {
        release(handle);
        clock.clearTimeout(handle);
      },
    };
  }
  function objectAt(hash: string): Object_ {
    let object = objects.get(hash);
    if (!object) {
      object = {
        owner: undefined,
        usedAt: 0,
        busyUntil: 0,
        timers: 0,
        heldSince: 0,
        alarm: undefined,
        second: 0,
        inSecond: 0,
        stored: new Map(),
      };
      objects.set(hash, object);
    }
    return object;
  }
  function ownerOf(object: Object_, id: string): ObjectOwner {
    const isHeld = object.timers > 0 || clock.now() - object.usedAt < EVICTED;
    if (object.owner && isHeld) return object.owner;
    const { stored } = object;
    counts.starts++;
    // What the platform's clock says is not simulated: only how far off an alarm is.
    const setAlarm = async (time: number): Promise<void> => {
      counts.rowsWritten++;
      const wait = Math.max(0, time - Date.now());
      if (object.alarm) clock.clearTimeout(object.alarm.handle);
      const handle = clock.setTimeout(() => {
        object.alarm = undefined;
        counts.alarms++;
        touch(object, 5);
        void ownerOf(object, id).alarm();
      }, wait);
      object.alarm = { time: clock.now() + wait, handle };
    };
    const ctx: ObjectContext = {
      id,
      waitUntil: (promise) => void promise.catch(() => {}),
      storage: {
        transactionSync: (task) => task(),
        sync: async () => {},
        kv: {
          get(key) {
            counts.rowsRead++;
            return structuredClone(stored.get(key));
          },
          put(key, value) {
            counts.rowsWritten++;
            stored.set(key, structuredClone(value));
          },
          delete(key) {
            counts.rowsWritten++;
            return stored.delete(key);
          },
          list: ({ prefix }) => [...stored].filter(([key]) => key.startsWith(prefix)),
        },
        getAlarm: async () => (object.alarm ? Date.now() + object.alarm.time - clock.now() : null),
        setAlarm,
        deleteAll: async () => stored.clear(),
        async deleteAlarm() {
          if (object.alarm) clock.clearTimeout(object.alarm.handle);
          object.alarm = undefined;
        },
      },
    };
    const own = timersOf(object);
    const providers = { simulated: provider };
    const fetch_ = (): never => {
      throw new Error("No network here");
    };
    return (object.owner = createOwner(ctx, {
      providers,
      keys,
      kv: kv ? writer : undefined,
      clock: own,
      random,
      fetch: fetch_,
    }));
  }
  const writer = kvAt();
  const asked =
    (hash: string): (() => Owner) =>
    () => {
      const object = objectAt(hash);
      counts.objectRequests++;
      const second = Math.floor(clock.now() / 1000);
      object.inSecond = second === object.second ? object.inSecond + 1 : 1;
      object.second = second;
      counts.peak = Math.max(counts.peak, object.inSecond);
      const owner = ownerOf(object, hash);
      touch(object, 2);
      return owner;
    };

  // --- isolates
  const caches = Array.from({ length: places }, (): TokenCache | undefined =>
    kv ? createCache(kvAt(), () => keys) : undefined,
  );
  const memories = Array.from({ length: places * isolates }, (): Memory =>
    createMemory(scenario.memory),
  );
  const remembered = memories.map(() => new Set<number>());

  const vaultOf = (account: number, place: number, isolate: number) => {
    const name = `account-${account}`;
    const key = keyOf(provider, name);
    return createProxy({
      session: { provider: "simulated", account: name, key },
      provider,
      policy: Object.assign(() => undefined, { unlisted: () => undefined }),
      presentation: presentationOf(provider),
      memory: memories[isolate]!,
      cache: caches[place],
      hash: () => hashOf(key),
      objectId: (hash) => hash,
      owner: (hash) => asked(hash)(),
      waitUntil: (promise) => void promise.catch(() => {}),
      clock,
      patience: 20_000,
      maxStaleness: 60_000,
    });
  };

  for (let account = 0; account < accounts; account++)
    await clock.until(vaultOf(account, 0, 0).signIn({}));
  await clock.at(clock.now() + 600_000);
  // What the sign-ins cost is not the point.
  for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] = 0;
  for (const object of objects.values()) {
    object.busyUntil = 0;
    object.heldSince = clock.now();
  }

  const end = clock.now() + duration;
  const total = rate * accounts;
  for (;;) {
    const time = clock.now() + (-Math.log(1 - random()) / total) * 1000;
    if (time >= end) break;
    await clock.at(time);
    const account = Math.floor(random() * accounts);
    const place = (account * 7 + Math.floor(random() * spread)) % places;
    const isolate = place * isolates + Math.floor(random() * isolates);
    const before = counts.kvReads + counts.objectRequests;
    counts.requests++;
    await clock.until(vaultOf(account, place, isolate).getToken());
    if (counts.kvReads + counts.objectRequests === before) counts.warm++;
    remembered[isolate]!.add(account);
  }
  await clock.at(end);
  counts.remembered = Math.max(
    ...remembered.map((all) => Math.min(all.size, scenario.memory ?? Infinity)),
  );
  if (clock.now() < started) throw new Error("Time went back");
  return counts;
}

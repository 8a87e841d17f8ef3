/**
 * A small world in virtual time: events in the order of their due times, contexts that can be
 * frozen, resumed and crashed at every await, one store, one lock manager, one channel. Everything
 * is drawn from one seed, so that a schedule can be replayed.
 */
import type {
  Channel,
  Clock,
  Lock,
  PeerMessage,
  RecordHead,
  StoredRecord,
  TokenStore,
} from "../../src/types.ts";

/** mulberry32: small, fast, good enough to choose interleavings. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const EPOCH = 1_800_000_000_000;

export class Violation extends Error {}

export interface Body {
  readonly generation: number;
  readonly attempt: number;
  readonly strikes?: number;
  readonly renewedAt?: number;
  readonly rejected?: true;
  readonly refused?: true;
  readonly tokenSet: { accessToken: string; refreshToken?: string; expiresAt?: number };
  readonly intent?: { attemptId: string; lost?: true };
  readonly coolDown?: { until: number; tries: number };
}

export const bodyOf = (record: StoredRecord | undefined): Body | undefined =>
  record?.body as Body | undefined;

interface Entry {
  due: number;
  tie: number;
  owner: Place | undefined;
  run: () => void;
  dead: boolean;
}

/** One tab, worker, process or isolate: what can be frozen and killed as a whole. */
export interface Place {
  readonly id: number;
  /** Its wall clock's distance from true time. */
  offset: number;
  frozen: boolean;
  crashed: boolean;
  /** True time at which it was last frozen or resumed. */
  disturbedAt: number;
  frozenFor: number;
  frozenAt: number;
  storeDown: boolean;
  storeDownAt: number;
  storeUpAt: number;
  backlog: Entry[];
}

export interface Faults {
  /** Chances, from 0 to 1, for each event of a context. */
  readonly crash: number;
  readonly freeze: number;
  /** For each store operation: fails without writing, fails after writing. */
  readonly storeFail: number;
  readonly storeLost: number;
  /** For each lock that is held: is taken away. */
  readonly lockLost: number;
  /** Share of slow operations. */
  readonly slow: number;
}

export function createWorld(seed: number, faults: Faults) {
  const random = seeded(seed);
  const queue: Entry[] = [];
  const places: Place[] = [];
  let time = 0;
  let steps = 0;
  let calm = false;

  const chance = (share: number): boolean => !calm && share > 0 && random() < share;

  function schedule(owner: Place | undefined, delay: number, run: () => void): Entry {
    const entry = { due: time + delay, tie: random(), owner, run, dead: false };
    queue.push(entry);
    return entry;
  }

  /** How long something takes: mostly next to nothing, sometimes seconds. */
  const latency = (): number => (chance(faults.slow) ? random() * 4_000 : random() * 3);

  function freeze(place: Place): void {
    if (place.frozen || place.crashed) return;
    place.frozen = true;
    place.frozenAt = place.disturbedAt = time;
  }

  function resume(place: Place): void {
    if (!place.frozen) return;
    place.frozen = false;
    place.disturbedAt = time;
    place.frozenFor += time - place.frozenAt;
    for (const entry of place.backlog.splice(0)) queue.push({ ...entry, due: time, tie: random() });
  }

  function crash(place: Place): void {
    place.crashed = true;
    place.frozen = false;
    place.backlog.length = 0;
    for (const entry of queue) if (entry.owner === place) entry.dead = true;
    locks.forget(place);
  }

  /** Runs the next event. `false` when nothing is left, or nothing before `limit`. */
  async function step(limit: number): Promise<boolean> {
    let first = -1;
    for (let index = 0; index < queue.length; index++) {
      const entry = queue[index]!;
      const best = queue[first];
      if (!best || entry.due < best.due || (entry.due === best.due && entry.tie < best.tie))
        first = index;
    }
    const entry = queue[first];
    if (!entry || entry.due > limit) {
      time = Math.max(time, Math.min(limit, 1e15));
      return false;
    }
    queue[first] = queue[queue.length - 1]!;
    queue.pop();
    time = Math.max(time, entry.due);
    const { owner } = entry;
    if (entry.dead || owner?.crashed) return true;
    if (owner && !owner.frozen && chance(faults.crash)) crash(owner);
    if (owner && chance(faults.freeze)) {
      freeze(owner);
      schedule(undefined, random() * (random() < 0.5 ? 3_000 : 120_000), () => resume(owner));
    }
    if (owner?.crashed) return true;
    if (owner?.frozen) {
      owner.backlog.push(entry);
      return true;
    }
    steps++;
    if (steps > 20_000) throw new Violation("P15 a loop: 20,000 events");
    entry.run();
    // All microtasks that follow from the event run before the next one.
    await new Promise<void>((resolve) => setImmediate(resolve));
    return true;
  }

  function clockOf(place: Place): Clock {
    return {
      now: () => EPOCH + Math.floor(time + place.offset),
      running: () => time,
      setTimeout(callback, ms) {
        if (!(ms >= 0 && ms < 2 ** 31)) throw new Violation(`P15 F15 a timer of ${ms} ms`);
        return schedule(place, ms, callback);
      },
      clearTimeout(handle) {
        if (handle) (handle as Entry).dead = true;
      },
    };
  }

  // --- the store -------------------------------------------------------------------------------

  const records = new Map<string, StoredRecord>();
  const onWrite: ((
    place: Place,
    key: string,
    next: StoredRecord | undefined,
    previous: StoredRecord | undefined,
  ) => void)[] = [];

  function storeOf(place: Place): TokenStore {
    /** The operation takes effect at one moment, and is heard of at a later one. */
    function operate<T>(apply: () => T, writes: boolean): Promise<T> {
      return new Promise((resolve, reject) => {
        const answer = (heard: () => void): void => void schedule(place, latency(), heard);
        const fail = (): void => answer(() => reject(new Error("store")));
        // The effect belongs to nobody: a transaction that was sent is carried out.
        schedule(undefined, latency(), () => {
          if (place.storeDown || chance(faults.storeFail)) return fail();
          const result = apply();
          if (writes && chance(faults.storeLost)) return fail();
          answer(() => resolve(result));
        });
      });
    }
    const same = (a: RecordHead | undefined, b: RecordHead | undefined): boolean =>
      a?.sessionId === b?.sessionId && a?.revision === b?.revision;
    return {
      atomic: true,
      shared: "origin",
      head: (key) => operate(() => records.get(key), false),
      read: (key) => operate(() => records.get(key), false),
      write: (key, next, expected) =>
        operate(() => {
          const previous = records.get(key);
          if (!same(previous, expected)) return false;
          for (const check of onWrite) check(place, key, next, previous);
          if (next) records.set(key, next);
          else records.delete(key);
          return true;
        }, true),
      list: () => operate(() => [...records.keys()], false),
    };
  }

  // --- locks -----------------------------------------------------------------------------------

  interface Waiter {
    place: Place;
    grant: () => void;
  }
  const locks = (() => {
    let holder: Waiter | undefined;
    let waiting: Waiter[] = [];
    function next(): void {
      if (holder) return;
      const waiter = waiting.shift();
      if (!waiter) return;
      holder = waiter;
      schedule(waiter.place, latency(), waiter.grant);
      // Something (a `steal`, a browser's whim) takes it away while the task goes on.
      if (chance(faults.lockLost)) schedule(undefined, random() * 50, () => release(waiter));
    }
    function release(waiter: Waiter): void {
      if (holder === waiter) holder = undefined;
      waiting = waiting.filter((other) => other !== waiter);
      next();
    }
    return {
      of(place: Place): Lock {
        return {
          run: (_name, task, signal) =>
            new Promise((resolve, reject) => {
              const waiter: Waiter = {
                place,
                grant() {
                  if (signal.aborted) return release(waiter);
                  signal.removeEventListener("abort", abort);
                  task()
                    .finally(() => release(waiter))
                    .then(resolve, reject);
                },
              };
              function abort(): void {
                release(waiter);
                reject(signal.reason as Error);
              }
              signal.addEventListener("abort", abort);
              waiting.push(waiter);
              next();
            }),
        };
      },
      forget(place: Place): void {
        if (holder?.place === place) holder = undefined;
        waiting = waiting.filter((waiter) => waiter.place !== place);
        next();
      },
    };
  })();

  // --- the channel -----------------------------------------------------------------------------

  const members: { place: Place; name: string; hear: (message: unknown) => void }[] = [];
  const channelOf = (place: Place): Channel => ({
    open(name, hear) {
      const member = { place, name, hear };
      members.push(member);
      return {
        post(message: PeerMessage) {
          for (const other of members)
            if (other !== member && other.name === name)
              schedule(other.place, random() * 5, () => other.hear(message));
        },
        close: () => void members.splice(members.indexOf(member), 1),
      };
    },
  });

  return {
    random,
    chance,
    latency,
    schedule,
    step,
    freeze,
    resume,
    crash,
    places,
    records,
    onWrite,
    clockOf,
    storeOf,
    lockOf: locks.of,
    channelOf,
    now: () => time,
    steps: () => steps,
    /** In a calm world nothing fails by itself. */
    calm(value: boolean): void {
      calm = value;
    },
    addPlace(): Place {
      const place: Place = {
        id: places.length,
        offset: 0,
        frozen: false,
        crashed: false,
        disturbedAt: -Infinity,
        frozenFor: 0,
        frozenAt: 0,
        storeDown: false,
        storeDownAt: 0,
        storeUpAt: 0,
        backlog: [],
      };
      places.push(place);
      return place;
    },
    async run(limit: number): Promise<void> {
      // What was done since the last event comes first.
      await new Promise<void>((resolve) => setImmediate(resolve));
      while (await step(limit));
    },
  };
}

export type World = ReturnType<typeof createWorld>;

/**
 * The stores of the world: one for each device, as its contexts see it. An operation takes effect at
 * one moment and is heard of at a later one; the effect belongs to nobody, so that what was sent is
 * carried out though its context has died or given up.
 */
import { VaultError } from "../../src/errors.ts";
import type { RecordHead, StoredRecord, TokenStore } from "../../src/types.ts";
import { bodyOf } from "./record.ts";
import type { Place, World } from "./world.ts";

export interface StoreRules {
  readonly isAtomic: boolean;
  readonly shared: TokenStore["shared"];
  /** Whether it knows an id of its own, by which a lock's span can be told. */
  readonly hasScope: boolean;
  /** How long each operation takes, all the time; as the world's other operations where it is absent. */
  readonly pace: readonly [least: number, most: number] | undefined;
  /** Share of operations that take longer than anybody waits; of half of them the store says so itself. */
  readonly over: number;
  /** How old an answer may be, in a store that is not atomic. */
  readonly lag: number;
}

export type OnWrite = (
  place: Place,
  key: string,
  next: StoredRecord | undefined,
  previous: StoredRecord | undefined,
) => void;

interface Version {
  readonly at: number;
  readonly record: StoredRecord | undefined;
}

const isSame = (a: RecordHead | undefined, b: RecordHead | undefined): boolean =>
  a?.sessionId === b?.sessionId && a?.revision === b?.revision;

/** How long an answer is waited for, and how long a store with a deadline of its own waits. */
const STORE = 5_000;
const DEADLINE = 4_000;

const overdue = (): VaultError =>
  new VaultError("store_unavailable", undefined, { reason: "timed_out" });

/** What an answer has told a context, and when that was asked for. */
interface Look {
  readonly record: StoredRecord | undefined;
  readonly askedAt: number;
}

/** What is noted of an answer when its context hears it. */
interface Hearing<T> {
  readonly isWrite: boolean;
  readonly hear: (result: T, askedAt: number) => void;
}

export function createStores(world: World, rules: StoreRules) {
  const { chance, faults, latency, random, schedule } = world;
  /** By device, then by key. */
  const devices = new Map<number, Map<string, StoredRecord>>();
  const histories = new Map<Map<string, StoredRecord>, Map<string, Version[]>>();
  const onWrite: OnWrite[] = [];
  const onBegin: ((place: Place) => void)[] = [];

  function recordsOf(device: number): Map<string, StoredRecord> {
    const known = devices.get(device);
    if (known) return known;
    const made = new Map<string, StoredRecord>();
    devices.set(device, made);
    return made;
  }

  /** The way there and the way back. */
  function ways(): readonly [there: number, back: number] {
    if (chance(rules.over)) return [5_000 + random() * 4_000, random() * 100];
    if (!rules.pace) return [latency(), latency()];
    const [least, most] = rules.pace;
    const whole = least + random() * (most - least);
    const there = whole * random();
    return [there, whole - there];
  }

  /** A context has heard what stood in its store; what comes too late is heard by nobody. */
  function look(place: Place, key: string, heard: Look): void {
    const { record, askedAt } = heard;
    if (world.now() - askedAt > STORE) return;
    const generation = bodyOf(record)?.generation;
    const name = `${record?.sessionId}${generation}`;
    if (generation !== undefined && !place.notBefore.has(name))
      place.notBefore.set(name, place.lookedAt.get(key) ?? -Infinity);
    place.lookedAt.set(key, askedAt);
    const { attemptId } = record ?? {};
    if (attemptId === undefined) place.quietAt.set(key, askedAt);
    else if (!place.notBefore.has(attemptId))
      place.notBefore.set(attemptId, place.quietAt.get(key) ?? -Infinity);
  }

  function operate<T>(place: Place, apply: () => T, heard?: Hearing<T>): Promise<T> {
    for (const hear of onBegin) hear(place);
    const [there, back] = ways();
    const askedAt = world.now();
    const question = { askedAt };
    place.pending.add(question);
    return new Promise((resolve, reject) => {
      const answer = (told: () => void): void =>
        void schedule(place, back, () => {
          place.pending.delete(question);
          place.travel = back;
          told();
        });
      const fail = (): void => answer(() => reject(new Error("store")));
      if (there >= STORE && random() < 0.5)
        schedule(place, DEADLINE, () => {
          place.pending.delete(question);
          reject(overdue());
        });
      schedule(undefined, there, () => {
        if (place.storeDown || chance(faults.storeFail)) return fail();
        const result = apply();
        if (heard?.isWrite && chance(faults.storeLost)) return fail();
        answer(() => {
          place.readAt = Math.min(place.readAt, world.now());
          heard?.hear(result, askedAt);
          resolve(result);
        });
      });
    });
  }

  const see = (place: Place, key: string): StoredRecord | undefined =>
    seen(recordsOf(place.device), key);

  /** What a reader gets: in a store that is not atomic perhaps what stood there a while ago, or nothing. */
  function seen(records: Map<string, StoredRecord>, key: string): StoredRecord | undefined {
    const versions = histories.get(records)?.get(key);
    if (!rules.lag || !versions || random() < 0.5) return records.get(key);
    const since = world.now() - random() * rules.lag;
    return versions.findLast(({ at }) => at <= since)?.record;
  }

  function put(
    records: Map<string, StoredRecord>,
    key: string,
    next: StoredRecord | undefined,
  ): void {
    if (next) records.set(key, next);
    else records.delete(key);
    if (!rules.lag) return;
    const history = histories.get(records) ?? new Map<string, Version[]>();
    histories.set(records, history);
    history.set(key, [...(history.get(key) ?? []), { at: world.now(), record: next }]);
  }

  return {
    rules,
    onWrite,
    onBegin,
    recordsOf,
    storeOf(place: Place): TokenStore {
      const records = recordsOf(place.device);
      return {
        atomic: rules.isAtomic,
        shared: rules.shared,
        scope: async () => (rules.hasScope ? `store-${place.device}` : undefined),
        head: (key) => operate(place, () => see(place, key)),
        read: (key) =>
          operate(place, () => see(place, key), {
            isWrite: false,
            hear: (record, askedAt) => look(place, key, { record, askedAt }),
          }),
        write: (key, next, expected) =>
          operate(
            place,
            () => {
              const previous = records.get(key);
              if (
                place.storeRefuses ||
                !isSame(rules.lag ? seen(records, key) : previous, expected)
              )
                return false;
              // A jar's record is no session's.
              if (!key.startsWith("jar|"))
                for (const judge of onWrite) judge(place, key, next, previous);
              put(records, key, next);
              return true;
            },
            {
              isWrite: true,
              hear(isTaken, askedAt) {
                if (isTaken && next?.attemptId === undefined) place.quietAt.set(key, askedAt);
              },
            },
          ),
        list: (prefix) =>
          operate(place, () => [...records.keys()].filter((key) => key.startsWith(prefix))),
      };
    },
  };
}

export type Stores = ReturnType<typeof createStores>;

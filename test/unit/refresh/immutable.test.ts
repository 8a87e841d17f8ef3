/**
 * The knowledge of a context is replaced and never changed: what the pure functions are given is frozen
 * here to its depth, through some hundred random steps of two contexts. Who changes it throws.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { seeded } from "../../model/random.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { credentials, fakeApi, reply } from "../../support/fake-api.ts";
import { bench, VMS } from "../../support/vault.ts";
import {
  HOUR,
  MINUTE,
  oddStore,
  type OddStore,
  outcome,
  rest,
  SECOND,
  testChannel,
  within,
} from "./faulty-parts.ts";

/** What was asked, by name, and what threw. */
const seen = vi.hoisted(() => ({ calls: new Map<string, number>(), thrown: [] as unknown[] }));

const frozen = vi.hoisted(() => {
  const refuse = (): never => {
    throw new TypeError("Cannot change what is given");
  };
  const MUTATORS = { add: refuse, set: refuse, delete: refuse, clear: refuse };
  const isPlain = (value: object): boolean =>
    [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value) as object);

  function freeze(value: unknown): void {
    if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
    const isBag = value instanceof Map || value instanceof Set;
    if (!isBag && !isPlain(value)) return;
    // A frozen set or map takes new members all the same.
    if (isBag) Object.assign(value, MUTATORS);
    Object.freeze(value);
    if (isBag) for (const one of value instanceof Map ? value.values() : value) freeze(one);
    // The store is the test's own, and not what is known.
    else for (const [name, one] of Object.entries(value)) if (name !== "setting") freeze(one);
  }
  return freeze;
});

/** Calls it with what is frozen. */
const guarded = vi.hoisted(
  () =>
    <Given extends unknown[], Result>(
      nameOf: string | ((...given: Given) => string),
      ask: (...given: Given) => Result,
    ) =>
    (...given: Given): Result => {
      const name = typeof nameOf === "string" ? nameOf : nameOf(...given);
      seen.calls.set(name, (seen.calls.get(name) ?? 0) + 1);
      for (const one of given) frozen(one);
      try {
        return ask(...given);
      } catch (error) {
        seen.thrown.push(name, error);
        throw error;
      }
    },
);

vi.mock(import("../../../src/refresh/learn.ts"), async (original) => {
  const { learn } = await original();
  return { learn: guarded((_, { type }) => `learn ${type}`, learn) };
});
vi.mock(import("../../../src/refresh/plan.ts"), async (original) => {
  const all = await original();
  return {
    ...all,
    plan: guarded("plan", all.plan),
    judge: guarded("judge", all.judge),
    sightOf: guarded("sightOf", all.sightOf),
    servedUntil: guarded("servedUntil", all.servedUntil),
  };
});
vi.mock(import("../../../src/refresh/changes.ts"), async (original) => {
  const all = await original();
  return {
    ...all,
    merge: guarded((changes) => `merge ${changes[0]?.type}`, all.merge),
    preview: guarded("preview", all.preview),
  };
});
vi.mock(import("../../../src/refresh/transitions.ts"), async (original) => {
  const all = await original();
  return {
    ...all,
    begun: guarded("begun", all.begun),
    concluded: guarded("concluded", all.concluded),
  };
});
vi.mock(import("../../../src/refresh/events.ts"), async (original) => {
  const all = await original();
  return { ...all, happenings: guarded("happenings", all.happenings) };
});

interface Stage {
  readonly clock: ManualClock;
  readonly store: OddStore;
  /** What may happen, of which each step takes one. */
  readonly steps: readonly (() => unknown)[];
}

function stage(dice: () => number): Stage {
  const clock = manualClock();
  const store = oddStore(clock);
  const api = fakeApi();
  const { refresh } = api;
  const shared = { api, clock, store, channel: testChannel(), refreshAhead: true, random: dice };
  const vaults = [bench(shared).vault, bench(shared).vault];
  const one = () => vaults[dice() < 0.7 ? 0 : 1]!;
  const adopted = (): object => ({ accessToken: `adopted-${Math.floor(dice() * 4)}-secret` });
  const call = (): unknown => one().fetch(`${VMS}/${Math.floor(dice() * 3)}`);
  return {
    clock,
    store,
    steps: [
      call,
      call,
      call,
      () => one().getToken({ rejected: "access-1-secret" }),
      () => one().signIn(credentials),
      () => one().signOut(),
      () => one().adopt(adopted() as { accessToken: string }),
      () => api.expire(),
      () => void (store.isDown = !store.isDown && dice() < 0.5),
      () => void (store.isDeaf = !store.isDeaf && dice() < 0.3),
      () => void (api.refresh = () => reply(503, {})),
      () => void (api.refresh = () => reply(401, { error: "invalid_grant" })),
      () => void (api.refresh = () => reply(429, {}, { "retry-after": "7" })),
      () => void (api.refresh = refresh),
      () => void (api.refresh = refresh),
    ],
  };
}

beforeEach(() => {
  seen.calls.clear();
  seen.thrown.length = 0;
});

describe("what the pure functions are given", () => {
  it.each([1, 2, 3, 4])("is never changed, in random steps by seed %i", async (seed) => {
    const dice = seeded(seed);
    const { clock, store, steps } = stage(dice);
    const ends: Promise<unknown>[] = [];
    for (let times = 0; times < 300; times++) {
      store.operations = 0;
      const step = steps[Math.floor(dice() * steps.length)];
      ends.push(outcome(Promise.resolve(step?.())));
      await rest();
      await clock.advance([10, SECOND, 31 * SECOND, HOUR / 2, HOUR][Math.floor(dice() * 5)]!);
    }
    const told = await within(clock, 5 * MINUTE, Promise.all(ends));
    expect(told.filter((end) => String(end).startsWith("TypeError"))).toEqual([]);
    expect(seen.thrown).toEqual([]);
    const names = ["read", "store-failed", "writing", "written", "unpersisted", "changed", "ended"];
    for (const type of [...names, "rejected", "passed", "unsent", "refreshing"])
      expect(seen.calls.get(`learn ${type}`), type).toBeGreaterThan(0);
    for (const name of ["plan", "judge", "merge begin", "merge end", "merge conclude", "concluded"])
      expect(seen.calls.get(name), name).toBeGreaterThan(0);
  });
});

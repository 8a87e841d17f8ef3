/**
 * A small world in virtual time: events in the order of their due times, and contexts that can be
 * frozen, resumed and crashed at every await. Everything is drawn from one seed, so that a schedule
 * can be played again. Stores, locks and channels stand on it, each in a file of its own.
 */
import type { Clock } from "../../src/types.ts";
import { makePlace, type Place } from "./place.ts";
import { createQueue, type Entry } from "./queue.ts";
import { seeded } from "./random.ts";
import { Violation } from "./violation.ts";

export type { Place };

export const EPOCH = 1_800_000_000_000;

export interface Faults {
  /** Chances, from 0 to 1, for each event of a context. */
  readonly crash: number;
  readonly freeze: number;
  /** For each store operation: fails without writing, fails after writing. */
  readonly storeFail: number;
  readonly storeLost: number;
  /** For each lock that is held: is taken away. */
  readonly lockLost: number;
  /** For each message: garbage comes along. */
  readonly garbage: number;
  /** Share of slow operations. */
  readonly slow: number;
}

/** `TOKENKEEP_TRACE=1` prints what happens, for a schedule that is played again. */
const isTraced = process.env["TOKENKEEP_TRACE"] === "1";

/** Every so many events the process takes a whole turn, in which rejections that nobody handles are told. */
const WHOLE_TURN = 16;

export function createWorld(seed: number, faults: Faults, longest = 20_000) {
  const random = seeded(seed);
  const queue = createQueue();
  const places: Place[] = [];
  const onCrash: ((place: Place) => void)[] = [];
  let time = 0;
  let steps = 0;
  let isCalm = false;

  /** One line of what happens: when, where, what. */
  function trace(place: Place | undefined, text: () => string): void {
    if (isTraced) console.log(`${time.toFixed(1).padStart(12)}  ${place?.id ?? "-"}  ${text()}`);
  }

  const chance = (share: number): boolean => !isCalm && share > 0 && random() < share;

  function schedule(owner: Place | undefined, delay: number, run: () => void): Entry {
    const entry = { due: time + delay, tie: random(), owner, run, isDead: false };
    queue.push(entry);
    return entry;
  }

  /** How long something takes: mostly next to nothing, sometimes seconds. */
  const latency = (): number => (chance(faults.slow) ? random() * 4_000 : random() * 3);

  function freeze(place: Place): void {
    if (place.isFrozen || place.isCrashed) return;
    trace(place, () => "frozen");
    place.isFrozen = true;
    place.freezes++;
    place.frozenAt = place.disturbedAt = time;
  }

  function resume(place: Place): void {
    if (!place.isFrozen) return;
    trace(place, () => "resumed");
    place.isFrozen = false;
    place.disturbedAt = time;
    place.frozenFor += time - place.frozenAt;
    for (const entry of place.backlog.splice(0)) {
      // The same entry, so that a timer that waits can still be stopped.
      entry.due = time;
      entry.tie = random();
      queue.push(entry);
    }
  }

  function crash(place: Place): void {
    trace(place, () => "crashed");
    place.isCrashed = true;
    place.isFrozen = false;
    place.backlog.length = 0;
    queue.forget(place);
    for (const hear of onCrash) hear(place);
  }

  /** All microtasks that follow from an event run before the next one. */
  const turn = (): Promise<void> =>
    new Promise((resolve) => {
      if (steps % WHOLE_TURN === 0) setImmediate(resolve);
      else process.nextTick(resolve);
    });

  /** Whether the event may happen: its context may die or stand still right before it. */
  function reaches(owner: Place, entry: Entry): boolean {
    if (!owner.isFrozen && chance(faults.crash)) crash(owner);
    if (chance(faults.freeze)) {
      freeze(owner);
      schedule(undefined, random() * (random() < 0.5 ? 3_000 : 120_000), () => resume(owner));
    }
    if (owner.isFrozen) owner.backlog.push(entry);
    return !owner.isCrashed && !owner.isFrozen;
  }

  /** Runs the next event. `false` when nothing is left, or nothing before `limit`. */
  async function step(limit: number): Promise<boolean> {
    const entry = queue.pull(limit);
    if (!entry) {
      time = Math.max(time, Math.min(limit, 1e15));
      return false;
    }
    time = Math.max(time, entry.due);
    const { owner } = entry;
    if (entry.isDead || owner?.isCrashed) return true;
    if (owner && !reaches(owner, entry)) return true;
    steps++;
    if (steps > longest) throw new Violation("P15.loop", `${longest} events`);
    entry.run();
    await turn();
    return true;
  }

  return {
    faults,
    trace,
    random,
    chance,
    latency,
    schedule,
    freeze,
    resume,
    crash,
    places,
    onCrash,
    now: () => time,
    steps: () => steps,
    /** In a calm world nothing fails by itself. */
    calm(value: boolean): void {
      isCalm = value;
    },
    addPlace(parts: Pick<Place, "device" | "account">): Place {
      const place = makePlace(places.length, { ...parts, openedAt: time });
      places.push(place);
      return place;
    },
    clockOf(place: Place): Clock {
      return {
        now: () => EPOCH + Math.floor(time + place.offset),
        running: () => time,
        setTimeout(callback, ms) {
          if (!(ms >= 0 && ms < 2 ** 31)) throw new Violation("P15.timer", `F15, ${ms} ms`);
          return schedule(place, ms, callback);
        },
        clearTimeout(handle) {
          if (handle) (handle as Entry).isDead = true;
        },
      };
    },
    async run(limit: number): Promise<void> {
      // What was done since the last event comes first.
      await new Promise<void>((resolve) => setImmediate(resolve));
      while (await step(limit));
    },
  };
}

export type World = ReturnType<typeof createWorld>;

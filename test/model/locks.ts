/** The locks of the world: a queue for each name, and signs of life that end with their context. */
import type { Lock, TokenStore } from "../../src/types.ts";
import type { Place, World } from "./world.ts";

export interface LockRules {
  /**
   * `"common"`: all contexts of a device share them. `"apart"`: each context has its own and says so.
   * `"unsaid"`: shared, as an older lock that tells neither what it spans nor who lives.
   */
  readonly kind: "none" | "common" | "apart" | "unsaid";
  /** What common ones span. */
  readonly spans: TokenStore["shared"];
}

interface Waiter {
  readonly place: Place;
  readonly grant: () => void;
}

interface Gate {
  holder: Waiter | undefined;
  waiting: Waiter[];
}

export function createLocks(world: World, { kind, spans }: LockRules) {
  const gates = new Map<string, Gate>();
  const lives = new Map<string, Set<Place>>();

  function next(gate: Gate): void {
    if (gate.holder) return;
    const waiter = gate.waiting.shift();
    if (!waiter) return;
    gate.holder = waiter;
    world.schedule(waiter.place, world.latency(), waiter.grant);
    // Something (a `steal`, a browser's whim) takes it away while the task goes on.
    if (world.chance(world.faults.lockLost))
      world.schedule(undefined, world.random() * 50, () => release(gate, waiter));
  }

  function release(gate: Gate, waiter: Waiter): void {
    if (gate.holder === waiter) gate.holder = undefined;
    gate.waiting = gate.waiting.filter((other) => other !== waiter);
    next(gate);
  }

  function gateOf(name: string): Gate {
    const known = gates.get(name);
    if (known) return known;
    const made: Gate = { holder: undefined, waiting: [] };
    gates.set(name, made);
    return made;
  }

  world.onCrash.push((place) => {
    for (const holders of lives.values()) holders.delete(place);
    for (const gate of gates.values()) {
      if (gate.holder?.place === place) gate.holder = undefined;
      gate.waiting = gate.waiting.filter((waiter) => waiter.place !== place);
      next(gate);
    }
  });

  /** Answers after a moment, in the context that asked. */
  const later = <T>(place: Place, answer: () => T): Promise<T> =>
    new Promise((resolve) => {
      world.schedule(place, world.latency(), () => resolve(answer()));
    });

  function run<T>(
    place: Place,
    name: string,
    task: () => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const gate = gateOf(name);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        place,
        grant() {
          if (signal.aborted) return release(gate, waiter);
          signal.removeEventListener("abort", abort);
          task()
            .finally(() => release(gate, waiter))
            .then(resolve, reject);
        },
      };
      function abort(): void {
        release(gate, waiter);
        reject(signal.reason as Error);
      }
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort);
      gate.waiting.push(waiter);
      next(gate);
    });
  }

  return {
    of(place: Place): Lock | undefined {
      if (kind === "none") return undefined;
      const prefix = kind === "apart" ? `${place.device} ${place.id} ` : `${place.device} `;
      const lock: Lock = { run: (name, task, signal) => run(place, prefix + name, task, signal) };
      if (kind === "unsaid") return lock;
      return {
        ...lock,
        spans: kind === "apart" ? "context" : spans,
        hold: (name) =>
          later(place, () => {
            const holders = lives.get(prefix + name) ?? new Set();
            lives.set(prefix + name, holders.add(place));
            return () => void holders.delete(place);
          }),
        isFree: (name) => later(place, () => !lives.get(prefix + name)?.size),
      };
    },
  };
}

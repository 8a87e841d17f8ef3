/**
 * Gates: hold calls to an endpoint before they are processed, or their replies afterwards, until a
 * test lets go. A deterministic alternative to delays.
 */

/** Where a call is held: before anything was done, or when all is done but the reply. */
export type Moment = "before" | "after";

export interface Gate {
  /** Resolves when the first call is held. */
  readonly arrived: Promise<void>;
  /** Lets go whoever is held, and opens the gate for good. */
  release(): void;
}

export interface Gates<Kind extends string> {
  /** Holds the next `times` calls of this kind (default 1). */
  gate(kind: Kind, when: Moment, times?: number | "always"): Gate;
  /** Goes through at once, or waits at the gates that stand there. */
  pass(kind: Kind, when: Moment): Promise<void>;
}

export function createGates<Kind extends string>(): Gates<Kind> {
  const standing = new Set<{ kind: Kind; when: Moment; hold: () => Promise<void> | undefined }>();

  return {
    gate(kind, when, times = 1) {
      const arrived = deferred<void>();
      const released = deferred<void>();
      let left = times === "always" ? Infinity : times;
      const entry = {
        kind,
        when,
        hold: () => {
          if (left <= 0) return undefined;
          left -= 1;
          arrived.resolve();
          return released.promise;
        },
      };
      standing.add(entry);
      return {
        arrived: arrived.promise,
        release() {
          standing.delete(entry);
          released.resolve();
        },
      };
    },

    async pass(kind, when) {
      for (const entry of standing) {
        if (entry.kind !== kind || entry.when !== when) continue;
        const held = entry.hold();
        // One call is held by one gate: two gates in a row hold two calls.
        if (held !== undefined) return held;
      }
    },
  };
}

/** A promise with its ends in hand: `Promise.withResolvers` is missing in Node 20. */
export function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
} {
  let ends!: { resolve: (value: T) => void; reject: (reason: unknown) => void };
  const promise = new Promise<T>((resolve, reject) => {
    ends = { resolve, reject };
  });
  return { promise, ...ends };
}

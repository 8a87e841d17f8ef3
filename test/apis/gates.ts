/**
 * Gates: hold calls to an endpoint before they are processed, or their replies afterwards, until a
 * test lets go. A deterministic alternative to delays.
 */

/** Where a call is held: before anything was done, or when all is done but the reply. */
export type Moment = "before" | "after";

export interface Gate {
  /** Resolves when the first call is held. */
  readonly arrived: Promise<void>;
  /** Resolves when the connection of the first held call has closed: nobody can take its reply. */
  readonly left: Promise<void>;
  /** Lets go all that are held, and opens the gate for good. */
  release(): void;
}

export interface Gates<Kind extends string> {
  /** Holds the next `times` calls of this kind (default 1). */
  gate(kind: Kind, when: Moment, times?: number | "always"): Gate;
  /**
   * Goes through at once, or waits at the gates that stand there. `signal` says that the call's
   * connection has closed; `note` is told when the call is held and when it is let go.
   */
  pass(kind: Kind, when: Moment, held?: Held): Promise<void>;
}

/** What a gate knows of a call. */
export interface Held {
  readonly signal?: AbortSignal | undefined;
  readonly note?: ((what: "held" | "let go") => void) | undefined;
}

export function createGates<Kind extends string>(): Gates<Kind> {
  const standing = new Set<{
    kind: Kind;
    when: Moment;
    hold: (signal: AbortSignal | undefined) => Promise<void> | undefined;
  }>();

  return {
    gate(kind, when, times = 1) {
      const arrived = deferred<void>();
      const left = deferred<void>();
      const released = deferred<void>();
      let isHolding = false;
      let places = times === "always" ? Infinity : times;
      const entry = {
        kind,
        when,
        hold: (signal: AbortSignal | undefined) => {
          if (places <= 0) return undefined;
          places -= 1;
          if (!isHolding) onAbort(signal, left.resolve);
          isHolding = true;
          arrived.resolve();
          return released.promise;
        },
      };
      standing.add(entry);
      return {
        arrived: arrived.promise,
        left: left.promise,
        release() {
          standing.delete(entry);
          released.resolve();
        },
      };
    },

    async pass(kind, when, { signal, note } = {}) {
      for (const entry of standing) {
        if (entry.kind !== kind || entry.when !== when) continue;
        const held = entry.hold(signal);
        if (held === undefined) continue;
        note?.("held");
        await held;
        note?.("let go");
        // One call is held by one gate: two gates in a row hold two calls.
        return;
      }
    },
  };
}

function onAbort(signal: AbortSignal | undefined, listener: () => void): void {
  if (signal?.aborted) listener();
  else signal?.addEventListener("abort", () => listener(), { once: true });
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

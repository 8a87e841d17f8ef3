/** Who listens to a vault: each is told of events, and called without one when the state has changed. */
import type { Vault, VaultEvent } from "./contract.ts";

type Listener = (event?: VaultEvent) => void;

export interface Listeners {
  /** Never tells from inside a step that somebody waits for; one listener's error is its own (F5). */
  tell(event?: VaultEvent): void;
  /** Callers pass a new function each time, because a user may join with the same one twice. */
  join(listener: Listener): () => void;
  readonly events: Vault["events"];
}

export function createListeners(): Listeners {
  const all = new Set<Listener>();

  function join(listener: Listener): () => void {
    all.add(listener);
    return () => void all.delete(listener);
  }

  return {
    join,
    tell(event) {
      for (const listener of all)
        queueMicrotask(() => {
          // It may have left meanwhile.
          if (all.has(listener)) listener(event);
        });
    },
    events: (listener) =>
      join((event) => {
        if (event) listener(event);
      }),
  };
}

/** Shows a page the snapshot that it last heard of, and the events. */
import { bareAndFrozen } from "../guard/json.ts";
import type { Snapshot, VaultEvent } from "../vault/vault.ts";
import type { Seen, State } from "./protocol.ts";

export interface Shown {
  snapshot(): Snapshot;
  /** How much of the worker's news has been taken. */
  seen(): Seen | undefined;
  show(next: Omit<Snapshot, "account">): void;
  tell(event: VaultEvent): void;
  /** Takes a worker's news. */
  take(state: Partial<State> | undefined): void;
  subscribe(listener: (snapshot: Snapshot) => void): () => void;
  events(listener: (event: VaultEvent) => void): () => void;
}

export function createShown(account: string): Shown {
  /** Each listener is told of events, and called without one for a new snapshot. */
  const listeners = new Set<(event?: VaultEvent) => void>();
  let seen: Seen | undefined;
  let shown: Snapshot = Object.freeze({ status: "loading", persisted: true, account });

  /** Told after the step that a caller waits for, and not to listeners that have left by then (F5). */
  function tell(event?: VaultEvent): void {
    for (const listener of listeners)
      queueMicrotask(() => {
        if (listeners.has(listener)) listener(event);
      });
  }

  function show(next: Omit<Snapshot, "account">): void {
    const now = { ...next, account };
    const text = JSON.stringify(now);
    if (text === JSON.stringify(shown)) return;
    // Absent members are there, and no prototype is asked for them (S15).
    shown = Object.freeze({ ...now, ...JSON.parse(text, bareAndFrozen) });
    tell();
  }

  function join(listener: (event?: VaultEvent) => void): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  return {
    snapshot: () => shown,
    seen: () => seen,
    show,
    tell,
    take({ owner, seq, news } = {}) {
      if (!owner || !seq || !news) return;
      // Answers may overtake each other: older news is known already.
      const since = seen?.owner === owner ? seen.seq : 0;
      for (const one of news)
        if (one && one.seq > since) {
          if (one.snapshot) show(one.snapshot);
          if (one.event) tell({ ...one.event, account });
        }
      if (seq > since) seen = { owner, seq };
    },
    subscribe(listener) {
      listener(shown);
      return join((event) => {
        if (!event) listener(shown);
      });
    },
    events: (listener) =>
      join((event) => {
        if (event) listener(event);
      }),
  };
}

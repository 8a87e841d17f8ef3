/** The sign-out of accounts that this vault does not hold: each by an engine of its own. */
import { own } from "../guard/json.ts";
import type { Engine } from "../refresh/contract.ts";
import { createEngine } from "../refresh/engine.ts";
import type { VaultOptions } from "../types.ts";

export interface Removal {
  /** Signs out the account of this key. Rejects where the store did not take the sign-out. */
  remove(key: string): Promise<void>;
  close(): Promise<void>;
}

/** An engine, and how many removals it is asked for at this moment. */
interface Removing {
  readonly engine: Engine;
  calls: number;
}

export function createRemoval(options: VaultOptions<unknown>): Removal {
  const quiet = own({ ...options, refreshAhead: false });
  /** A sign-out that the store did not take is tried again until this vault is closed. */
  const unfinished = new Map<string, Removing>();

  /** Engines that are being closed. */
  const closing = new Set<Promise<void>>();

  /** One account has one engine at a time, so that its session is revoked once (F46). */
  function removingOf(key: string): Removing {
    const known = unfinished.get(key);
    if (known) return known;
    // Told of its news in the middle of it: what follows from that comes first.
    const look = (): void => void Promise.resolve().then(() => letGo(key));
    const made = { engine: createEngine(key, quiet, look), calls: 0 };
    unfinished.set(key, made);
    return made;
  }

  /** An engine whose sign-out is written has nothing to do any more. */
  function letGo(key: string): void {
    const { engine, calls } = unfinished.get(key) ?? {};
    if (!engine || calls || !engine.state().persisted) return;
    unfinished.delete(key);
    const end = engine.close().catch(() => {});
    closing.add(end);
    void end.then(() => closing.delete(end));
  }

  return {
    async remove(key) {
      const removing = removingOf(key);
      removing.calls += 1;
      try {
        await removing.engine.signOut();
      } finally {
        removing.calls -= 1;
        letGo(key);
      }
    },
    async close() {
      const engines = [...unfinished.values()].map(({ engine }) => engine);
      unfinished.clear();
      await Promise.all([...engines.map((engine) => engine.close()), ...closing]);
    },
  };
}

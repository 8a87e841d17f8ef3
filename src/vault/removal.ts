/** The sign-out of accounts that this vault does not hold: each by an engine of its own. */
import { own } from "../guard/json.ts";
import type { Engine } from "../refresh/contract.ts";
import { createEngine } from "../refresh/engine.ts";
import type { VaultOptions } from "../types.ts";

export interface Removal {
  /** Signs out the account of this key. Rejects where the store did not take the sign-out. */
  remove(key: string): Promise<void>;
  close(): Promise<unknown>;
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

  /** One account has one engine at a time, so that its session is revoked once (F46). */
  function removingOf(key: string): Removing {
    const known = unfinished.get(key);
    if (known) return known;
    const made = { engine: createEngine(key, quiet, () => {}), calls: 0 };
    unfinished.set(key, made);
    return made;
  }

  return {
    async remove(key) {
      const removing = removingOf(key);
      removing.calls += 1;
      try {
        await removing.engine.signOut();
      } finally {
        removing.calls -= 1;
      }
      if (removing.calls > 0) return;
      unfinished.delete(key);
      await removing.engine.close();
    },
    close: () => Promise.all([...unfinished.values()].map(({ engine }) => engine.close())),
  };
}

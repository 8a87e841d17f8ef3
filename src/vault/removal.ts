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

export function createRemoval(options: VaultOptions<unknown>): Removal {
  const quiet = own({ ...options, refreshAhead: false });
  /** A sign-out that the store did not take is tried again until this vault is closed. */
  const unfinished = new Set<Engine>();
  return {
    async remove(key) {
      const engine = createEngine(key, quiet, () => {});
      unfinished.add(engine);
      await engine.signOut();
      unfinished.delete(engine);
      await engine.close();
    },
    close: () => Promise.all([...unfinished].map((engine) => engine.close())),
  };
}

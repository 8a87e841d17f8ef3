/** Whether a vault may be let go of: what it has under way could be lost with it. */
import type { Vault, VaultEvent } from "./contract.ts";

/** Milliseconds: an exchange, and a store that is slow to answer before and after it. */
const LONGEST = 30_000;

/** How a refresh of this context ends. One that is given up before it is sent says nothing. */
const ENDS: ReadonlySet<VaultEvent["type"]> = new Set([
  "adopted",
  "refreshed",
  "refused",
  "signed-out",
  "trouble",
]);

/**
 * Watches a vault, and tells whether all that it has is in the store: neither is memory ahead, nor is a refresh
 * under way. One that ends while the store is out of reach is tried again by a vault that lives, and by no other.
 */
export function watchWork(vault: Pick<Vault, "events" | "snapshot">): () => boolean {
  let busyUntil = -Infinity;
  vault.events(({ type }) => {
    if (type === "refreshing") busyUntil = performance.now() + LONGEST;
    else if (ENDS.has(type)) busyUntil = -Infinity;
  });
  return () => vault.snapshot().persisted && performance.now() >= busyUntil;
}

/** What goes out bare, because its origin is not listed: a slip to be told of, not a secret (F88). */
import type { FetchOptions } from "./contract.ts";

/** How many origins are remembered that no token may go to. */
const MOST_TOLD = 256;

/** Says once for each origin that something has gone there bare. */
export function createBareTeller({
  policy,
  onBare,
}: Pick<FetchOptions, "policy" | "onBare">): (address: string) => void {
  const told = new Set<string>();
  return (address) => {
    if (!onBare || told.size >= MOST_TOLD) return;
    const origin = policy.unlisted(address);
    if (origin === undefined || told.has(origin)) return;
    told.add(origin);
    onBare(origin);
  };
}

/** Tells of requests that go out without a token because their address is not one of the listed ones (F88). */
import type { FetchOptions } from "./contract.ts";

/** How many unlisted origins are told, at most. */
const MOST_TOLD = 256;

/** Tells once for each origin that a request went there without a token. */
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

/** Telling of requests that have gone out without a token, because their origin is not listed (F88). */
import type { Policy } from "./policy.ts";

/** How many origins are remembered that no token may go to. */
const MOST = 256;

/** What was told: a policy may outlive the vaults that go by it, as on Cloudflare. */
const told = new WeakMap<Policy, Set<string>>();

/** Calls `tell` the first time that something goes to an origin to which no token may go. */
export function tellBare(policy: Policy, address: string, tell: (origin: string) => void): void {
  const origins = told.get(policy) ?? new Set();
  told.set(policy, origins);
  if (origins.size >= MOST) return;
  const origin = policy.unlisted(address);
  if (origin === undefined || origins.has(origin)) return;
  origins.add(origin);
  tell(origin);
}

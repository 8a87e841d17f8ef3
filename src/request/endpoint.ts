/**
 * Endpoints by a hash, because a path may hold a secret: the token's source learns which of them let a
 * token through and which do not, but never where they are.
 */
import { shortHash } from "../guard/hash.ts";

/** A hash of origin, method and path, salted by the session. */
export function endpointOf(sessionId: string, method: string, href: string): string {
  const { origin, pathname } = new URL(href);
  // None of the parts has a space in it.
  return shortHash(`${sessionId} ${method.toUpperCase()} ${origin} ${pathname}`);
}

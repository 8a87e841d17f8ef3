/**
 * Endpoints by a hash, because a path may hold a secret: the token's source learns which of them let a
 * token through and which do not, but never where they are.
 */

/**
 * 64 bits of origin, method and path, salted by the session: cyrb53 by bryc (public domain), with both
 * of its halves. It keeps apart and scatters; it is no signature.
 */
export function endpointOf(sessionId: string, method: string, href: string): string {
  const { origin, pathname } = new URL(href);
  let one = 0xdeadbeef;
  let two = 0x41c6ce57;
  // A space stands in none of them.
  for (const character of `${sessionId} ${method.toUpperCase()} ${origin} ${pathname}`) {
    const code = character.charCodeAt(0);
    one = Math.imul(one ^ code, 2_654_435_761);
    two = Math.imul(two ^ code, 1_597_334_677);
  }
  one = Math.imul(one ^ (one >>> 16), 2_246_822_507) ^ Math.imul(two ^ (two >>> 13), 3_266_489_909);
  two = Math.imul(two ^ (two >>> 16), 2_246_822_507) ^ Math.imul(one ^ (one >>> 13), 3_266_489_909);
  return [one, two].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

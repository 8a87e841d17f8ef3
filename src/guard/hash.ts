/**
 * A short hash of a text, made at once: Web Crypto's are asynchronous, and missing in insecure contexts.
 * It names things that may hold a secret, such as a path, and authenticates nothing.
 */

/** 64 bits in hex: cyrb53 by bryc (public domain), with both of its halves whole. */
export function shortHash(text: string): string {
  let one = 0xdeadbeef;
  let two = 0x41c6ce57;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    one = Math.imul(one ^ code, 2_654_435_761);
    two = Math.imul(two ^ code, 1_597_334_677);
  }
  one = Math.imul(one ^ (one >>> 16), 2_246_822_507) ^ Math.imul(two ^ (two >>> 13), 3_266_489_909);
  two = Math.imul(two ^ (two >>> 16), 2_246_822_507) ^ Math.imul(one ^ (one >>> 13), 3_266_489_909);
  return [one, two].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}

/**
 * A short hash of a text, made at once: Web Crypto's are asynchronous, and missing in insecure contexts.
 * It names things that may hold a secret, such as a path, and authenticates nothing.
 */

/** 106 bits as text: two runs of cyrb53 (public domain, by bryc) from different seeds. */
export const shortHash = (text: string): string => run(text, 0) + run(text, 1);

function run(text: string, seed: number): string {
  let high = 0xdeadbeef ^ seed;
  let low = 0x41c6ce57 ^ seed;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 2_654_435_761);
    low = Math.imul(low ^ code, 1_597_334_677);
  }
  high =
    Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  low =
    Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  return ((low >>> 0) * 0x20_0000 + (high >>> 11)).toString(36);
}

/** The one short hash of the house: what it names is told apart. */
import { describe, expect, it } from "vitest";
import { shortHash } from "../../../src/guard/hash.ts";

describe("a short hash", () => {
  it("is of 64 bits in hex, whatever the text", () => {
    for (const text of ["", "a", "ä", "😀", "x".repeat(16_384)])
      expect(shortHash(text)).toMatch(/^[\da-f]{16}$/);
  });

  it("tells texts apart that differ in a single place, in the second half of a pair too", () => {
    const texts = ["", "a", "b", "ab", "ba", "a ", "\u{1F600}", "\u{1F601}", "\u{1F600}a"];
    expect(new Set(texts.map(shortHash)).size).toBe(texts.length);
  });

  it("moves both halves by one bit of the text: of 20,000 numbers, no two share all and few share half", () => {
    const hashes = Array.from({ length: 20_000 }, (_, n) => shortHash(`token-${n}`));
    expect(new Set(hashes).size).toBe(hashes.length);
    for (const start of [0, 8])
      expect(new Set(hashes.map((hash) => hash.slice(start, start + 8))).size).toBeGreaterThan(
        19_900,
      );
  });
});

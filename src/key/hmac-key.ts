/** Secrets that sign and verify JWTs (RFC 7518 §3.2). */
import type { Bytes } from "../types.ts";
import type { HmacAlgorithm } from "./algorithms.ts";
import type { WebCryptoKey } from "../guard/crypto.ts";
import { own } from "../guard/json.ts";

/** The bytes of a hash: RFC 7518 §3.2 wants no shorter secret. */
export const HASH_BYTES: Readonly<Record<HmacAlgorithm, number>> = own({
  HS256: 32,
  HS384: 48,
  HS512: 64,
});

export const isHmac = (algorithm: string): algorithm is HmacAlgorithm =>
  Object.hasOwn(HASH_BYTES, algorithm);

/** Imports a secret that nobody can export. */
export function importHmacKey(
  bytes: Bytes,
  algorithm: HmacAlgorithm,
  use: "sign" | "verify",
): Promise<WebCryptoKey> {
  // Every member is set: a polluted `Object.prototype` has no say (S15).
  const hash = own({ name: `SHA-${algorithm.slice(2)}` });
  const hmac = own({ name: "HMAC", hash, length: bytes.length * 8 });
  return crypto.subtle.importKey("raw", bytes, hmac, false, [use]);
}

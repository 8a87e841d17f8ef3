/** Secrets that sign and verify JWTs, from outside: one that anybody may know is refused (RFC 8725 §3.1). */
import type { Bytes } from "../types.ts";
import { type HmacAlgorithm, KINDS } from "./algorithms.ts";
import { fromBase64, type WebCryptoKey } from "../guard/crypto.ts";
import { HASH_BYTES, importHmacKey } from "./hmac-key.ts";
import { fromBase64url } from "./jws.ts";
import { keyError } from "./key-flaws.ts";
import { jwkIn } from "./key-pairs.ts";
import { isPem } from "./pem.ts";

/** Whether bytes are a public key: a JWT that is signed by those, everybody can make. */
async function arePublic(bytes: Bytes): Promise<boolean> {
  // Each begins as an ASN.1 sequence.
  if (bytes[0] !== 0x30) return false;
  for (const { params } of Object.values(KINDS)) {
    try {
      await crypto.subtle.importKey("spki", bytes, params, false, ["verify"]);
      return true;
    } catch {
      // It is none of this kind.
    }
  }
  return false;
}

function maybeBase64(text: string): Bytes | undefined {
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}

/** A secret's bytes, given as text, as bytes or as a JWK. */
function bytesIn(secret: unknown): Bytes {
  const text = secret instanceof Uint8Array ? new TextDecoder().decode(secret) : secret;
  // Of whichever kind: a public JWK is no secret as text or as bytes either.
  const jwk = jwkIn(text);
  if (jwk) {
    const { kty, k } = jwk;
    const bytes = kty === "oct" && typeof k === "string" ? fromBase64url(k) : undefined;
    if (!bytes) throw keyError("wrong_key_type");
    return bytes;
  }
  // Copied, because the caller's buffer is the caller's.
  if (secret instanceof Uint8Array) return new Uint8Array(secret);
  if (typeof secret !== "string" || /^(|undefined|null)$/.test(secret)) throw keyError("no_key");
  if (/^\s|\s$/.test(secret))
    throw keyError("malformed_key", "it begins or ends with a space", "Look for line breaks");
  return new TextEncoder().encode(secret);
}

/**
 * Imports a secret.
 *
 * @throws VaultError `invalid_option` where it is none, too short, or no secret at all.
 */
export async function importSecret(
  secret: unknown,
  algorithm: HmacAlgorithm,
  use: "sign" | "verify",
): Promise<WebCryptoKey> {
  const bytes = bytesIn(secret);
  const text = new TextDecoder().decode(bytes);
  const decoded = maybeBase64(text);
  if (isPem(text) || (await arePublic(bytes)) || (decoded && (await arePublic(decoded))))
    throw keyError("wrong_key_type", "it is half of a key pair, and HMAC takes a secret");
  const least = HASH_BYTES[algorithm];
  if (bytes.length < least) throw keyError("short_key", `it has fewer than ${least} bytes`);
  return importHmacKey(bytes, algorithm, use);
}

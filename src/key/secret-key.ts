/** Secrets that sign and verify JWTs, from outside: one that anybody may know is refused (RFC 8725 §3.1). */
import type { Bytes } from "../types.ts";
import type { HmacAlgorithm } from "./algorithms.ts";
import { fromBase64, type WebCryptoKey } from "../guard/crypto.ts";
import { HASH_BYTES, importHmacKey } from "./hmac-key.ts";
import { fromBase64url } from "./jws.ts";
import { keyError } from "./key-flaws.ts";
import { isMeantFor, jwkIn } from "./key-pairs.ts";
import { isPem } from "./pem.ts";

/**
 * Whether bytes are a key or a certificate in DER (X.690 §8.1): a sequence of their whole length that begins with
 * another one, or with a number. A JWT that is signed by a public one, everybody can make.
 */
function isDer(bytes: Bytes): boolean {
  const [tag, first = 0, second = 0, third = 0] = bytes;
  const long = first === 0x81 ? second : second * 256 + third;
  const start = first < 0x80 ? 2 : first === 0x81 ? 3 : 4;
  const length = first < 0x80 ? first : long;
  const isWhole = first <= 0x82 && first !== 0x80 && start + length === bytes.length;
  return tag === 0x30 && isWhole && (bytes[start] === 0x30 || bytes[start] === 0x02);
}

/** OpenSSH's own form of a public key. */
const isOpenSsh = (text: string): boolean =>
  /^(ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+ AAAA/.test(text);

function maybeBase64(text: string): Bytes | undefined {
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}

/** A secret's bytes, given as text, as bytes or as a JWK that is meant for it. */
function bytesIn(secret: unknown, algorithm: HmacAlgorithm, use: "sign" | "verify"): Bytes {
  const text = secret instanceof Uint8Array ? new TextDecoder().decode(secret) : secret;
  // Of whichever kind: a public JWK is no secret as text or as bytes either.
  const jwk = jwkIn(text);
  if (jwk) {
    const { kty, k, alg = algorithm } = jwk;
    const isRight = kty === "oct" && alg === algorithm && isMeantFor(jwk, use);
    const bytes = isRight && typeof k === "string" ? fromBase64url(k) : undefined;
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
  const bytes = bytesIn(secret, algorithm, use);
  const text = new TextDecoder().decode(bytes);
  const decoded = maybeBase64(text);
  if (isPem(text) || isOpenSsh(text) || isDer(bytes) || (decoded && isDer(decoded)))
    throw keyError("wrong_key_type", "it is half of a key pair, and HMAC takes a secret");
  const least = HASH_BYTES[algorithm];
  if (bytes.length < least) throw keyError("short_key", `it has fewer than ${least} bytes`);
  return importHmacKey(bytes, algorithm, use);
}

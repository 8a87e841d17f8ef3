/** The algorithms of JWTs (RFC 7518 §3.1, RFC 8037 §3.1), and what Web Crypto and JWKs call their keys. */
import { own } from "../guard/json.ts";

/** By a secret that both sides have. */
export type HmacAlgorithm = "HS256" | "HS384" | "HS512";

/** By a private key: everybody who has the public one can verify. `EdDSA` is Ed25519's. */
export type KeyPairAlgorithm =
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA";

/** How a JWT may be signed. `none` is no such way. */
export type JwtAlgorithm = HmacAlgorithm | KeyPairAlgorithm;

/** What kind of key an algorithm takes. */
export interface KeyKind {
  /** The JWK's `kty` and `crv`. */
  readonly kty: "RSA" | "EC" | "OKP";
  readonly crv?: string;
  /** "an RSA key", "a P-256 key". */
  readonly words: string;
  /** What `importKey` is told. */
  readonly params: { readonly name: string };
}

// Every member of every dictionary is set: a polluted `Object.prototype` has no say (S15).
const rsa = (name: string, bits: number): KeyKind =>
  own({
    kty: "RSA",
    words: "an RSA key",
    params: own({ name, hash: own({ name: `SHA-${bits}` }) }),
  });
const ecdsa = (crv: string): KeyKind =>
  own({ kty: "EC", crv, words: `a ${crv} key`, params: own({ name: "ECDSA", namedCurve: crv }) });

/** What `verify` is told of an algorithm (RFC 7518 §3.2 to §3.5, RFC 8037 §3.1). */
export function usageOf(algorithm: JwtAlgorithm): { readonly name: string } {
  const bits = Number(algorithm.slice(2));
  const hash = own({ name: `SHA-${bits}` });
  if (algorithm === "EdDSA") return own({ name: "Ed25519" });
  if (algorithm.startsWith("HS")) return own({ name: "HMAC" });
  if (algorithm.startsWith("RS")) return own({ name: PKCS1 });
  if (algorithm.startsWith("PS")) return own({ name: PSS, saltLength: bits / 8 });
  return own({ name: "ECDSA", hash });
}

const PKCS1 = "RSASSA-PKCS1-v1_5";
const PSS = "RSA-PSS";

/** A key pair's algorithm, and the kind of its keys. */
export const KINDS: Readonly<Record<KeyPairAlgorithm, KeyKind>> = own({
  RS256: rsa(PKCS1, 256),
  RS384: rsa(PKCS1, 384),
  RS512: rsa(PKCS1, 512),
  PS256: rsa(PSS, 256),
  PS384: rsa(PSS, 384),
  PS512: rsa(PSS, 512),
  ES256: ecdsa("P-256"),
  ES384: ecdsa("P-384"),
  ES512: ecdsa("P-521"),
  EdDSA: own({
    kty: "OKP",
    crv: "Ed25519",
    words: "an Ed25519 key",
    params: own({ name: "Ed25519" }),
  }),
});

/**
 * JWTs of others, verified (RFC 8725), and JWTs of your own, signed. `jose` has to be installed beside
 * tokenkeep.
 *
 * @example
 * ```ts
 * import { remoteKeys, verifyJwt } from "tokenkeep/jwt";
 *
 * const key = remoteKeys("https://login.acme.example/.well-known/jwks.json");
 *
 * declare const token: string;
 * const { claims } = await verifyJwt(token, {
 *   key,
 *   algorithms: ["RS256"],
 *   issuer: "https://login.acme.example",
 *   audience: "https://api.my-app.example",
 * });
 * console.info(claims.sub);
 * ```
 *
 * @module
 */
import { SignJWT } from "jose";
import { check, type JwtFlaw, VaultError } from "./errors.ts";
import {
  type HmacAlgorithm,
  type JwtAlgorithm,
  type KeyPairAlgorithm,
  KINDS,
  usageOf,
} from "./key/algorithms.ts";
import { isAmount } from "./guard/amounts.ts";
import type { WebCryptoKey } from "./guard/crypto.ts";
import { isHmac } from "./key/hmac-key.ts";
import { isObject, own } from "./guard/json.ts";
import { fromBase64url, type Members, partsOf } from "./key/jws.ts";
import { checkClaims } from "./key/jwt-claims.ts";
import { type GivenKey, keysFor, sourceOf } from "./key/jwt-keys.ts";
import { jwtError } from "./key/jwt-flaw.ts";
import type { Jwk } from "./key/key-pairs.ts";
import { importPrivateKey, kidOf } from "./key/private-key.ts";
import {
  type KeySet,
  type RemoteKeys,
  remoteKeys,
  type RemoteKeysOptions,
} from "./key/remote-keys.ts";
import { importSecret } from "./key/secret-key.ts";

export { type KeySet, type RemoteKeys, remoteKeys, type RemoteKeysOptions };
export type { GivenKey, HmacAlgorithm, Jwk, JwtAlgorithm, JwtFlaw, KeyPairAlgorithm };

/** The claims of a JWT (RFC 7519 §4.1). They have no prototype, at any depth. */
export interface JwtClaims {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  /** Seconds since the epoch, as `nbf` and `iat` are. */
  readonly exp?: number;
  readonly nbf?: number;
  readonly iat?: number;
  readonly jti?: string;
  readonly [claim: string]: unknown;
}

/** A JWT that was accepted. */
export interface VerifiedJwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: JwtClaims & {
    readonly iss: string;
    readonly aud: string | readonly string[];
    readonly exp: number;
  };
}

/** The options of {@link verifyJwt}. */
export interface VerifyJwtOptions {
  /**
   * What verifies the signature. For key pairs: {@link remoteKeys}, a JWKS, a public JWK (both also as JSON),
   * or SPKI PEM (`BEGIN PUBLIC KEY`). For the HS algorithms: the secret as text or bytes, or a JWK of `kty`
   * `oct`.
   */
  readonly key: GivenKey;
  /** The algorithms that the issuer signs by: key pairs' or HMAC's, and never both. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** The exact `iss`, or several of them. */
  readonly issuer: string | readonly string[];
  /** You, as the issuer calls you: one of these has to stand in `aud`. */
  readonly audience: string | readonly string[];
  /**
   * The `typ` that the header must have: `"at+jwt"` for access tokens of RFC 9068. Without this option a JWT is
   * accepted only if its `typ` is `JWT` or absent: with another `typ` it is for something else.
   */
  readonly type?: string;
  /** Claims that have to be there besides `iss`, `aud` and `exp`; none by default. */
  readonly required?: readonly string[];
  /** How many milliseconds ago the JWT may have been issued, by its `iat`; any by default. */
  readonly maxAge?: number;
  /** How many milliseconds the clocks may differ; 5,000 by default. */
  readonly tolerance?: number;
  /** Milliseconds since the epoch; `Date.now` by default. */
  readonly now?: () => number;
}

/** The options of {@link signJwt}. */
export interface SignJwtOptions {
  /**
   * For key pairs a private key: PKCS#8 PEM, whose line breaks may be written as `\n`, or a JWK. For the HS
   * algorithms a secret as text or bytes, or a JWK of `kty` `oct`.
   */
  readonly key: Jwk | string | Uint8Array;
  readonly algorithm: JwtAlgorithm;
  /** How many milliseconds the JWT is good, rounded to seconds; 3,600,000 (an hour) by default. */
  readonly lifetime?: number;
  /** More members of the header, such as `kid` and `typ`; a JWK's `kid`, and `JWT`, by default. */
  readonly protectedHeader?: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch; `Date.now` by default. */
  readonly now?: () => number;
}

/**
 * Reads a JWT and verifies nothing: anybody may have written its claims. For display and for scheduling only.
 * `undefined` for any text that is no JWT.
 *
 * @example
 * ```ts
 * import { decodeUnverified } from "tokenkeep/jwt";
 *
 * const token = await vault.getToken();
 * console.info("good until", decodeUnverified(token)?.claims.exp);
 * ```
 */
export const decodeUnverified = (
  token: string,
): { readonly header: Readonly<Record<string, unknown>>; readonly claims: JwtClaims } | undefined =>
  partsOf(token);

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

/** One text or several, none of them empty. */
function textsIn(value: unknown, wanted: string): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(value) ? [...value] : [value];
  check(texts.length > 0 && texts.every(isText), wanted);
  return texts;
}

/** The options, checked: what is wrong here is the application's to mend. */
function settingsOf(given: VerifyJwtOptions) {
  const options = own(given);
  const { key, type, required = [], maxAge, tolerance = 5_000, now = Date.now } = options;
  const algorithms = textsIn(options.algorithms, "algorithms, such as RS256") as JwtAlgorithm[];
  const ofPairs = algorithms.filter((one) => Object.hasOwn(KINDS, one));
  const ofSecrets = algorithms.filter(isHmac);
  check(
    ofPairs.length === algorithms.length || ofSecrets.length === algorithms.length,
    "algorithms of key pairs, or of HMAC, and not both",
  );
  const source = sourceOf(key);
  check(source.type === "one" || ofSecrets.length === 0, "a secret for HMAC: key sets are public");
  // A text would be put behind the number that it is to be added to: such a JWT had no end.
  const isEnding = (ms: unknown): boolean => isAmount(ms) && ms < Infinity;
  check(isEnding(tolerance), "tolerance, in milliseconds");
  check(maxAge === undefined || isEnding(maxAge), "maxAge, in milliseconds");
  check(type === undefined || (typeof type === "string" && type), "type, a text");
  check(Array.isArray(required) && required.every(isText), "required, a list of claims");
  return {
    source,
    type: type?.toLowerCase(),
    maxAge,
    tolerance,
    now,
    algorithms,
    required: [...required],
    issuers: textsIn(options.issuer, "issuer"),
    audiences: textsIn(options.audience, "audience"),
  };
}

type Settings = ReturnType<typeof settingsOf>;

/** The header's algorithm, if the header is one that may be accepted. Nothing in it chooses a key's place. */
function algorithmOf(header: Members, { algorithms, type }: Settings): JwtAlgorithm {
  const algorithm = algorithms.find((one) => one === header["alg"]);
  if (!algorithm) throw jwtError("wrong_algorithm");
  // RFC 7515 §4.1.11; without `crit`, `b64` would be read by some and not by others (RFC 7797 §6).
  if ("crit" in header || "b64" in header) throw jwtError("critical_header");
  // RFC 7515 §4.1.9: `application/` may be left out, and case does not count.
  const typ = typeof header["typ"] === "string" ? header["typ"].toLowerCase() : header["typ"];
  const isRight = typ === (type ?? "jwt") || typ === `application/${type ?? "jwt"}`;
  if (!isRight && (type !== undefined || typ !== undefined)) throw jwtError("wrong_type");
  return algorithm;
}

/**
 * Whether one of the keys has signed. By Web Crypto itself: what jose parses has a prototype, and a `crit` or a
 * `hash` on that would have a say (S15).
 */
async function isSigned(
  token: string,
  algorithm: JwtAlgorithm,
  keys: WebCryptoKey[],
): Promise<boolean> {
  const end = token.lastIndexOf(".");
  const input = new TextEncoder().encode(token.slice(0, end));
  const signature = fromBase64url(token.slice(end + 1)) ?? new Uint8Array();
  for (const key of keys) {
    try {
      if (await crypto.subtle.verify(usageOf(algorithm), key, signature, input)) return true;
    } catch {
      // Another key may have signed it.
    }
  }
  return false;
}

/**
 * Verifies a JWT: its signature, by one of `algorithms` and by your key alone (`jku`, `x5u`, `jwk` and `x5c`
 * in its header are ignored), its issuer, its audience, and that it has an end and is in time.
 *
 * It proves who wrote the claims, not that the sender may have the token: a JWT with a `cnf` claim wants a
 * proof besides, and one that was stolen verifies as well.
 *
 * Rejects with a `VaultError`: `invalid_token`, whose `reason` is a {@link JwtFlaw} (answer with 401);
 * `keys_unavailable` (answer with 503); `invalid_option` where an option is missing or wrong, or the key
 * does not fit the algorithms. None shows the token, a claim or a key.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8725
 */
export async function verifyJwt(token: unknown, options: VerifyJwtOptions): Promise<VerifiedJwt> {
  const settings = settingsOf(options);
  const parts = partsOf(token);
  if (!parts) throw jwtError("malformed_jwt");
  const { header, claims } = parts;
  const algorithm = algorithmOf(header, settings);
  const keys = await keysFor(header, algorithm, settings);
  if (keys.length === 0) throw jwtError("unknown_key");
  if (!(await isSigned(token as string, algorithm, keys))) throw jwtError("wrong_signature");
  checkClaims(claims, settings);
  return { header, claims: claims as VerifiedJwt["claims"] };
}

/**
 * Signs a JWT. `iat` and `exp` are set here; give `iss` and `aud`, without which {@link verifyJwt} accepts
 * none.
 *
 * Rejects with a `VaultError` `invalid_option`: no key, or one that the algorithm does not take (`reason` is
 * a `KeyFlaw`), or claims that are no JSON (`not_signed`).
 *
 * @example
 * ```ts
 * import { signJwt } from "tokenkeep/jwt";
 *
 * const key = process.env["SESSION_KEY"] ?? "";
 * const claims = { iss: "my-app", aud: "my-app", sub: "ada" };
 * const token = await signJwt(claims, { key, algorithm: "HS256", lifetime: 600_000 });
 * ```
 */
export async function signJwt(
  claims: Readonly<Record<string, unknown>>,
  options: SignJwtOptions,
): Promise<string> {
  const { key, algorithm, protectedHeader, lifetime = 3_600_000, now = Date.now } = own(options);
  check(isObject(claims), "claims, an object");
  check(typeof algorithm === "string", "algorithm, such as RS256");
  check(isHmac(algorithm) || Object.hasOwn(KINDS, algorithm), "algorithm, such as RS256");
  check(lifetime >= 1_000 && lifetime < Infinity, "lifetime, of at least 1000 ms");
  const by = isHmac(algorithm)
    ? await importSecret(key, algorithm, "sign")
    : await importPrivateKey(key, algorithm);
  const iat = Math.floor(now() / 1_000);
  try {
    return await new SignJWT({ ...claims })
      .setProtectedHeader({ typ: "JWT", ...kidOf(key), ...protectedHeader, alg: algorithm })
      .setIssuedAt(iat)
      .setExpirationTime(iat + Math.round(lifetime / 1_000))
      .sign(by);
  } catch {
    // Errors of jose carry claims: never handed on (S4).
    const message = "Cannot sign the JWT: claims or header are no JSON. Check them.";
    throw new VaultError("invalid_option", message, { reason: "not_signed" });
  }
}

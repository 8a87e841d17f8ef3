/**
 * A mechanism: JWTs that the application signs with an API key (HMAC, RFC 7518 §3.2) or with a private key
 * (RSA, ECDSA, Ed25519), without asking the server. `jose` has to be installed beside tokenkeep.
 *
 * @example
 * ```ts
 * import { selfSigned } from "tokenkeep/providers/self-signed";
 *
 * const provider = selfSigned<{ apiKey: string; user: string }>({
 *   name: "acme",
 *   origins: ["https://api.acme.example"],
 *   key: ({ apiKey }) => apiKey,
 *   claims: ({ user }) => ({ sub: user, aud: "https://api.acme.example" }),
 * });
 * ```
 *
 * @module
 */
import { SignJWT } from "jose";
import {
  type Address,
  addressOf,
  type Env,
  found,
  keyOf,
  type SecretOptions,
  secretOf,
  warnInBrowser,
  warnOnce,
} from "../grant/secrets.ts";
import { check, isVaultError } from "../errors.ts";
import {
  type HmacAlgorithm,
  type JwtAlgorithm,
  type KeyPairAlgorithm,
  KINDS,
} from "../key/algorithms.ts";
import type { WebCryptoKey } from "../guard/crypto.ts";
import { HASH_BYTES, importHmacKey, isHmac } from "../key/hmac-key.ts";
import { copyOf, isObject, own } from "../guard/json.ts";
import type { Jwk } from "../key/key-pairs.ts";
import { importPrivateKey, kidOf } from "../key/private-key.ts";
import type { Exchange, Outcome, Provider } from "../types.ts";

export type { Address, Env, HmacAlgorithm, Jwk, JwtAlgorithm, KeyPairAlgorithm, SecretOptions };

/** What every JWT that is signed here has. */
export interface SigningOptions<Credentials> extends Address, SecretOptions {
  /** Makes the claims; `iat` and `exp` are added. An error that it throws is never shown. */
  readonly claims: (credentials: Credentials) => Readonly<Record<string, unknown>>;
  /**
   * Makes more members of the JWT's header, such as `kid`; a JWK's own `kid` by default. `alg` is set here.
   * An error that it throws is never shown.
   */
  readonly protectedHeader?: (credentials: Credentials) => Readonly<Record<string, unknown>>;
  /** How many milliseconds a JWT is good, rounded to seconds; 3,600,000 (an hour) by default. */
  readonly lifetime?: number;
}

/** The options of {@link hmacSigned}. */
export interface HmacSignedOptions<Credentials> extends SigningOptions<Credentials> {
  /**
   * Finds the secret among the credentials, which are kept with the session. Where it gives none, the
   * secret is read from `variable` of `env` at each signature, and not stored.
   */
  readonly key: (credentials: Credentials) => string | undefined;
  /** `"HS256"` by default. */
  readonly algorithm?: HmacAlgorithm;
  /**
   * Takes a key that is shorter than the hash (RFC 7518 §3.2), with a warning instead of an error, for
   * an API whose keys are short. A stranger who sees one JWT can try such keys out. `false` by default.
   */
  readonly dangerouslyAllowShortKey?: boolean;
}

/** The options of {@link selfSigned}. */
export interface SelfSignedOptions<Credentials> extends Omit<
  HmacSignedOptions<Credentials>,
  "key" | "algorithm"
> {
  /**
   * Finds the key among the credentials, which are kept with the session. Where it gives none, the key is
   * read from `variable` of `env` at each signature, and not stored. For the HS algorithms it is a secret;
   * for the others a private key as PKCS#8 PEM, whose line breaks may be written as `\n`, or as a JWK, which
   * may be JSON.
   */
  readonly key: (credentials: Credentials) => string | Jwk | undefined;
  /** `"HS256"` by default. */
  readonly algorithm?: JwtAlgorithm;
}

/** A key that is ready to sign, and the `kid` that it brings along. */
interface Signing {
  readonly algorithm: JwtAlgorithm;
  readonly key: WebCryptoKey;
  readonly kid?: string;
}

/** Signs JWTs by whatever key `prepare` makes ready. */
function signing<Credentials>(
  options: SigningOptions<Credentials>,
  prepare: (credentials: Credentials) => Promise<Signing>,
): Provider<Credentials> {
  const { claims, protectedHeader, lifetime = 3_600_000 } = options;
  check(lifetime >= 1_000 && lifetime < Infinity, "lifetime, of at least 1000 ms");
  warnInBrowser(options);

  async function sign(credentials: Credentials, { now }: Exchange): Promise<Outcome> {
    check(isObject(credentials), "credentials, an object");
    // As they are signed: an application may use one object for all of its accounts (S11).
    const material = copyOf(credentials);
    try {
      const iat = Math.floor(now() / 1_000);
      // In one go with that copy: a key takes its time to be imported.
      const jwt = new SignJWT({ ...claims(credentials) });
      const more = { ...protectedHeader?.(credentials) };
      const { key, kid, algorithm } = await prepare(credentials);
      const accessToken = await jwt
        .setProtectedHeader({
          typ: "JWT",
          ...(kid !== undefined && { kid }),
          ...more,
          alg: algorithm,
        })
        .setIssuedAt(iat)
        .setExpirationTime(iat + Math.round(lifetime / 1_000))
        .sign(key);
      return { type: "granted", grant: { accessToken, material } };
    } catch (error) {
      if (isVaultError(error)) throw error;
      // Errors of jose carry claims: never handed on (S4).
      return { type: "trouble", reason: "not_signed" };
    }
  }

  return own<Provider<Credentials>>({
    ...addressOf(options),
    renewal: own({
      rotation: "none",
      needsRefreshToken: false,
      selfSigned: true,
      assumedLifetime: lifetime,
    }),
    signIn: sign,
    renew: async ({ material }, exchange) =>
      material === undefined ? { type: "refused" } : sign(material as Credentials, exchange),
  });
}

/** A secret that is long enough, as a key. */
function importSecret(
  secret: unknown,
  algorithm: HmacAlgorithm,
  options: Omit<HmacSignedOptions<never>, "key" | "algorithm">,
): Promise<WebCryptoKey> {
  const bytes = new TextEncoder().encode(secretOf(secret, options));
  const least = HASH_BYTES[algorithm];
  if (bytes.length < least) {
    check(options.dangerouslyAllowShortKey, `key, of at least ${least} bytes`);
    warnOnce(
      `the key of provider "${options.name}" is shorter than the ${least} bytes of its hash. ` +
        "Who sees one JWT can try such keys out. Take a longer one, if the API gives any.",
    );
  }
  return importHmacKey(bytes, algorithm, "sign");
}

/**
 * As {@link selfSigned}, but by secrets alone: it saves the bytes that private keys take.
 *
 * @throws VaultError as `selfSigned` does.
 */
export function hmacSigned<Credentials>(
  given: HmacSignedOptions<Credentials>,
): Provider<Credentials> {
  const options = own(given);
  const { key, algorithm = "HS256" } = options;
  check(isHmac(algorithm), "algorithm: HS256, HS384 or HS512");
  return signing(options, async (credentials) => {
    const secret = key(credentials) ?? found(options);
    return { algorithm, key: await importSecret(secret, algorithm, options) };
  });
}

/**
 * Makes a provider that keeps the credentials with the session, sealed if the store seals, and signs
 * the next JWT with them. `Credentials` is a JSON value.
 *
 * `signIn` rejects with a `VaultError`: `invalid_option` where there is no key, one shorter than the hash,
 * or one that the algorithm does not take (then `reason` is a `KeyFlaw`); `invalid_token` where a secret
 * has a space or a line break.
 *
 * @throws VaultError `invalid_option` when there is no such `algorithm`, or `lifetime` is under a second or
 * has no end.
 */
export function selfSigned<Credentials>(
  given: SelfSignedOptions<Credentials>,
): Provider<Credentials> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(given);
  const { key, algorithm = "HS256" } = options;
  check(isHmac(algorithm) || Object.hasOwn(KINDS, algorithm), "algorithm, such as RS256");
  return signing(options, async (credentials) => {
    const secretOrKey = key(credentials) ?? found(options);
    if (isHmac(algorithm))
      return { algorithm, key: await importSecret(secretOrKey, algorithm, options) };
    const half = keyOf(secretOrKey, options);
    return { algorithm, key: await importPrivateKey(half, algorithm), ...kidOf(half) };
  });
}

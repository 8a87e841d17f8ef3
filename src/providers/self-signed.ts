/**
 * A mechanism: JWTs that the application signs with an API key (HMAC, RFC 7518 §3.2), without asking the
 * server. `jose` has to be installed beside tokenkeep.
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
  type SecretOptions,
  secretOf,
  warnInBrowser,
  warnOnce,
} from "../grant/secrets.ts";
import { check, isVaultError } from "../errors.ts";
import { isObject, own } from "../guard/json.ts";
import type { Exchange, Outcome, Provider } from "../types.ts";

export type { Address, Env, SecretOptions };

/** The options of {@link selfSigned}. */
export interface SelfSignedOptions<Credentials> extends Address, SecretOptions {
  /** Makes the claims; `iat` and `exp` are added. An error that it throws is never shown. */
  readonly claims: (credentials: Credentials) => Readonly<Record<string, unknown>>;
  /**
   * Finds the key among the credentials, which are kept with the session. Where it gives none, the key is
   * read from `variable` of `env` at each signature, and not stored.
   */
  readonly key: (credentials: Credentials) => string | undefined;
  /** `"HS256"` by default. */
  readonly algorithm?: "HS256" | "HS384" | "HS512";
  /** How many milliseconds a JWT is good, rounded to seconds; 3,600,000 (an hour) by default. */
  readonly lifetime?: number;
  /**
   * Takes a key that is shorter than the hash (RFC 7518 §3.2), with a warning instead of an error, for
   * an API whose keys are short. A stranger who sees one JWT can try such keys out. `false` by default.
   */
  readonly dangerouslyAllowShortKey?: boolean;
}

const HASH_BYTES = { HS256: 32, HS384: 48, HS512: 64 } as const;

/**
 * Makes a provider that keeps the credentials with the session, sealed if the store seals, and signs
 * the next JWT with them. `Credentials` is a JSON value.
 *
 * `signIn` rejects with a `VaultError`: `invalid_option` where there is no key, or one shorter than the
 * hash; `invalid_token` where the key has a space or a line break.
 *
 * @throws VaultError `invalid_option` when `lifetime` is under a second, or has no end.
 */
export function selfSigned<Credentials>(
  given: SelfSignedOptions<Credentials>,
): Provider<Credentials> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(given);
  const { claims, key, algorithm = "HS256", lifetime = 3_600_000 } = options;
  check(lifetime >= 1_000 && lifetime < Infinity, "lifetime, of at least 1000 ms");
  warnInBrowser(options);

  async function importKey(credentials: Credentials): Promise<CryptoKey> {
    const bytes = new TextEncoder().encode(secretOf(key(credentials) ?? found(options), options));
    const least = HASH_BYTES[algorithm];
    if (bytes.length < least) {
      check(options.dangerouslyAllowShortKey, `key, of at least ${least} bytes`);
      warnOnce(
        `the key of provider "${options.name}" is shorter than the ${least} bytes of its hash. ` +
          "Who sees one JWT can try such keys out. Take a longer one, if the API gives any.",
      );
    }
    // Every member is set: a polluted `Object.prototype` has no say (S15).
    const hash = own({ name: "SHA-" + algorithm.slice(2) });
    const hmac = own({ name: "HMAC", hash, length: bytes.length * 8 });
    return crypto.subtle.importKey("raw", bytes, hmac, false, ["sign"]);
  }

  async function sign(credentials: Credentials, { now }: Exchange): Promise<Outcome> {
    check(isObject(credentials), "credentials, an object");
    try {
      const iat = Math.floor(now() / 1_000);
      const hmac = await importKey(credentials);
      const accessToken = await new SignJWT({ ...claims(credentials) })
        .setProtectedHeader({ alg: algorithm, typ: "JWT" })
        .setIssuedAt(iat)
        .setExpirationTime(iat + Math.round(lifetime / 1_000))
        .sign(hmac);
      return { type: "granted", grant: { accessToken, material: credentials } };
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

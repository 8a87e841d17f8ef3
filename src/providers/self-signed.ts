/**
 * A mechanism: JWTs that one signs oneself with an API key (HMAC, RFC 7518 §3.2). Nothing is asked of
 * the server. `jose` has to be installed beside tokenkeep.
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
  type SecretOptions,
  secretOf,
  warnInBrowser,
} from "../grant/secrets.ts";
import { isVaultError, VaultError } from "../errors.ts";
import type { Exchange, Outcome, Provider } from "../types.ts";

export type { Address, Env, SecretOptions };

export interface SelfSignedOptions<Credentials> extends Address, SecretOptions {
  /** The claims besides `iat` and `exp`, which are set here. */
  readonly claims: (credentials: Credentials) => Readonly<Record<string, unknown>>;
  /** The key among the credentials; where it gives none, `variable` of `env`, which is not stored. */
  readonly key: (credentials: Credentials) => string | undefined;
  /** `"HS256"` by default. */
  readonly algorithm?: "HS256" | "HS384" | "HS512";
  /** How long a JWT is good, in milliseconds, whole seconds; 3,600,000 (an hour) by default. */
  readonly lifetime?: number;
}

/**
 * Makes a provider that keeps the credentials with the session, sealed if the store seals, and signs
 * the next JWT with them. `Credentials` is a JSON value.
 *
 * `signIn` rejects with a VaultError: `invalid_option` where there is no key, `invalid_token` where
 * it has a space or a line break.
 *
 * @throws VaultError `invalid_option` when `lifetime` is under a second, or has no end.
 */
export function selfSigned<Credentials>(
  options: SelfSignedOptions<Credentials>,
): Provider<Credentials> {
  const { claims, key, algorithm = "HS256", lifetime = 3_600_000 } = options;
  if (!(lifetime >= 1_000 && lifetime < Infinity))
    throw new VaultError("invalid_option", "Invalid option: lifetime, of at least 1000 ms");
  warnInBrowser(options);

  async function sign(credentials: Credentials, { now }: Exchange): Promise<Outcome> {
    try {
      const bytes = new TextEncoder().encode(secretOf(key(credentials), options, "Token"));
      const hmac = {
        name: "HMAC",
        hash: "SHA-" + algorithm.slice(2),
        length: bytes.length * 8,
      };
      const iat = Math.floor(now() / 1_000);
      const accessToken = await new SignJWT({ ...claims(credentials) })
        .setProtectedHeader({ alg: algorithm, typ: "JWT" })
        .setIssuedAt(iat)
        .setExpirationTime(iat + Math.round(lifetime / 1_000))
        .sign(await crypto.subtle.importKey("raw", bytes, hmac, false, ["sign"]));
      return { type: "granted", grant: { accessToken, material: credentials } };
    } catch (error) {
      if (isVaultError(error)) throw error;
      // Errors of jose carry claims: never handed on (S4).
      return { type: "trouble" };
    }
  }

  return {
    ...addressOf(options),
    renewal: {
      rotation: "none",
      needsRefreshToken: false,
      selfSigned: true,
      assumedLifetime: lifetime,
    },
    signIn: sign,
    renew: async ({ material }, exchange) =>
      material === undefined ? { type: "refused" } : sign(material as Credentials, exchange),
  };
}

/**
 * Clary AI by JWTs that are signed with an API key. For the key alone, see `clary`.
 *
 * @module
 */
import { check } from "../errors.ts";
import { atBase } from "../grant/base-url.ts";
import { given } from "../grant/secrets.ts";
import type { Provider } from "../types.ts";
import { hmacSigned, type HmacSignedOptions, type SecretOptions } from "./self-signed.ts";

/** What a sign-in takes. All of it is kept with the session, because the next JWT is signed with it. */
export interface ClaryJwtCredentials {
  /** The JWT's `sub`: the user whom it is for. */
  readonly subject: string;
  /** Signs the JWTs and is kept with the session; `CLARY_API_KEY` of `env` by default. */
  readonly apiKey?: string;
  /** The JWT's `tier`; `"lite"` by default, the least. */
  readonly tier?: Tier;
}

const TIERS = ["lite", "standard", "professional"] as const;
type Tier = (typeof TIERS)[number];

/** The options of {@link claryJwt}. */
export interface ClaryJwtOptions
  extends
    Omit<SecretOptions<"CLARY_API_KEY">, "variable">,
    Pick<HmacSignedOptions<never>, "algorithm" | "lifetime"> {
  /** The API's address, which may be your own host; `https://api.claryai.com` by default. */
  readonly baseURL?: string;
}

/**
 * The Clary AI API, with a JWT of an hour for each subject. The API's page does not name the algorithm:
 * HS256 is assumed. Nor does the page say how long an API key is: a short one draws a warning.
 *
 * `signIn` rejects with a `VaultError`: `invalid_option` where the subject, the tier or the key is missing
 * or wrong, `invalid_token` where the key has a space or a line break.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep";
 * import { claryJwt } from "tokenkeep/providers/clary-jwt";
 * import { memoryStore } from "tokenkeep/stores/memory";
 *
 * const vault = createVault({ provider: claryJwt({ env: process.env }), store: memoryStore() });
 * await vault.signIn({ subject: "user-17", tier: "standard" });
 * const documents = await vault.fetch("https://api.claryai.com/v1/documents");
 * ```
 */
export function claryJwt(from: ClaryJwtOptions = {}): Provider<ClaryJwtCredentials> {
  const { base, options } = atBase(from, "https://api.claryai.com");
  return hmacSigned({
    ...options,
    name: "clary-jwt",
    origins: [base],
    variable: "CLARY_API_KEY",
    dangerouslyAllowShortKey: true,
    // A key that was meant to be given and is missing is no reason to sign with the operator's (S17).
    key: (credentials) =>
      Object.hasOwn(credentials, "apiKey") ? (credentials.apiKey ?? "") : undefined,
    claims(credentials) {
      const subject = given(credentials, "subject");
      const tier = Object.hasOwn(credentials, "tier") ? credentials.tier : "lite";
      check(subject && typeof subject === "string", "subject, a text");
      check(
        TIERS.some((one) => one === tier),
        `tier, one of ${TIERS.join(", ")}`,
      );
      return { sub: subject, tier };
    },
  });
}

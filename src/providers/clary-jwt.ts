/**
 * Clary AI by JWTs that are signed with an API key. For the key alone, see `clary`.
 *
 * @module
 */
import type { Provider } from "../types.ts";
import { type SecretOptions, selfSigned, type SelfSignedOptions } from "./self-signed.ts";

export interface ClaryJwtCredentials {
  /** Whom the JWT is for: its `sub`. */
  readonly subject: string;
  /** Signs the JWTs and is kept with the session; `CLARY_API_KEY` of `env` by default. */
  readonly apiKey?: string;
  /** The JWT's `tier`; `"lite"` by default, the least. */
  readonly tier?: "lite" | "standard" | "professional";
}

export interface ClaryJwtOptions
  extends
    Omit<SecretOptions<"CLARY_API_KEY">, "variable">,
    Pick<SelfSignedOptions<never>, "algorithm" | "lifetime"> {
  /** Where the API lives, which may be your own host; `https://api.claryai.com` by default. */
  readonly baseURL?: string;
}

/**
 * The Clary AI API, with a JWT of an hour for each subject. Its page does not name the algorithm:
 * HS256 is assumed.
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
export function claryJwt({
  baseURL = "https://api.claryai.com",
  ...options
}: ClaryJwtOptions = {}): Provider<ClaryJwtCredentials> {
  return selfSigned({
    ...options,
    name: "clary-jwt",
    origins: [baseURL.replace(/\/+$/, "")],
    variable: "CLARY_API_KEY",
    key: ({ apiKey }) => apiKey,
    claims: ({ subject, tier = "lite" }) => ({ sub: subject, tier }),
  });
}

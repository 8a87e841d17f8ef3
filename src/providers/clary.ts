/**
 * Clary AI by an API key. For JWTs that are signed with the key, see `clary-jwt`.
 *
 * @module
 */
import { atBase } from "../grant/base-url.ts";
import type { Provider } from "../types.ts";
import { type SecretOptions, staticToken, type StaticCredentials } from "./static-token.ts";

export type { StaticCredentials };

/** The options of {@link clary}. */
export interface ClaryOptions extends Omit<SecretOptions<"CLARY_API_KEY">, "variable"> {
  /** The API's address, which may be your own host; `https://api.claryai.com` by default. */
  readonly baseURL?: string;
}

/**
 * The Clary AI API. `signIn({ token })` takes an API key, and `signIn()` the one in `CLARY_API_KEY` of
 * `env`. Nothing renews it: its 401 is returned. `signIn` rejects as that of `staticToken` does.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep";
 * import { clary } from "tokenkeep/providers/clary";
 * import { memoryStore } from "tokenkeep/stores/memory";
 *
 * const vault = createVault({ provider: clary({ env: process.env }), store: memoryStore() });
 * await vault.signIn();
 * const documents = await vault.fetch("https://api.claryai.com/v1/documents");
 * ```
 */
export function clary(given: ClaryOptions = {}): Provider<StaticCredentials | void> {
  const { base, options } = atBase(given, "https://api.claryai.com");
  return staticToken({
    ...options,
    name: "clary",
    origins: [base],
    variable: "CLARY_API_KEY",
  });
}

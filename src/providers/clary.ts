/**
 * Clary AI by an API key. For JWTs that are signed with the key, see `clary-jwt`.
 *
 * @module
 */
import type { Provider } from "../types.ts";
import { type SecretOptions, staticToken, type StaticCredentials } from "./static-token.ts";

export interface ClaryOptions extends Omit<SecretOptions<"CLARY_API_KEY">, "variable"> {
  /** Where the API lives, which may be your own host; `https://api.claryai.com` by default. */
  readonly baseURL?: string;
}

/**
 * The Clary AI API. `signIn()` takes the API key from `CLARY_API_KEY` of `env`.
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
export function clary({
  baseURL = "https://api.claryai.com",
  ...options
}: ClaryOptions = {}): Provider<StaticCredentials | void> {
  return staticToken({
    ...options,
    name: "clary",
    origins: [baseURL.replace(/\/+$/, "")],
    variable: "CLARY_API_KEY",
  });
}

/**
 * Qovery: an API token that its console shows once, sent by the auth-scheme `Token`.
 *
 * @see https://www.qovery.com/docs
 * @module
 */
import type { Provider } from "../types.ts";
import { type SecretOptions, staticToken, type StaticCredentials } from "./static-token.ts";

export interface QoveryOptions extends Omit<SecretOptions<"QOVERY_API_TOKEN">, "variable"> {
  /** Where the API lives; `https://api.qovery.com` by default. */
  readonly baseURL?: string;
}

/**
 * The Qovery API. `signIn()` takes the token from `QOVERY_API_TOKEN` of `env`.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep";
 * import { qovery } from "tokenkeep/providers/qovery";
 * import { memoryStore } from "tokenkeep/stores/memory";
 *
 * const vault = createVault({ provider: qovery({ env: process.env }), store: memoryStore() });
 * await vault.signIn();
 * const organization = await vault.fetch("https://api.qovery.com/organization");
 * ```
 */
export function qovery({
  baseURL = "https://api.qovery.com",
  ...options
}: QoveryOptions = {}): Provider<StaticCredentials | void> {
  return staticToken({
    ...options,
    name: "qovery",
    origins: [baseURL.replace(/\/+$/, "")],
    scheme: "Token",
    variable: "QOVERY_API_TOKEN",
  });
}

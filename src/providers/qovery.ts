/**
 * Qovery: an API token that its console shows once, sent by the auth-scheme `Token`.
 *
 * @see https://www.qovery.com/docs
 * @module
 */
import { atBase } from "../grant/base-url.ts";
import type { Provider } from "../types.ts";
import { type SecretOptions, staticToken, type StaticCredentials } from "./static-token.ts";

export type { StaticCredentials };

/** The options of {@link qovery}. */
export interface QoveryOptions extends Omit<SecretOptions<"QOVERY_API_TOKEN">, "variable"> {
  /** The API's address, with a path if it has one; `https://api.qovery.com` by default. */
  readonly baseURL?: string;
}

/**
 * The Qovery API. `signIn({ token })` takes a token of the console, and `signIn()` the one in
 * `QOVERY_API_TOKEN` of `env`. Nothing renews it: its 401 is returned, and the token is kept, because the
 * console shows it once. `signIn` rejects as that of `staticToken` does.
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
export function qovery(given: QoveryOptions = {}): Provider<StaticCredentials | void> {
  const { base, options } = atBase(given, "https://api.qovery.com");
  return staticToken({
    ...options,
    name: "qovery",
    origins: [base],
    scheme: "Token",
    variable: "QOVERY_API_TOKEN",
  });
}

/**
 * Simplismart: a JWT that is made in its console, scoped to one organisation.
 *
 * @see https://docs.simplismart.ai/model-suite/settings/api-keys
 * @module
 */
import { atBase } from "../grant/base-url.ts";
import type { Provider } from "../types.ts";
import { type SecretOptions, staticToken, type StaticCredentials } from "./static-token.ts";

export type { StaticCredentials };

/** The options of {@link simplismart}. */
export interface SimplismartOptions extends Omit<SecretOptions<"SIMPLISMART_TOKEN">, "variable"> {
  /** The API's address, with a path if it has one; `https://api.app.simplismart.ai` by default. */
  readonly baseURL?: string;
}

/**
 * The Simplismart API. `signIn({ token })` takes a token of the console, and `signIn()` the one in
 * `SIMPLISMART_TOKEN` of `env`. Nothing renews it: its 401 is returned. `signIn` rejects as that of
 * `staticToken` does.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep";
 * import { simplismart } from "tokenkeep/providers/simplismart";
 * import { memoryStore } from "tokenkeep/stores/memory";
 *
 * const provider = simplismart({ env: process.env });
 * const vault = createVault({ provider, store: memoryStore() });
 * await vault.signIn();
 * const models = await vault.fetch("https://api.app.simplismart.ai/deployments/list/model/");
 * ```
 */
export function simplismart(given: SimplismartOptions = {}): Provider<StaticCredentials | void> {
  const { base, options } = atBase(given, "https://api.app.simplismart.ai");
  return staticToken({
    ...options,
    name: "simplismart",
    origins: [base],
    variable: "SIMPLISMART_TOKEN",
  });
}

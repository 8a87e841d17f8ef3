/**
 * A mechanism: a token that somebody made elsewhere, in a console, and that nothing renews.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep";
 * import { staticToken } from "tokenkeep/providers/static-token";
 * import { memoryStore } from "tokenkeep/stores/memory";
 *
 * const provider = staticToken({
 *   name: "acme",
 *   origins: ["https://api.acme.example"],
 *   variable: "ACME_TOKEN",
 *   env: process.env,
 * });
 * const acme = createVault({ provider, store: memoryStore() });
 * await acme.signIn();
 * ```
 *
 * @module
 */
import {
  type Address,
  addressOf,
  asFound,
  type Env,
  found,
  given,
  isBasic,
  type SecretOptions,
  secretOf,
  warnInBrowser,
} from "../grant/secrets.ts";
import { check } from "../errors.ts";
import { own } from "../guard/json.ts";
import type { Provider } from "../types.ts";

export type { Address, Env, SecretOptions };

/** What a sign-in takes. */
export interface StaticCredentials {
  /** The token, without its auth-scheme. */
  readonly token: string;
}

/** The options of {@link staticToken}: where the token goes, and where it comes from. */
export interface StaticTokenOptions extends Address, SecretOptions {}

/**
 * Makes a provider without a renewal: a 401 is returned, and the token is kept. `signIn({ token })` and
 * `signIn()`, which takes the token from `env`, begin a session without a request. Only a call without
 * an argument reads `env`: `signIn({ token: undefined })` does not sign in as the operator.
 *
 * `signIn` rejects with a `VaultError`: `invalid_option` where there is no token, `invalid_token` where no
 * header can carry the token.
 *
 * @throws VaultError `invalid_option` for the scheme `Basic`, which takes user and password: see `api-key`.
 */
export function staticToken(from: StaticTokenOptions): Provider<StaticCredentials | void> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(from);
  check(!isBasic(options), "providers/api-key for Basic");
  warnInBrowser(options);
  return own<Provider<StaticCredentials | void>>({
    ...addressOf(options),
    signIn: async (credentials) =>
      asFound(
        secretOf(credentials === undefined ? found(options) : given(credentials, "token"), options),
      ),
  });
}

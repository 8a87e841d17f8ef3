/**
 * A mechanism: an API key that somebody made in a console, in a header of the API's choice, or user and
 * password by `Basic`. Nothing renews them.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep";
 * import { apiKey } from "tokenkeep/providers/api-key";
 * import { memoryStore } from "tokenkeep/stores/memory";
 *
 * const provider = apiKey({
 *   name: "acme",
 *   origins: ["https://api.acme.example"],
 *   header: "X-API-Key",
 *   variable: "ACME_API_KEY",
 *   env: process.env,
 * });
 * const acme = createVault({ provider, store: memoryStore() });
 * await acme.signIn();
 * const things = await acme.fetch("https://api.acme.example/things");
 * ```
 *
 * @module
 */
import { basicOf } from "../grant/basic.ts";
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
import { own } from "../guard/json.ts";
import type { Provider } from "../types.ts";

export type { Address, Env, SecretOptions };

/** What a sign-in takes. */
export type ApiKeyCredentials =
  /** The key, without an auth-scheme; with `Basic` it may be `"user:password"`, or the base64 of that. */
  | { readonly key: string }
  /** For `scheme: "Basic"`; they are sent as UTF-8. The user has no colon; the password may be empty. */
  | { readonly user: string; readonly password: string };

/** The options of {@link apiKey}: where the key goes, how it is shown, and where it comes from. */
export interface ApiKeyOptions extends Address, SecretOptions {}

/**
 * Makes a provider for a key, which goes by `Authorization: Bearer` unless `header` or `scheme` says
 * otherwise: `{ header: "X-API-Key" }`, `{ scheme: "ApiKey" }`, `{ scheme: "Basic" }` (RFC 7617).
 *
 * `signIn({ key })`, `signIn({ user, password })` and `signIn()`, which takes the key from `env`, begin a
 * session without a request. Only a call without an argument reads `env`. A 401 is returned, and the key
 * is kept. `adopt()` takes what stands behind the scheme: with `Basic`, base64.
 *
 * `signIn` rejects with a `VaultError`: `invalid_option` where there is no key, or `Basic` lacks user or
 * password; `invalid_token` where no header can carry the key.
 */
export function apiKey(from: ApiKeyOptions): Provider<ApiKeyCredentials | void> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(from);
  warnInBrowser(options);
  return own<Provider<ApiKeyCredentials | void>>({
    ...addressOf(options),
    async signIn(credentials) {
      const key = credentials === undefined ? found(options) : given(credentials, "key");
      return asFound(
        isBasic(options) ? basicOf(credentials, key, options) : secretOf(key, options),
      );
    },
  });
}

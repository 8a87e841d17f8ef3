/**
 * A mechanism: a password for an access token and a refresh token, both over JSON endpoints. It is for an
 * API's own login form; OAuth forbids its password grant (RFC 9700 §2.4).
 *
 * @example
 * ```ts
 * import { password } from "tokenkeep/providers/password";
 *
 * const provider = password({
 *   name: "acme",
 *   origins: ["https://api.acme.example"],
 *   tokenUrl: "https://api.acme.example/login",
 *   refreshUrl: "https://api.acme.example/refresh",
 *   read: (body) => ({ accessToken: body["token"], refreshToken: body["refresh"] }),
 * });
 * ```
 *
 * @module
 */
import { check } from "../errors.ts";
import type { RawGrant, ReplyRules, TokenReply } from "../grant/outcome.ts";
import { type Address, addressOf } from "../grant/secrets.ts";
import { own } from "../guard/json.ts";
import { ask, postJson } from "../grant/token-request.ts";
import type { Provider, Renewal, TokenSet } from "../types.ts";

export type { Address, RawGrant, ReplyRules, TokenReply };

/** The user's input. It is sent once and never kept. */
export interface PasswordCredentials {
  readonly email: string;
  readonly password: string;
}

/** The options of {@link password}. */
export interface PasswordOptions<Credentials = PasswordCredentials>
  extends Address, ReplyRules, Partial<Renewal> {
  /** Gets the credentials by a POST of JSON; an absolute URL. */
  readonly tokenUrl: string;
  /** Gets `{ "refresh_token": … }` by a POST; an absolute URL. */
  readonly refreshUrl: string;
  /**
   * Gets `{ "token": … }` by a POST after a sign-out, best effort; an absolute URL. Nothing is revoked by
   * default.
   */
  readonly revokeUrl?: string;
  /** Makes the body of a sign-in, which is sent as JSON; the credentials as they are by default. */
  readonly write?: (credentials: Credentials) => unknown;
}

/**
 * Makes a provider from endpoints and field names. Rotation is strict by default.
 *
 * `signIn` rejects with a `VaultError`: `credentials_refused`, `sign_in_failed`, and `invalid_option`
 * where there are no credentials.
 */
export function password<Credentials = PasswordCredentials>(
  given: PasswordOptions<Credentials>,
): Provider<Credentials> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(given);
  const { tokenUrl, refreshUrl, revokeUrl, write } = options;
  const { rotation = "strict", reuseWindow, assumedLifetime } = options;
  return own<Provider<Credentials>>({
    ...addressOf(options),
    renewal: own({ rotation, reuseWindow, assumedLifetime }) as Renewal,
    async signIn(credentials, exchange) {
      check(credentials ?? undefined, "credentials");
      const body = write ? write(credentials) : credentials;
      return ask({ url: tokenUrl, body }, options, exchange);
    },
    renew: ({ refreshToken }, exchange) =>
      ask({ url: refreshUrl, body: { refresh_token: refreshToken } }, options, exchange),
    ...(revokeUrl && {
      revoke: ({ accessToken, refreshToken }: TokenSet, exchange) =>
        postJson({ url: revokeUrl, body: { token: refreshToken ?? accessToken } }, exchange),
    }),
  });
}

/**
 * A mechanism: a password grant for a token and a refresh token, both over JSON endpoints.
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

/** What a user types in. Sent once, never kept. */
export interface PasswordCredentials {
  readonly email: string;
  readonly password: string;
}

export interface PasswordOptions<Credentials = PasswordCredentials>
  extends Address, ReplyRules, Partial<Renewal> {
  /** Where credentials are POSTed, as JSON; an absolute URL. */
  readonly tokenUrl: string;
  /** Where `{ "refresh_token": … }` is POSTed; an absolute URL. */
  readonly refreshUrl: string;
  /** Where `{ "token": … }` is POSTed after a sign-out, best effort; nowhere by default. */
  readonly revokeUrl?: string;
  /** The body of a sign-in; the credentials as they are by default. */
  readonly write?: (credentials: Credentials) => unknown;
}

/** Makes a provider from endpoints and field names. Rotation is taken to be strict unless told. */
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

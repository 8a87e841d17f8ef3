/**
 * A mechanism: a password for an access token, and a refresh token if the API has any. It is for an API's
 * own login form; OAuth forbids its password grant (RFC 9700 §2.4).
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
import { check, isVaultError } from "../errors.ts";
import {
  askBy,
  headersOf,
  readStandard,
  requestOf,
  type TokenCall,
  type TokenHeaders,
} from "../grant/call.ts";
import {
  type RawGrant,
  type ReplyRules,
  type TokenReply,
  withoutRefreshToken,
} from "../grant/outcome.ts";
import { type Address, addressOf, warnOnce } from "../grant/secrets.ts";
import type { TokenRequest } from "../grant/token-request.ts";
import { own } from "../guard/json.ts";
import type { Outcome, Provider, RenewalOptions, TokenSet } from "../types.ts";

export type { Address, RawGrant, ReplyRules, TokenCall, TokenHeaders, TokenReply };

/**
 * The user's input. It is sent once and never kept. Other fields are named by a type of your own:
 * `password<{ user: string; pin: string }>({ … })`.
 */
export interface PasswordCredentials {
  readonly email: string;
  readonly password: string;
}

/** The tokens that a refresh may show the server. */
export interface SpentTokens {
  readonly refreshToken: string;
  readonly accessToken: string;
}

/** The options of {@link password}. */
export interface PasswordOptions<Credentials = PasswordCredentials>
  extends Address, Partial<ReplyRules>, RenewalOptions {
  /** The absolute URL that a sign-in asks for a token, by a POST of the credentials. */
  readonly tokenUrl: string;
  /** The absolute URL that a refresh asks for the next token. Nothing is refreshed by default. */
  readonly refreshUrl?: string;
  /** The absolute URL that revokes a token after a sign-out, best effort. Nothing is revoked by default. */
  readonly revokeUrl?: string;
  /**
   * Makes the body of a sign-in: `URLSearchParams` for a form, otherwise JSON; the credentials as they are by
   * default.
   */
  readonly write?: (credentials: Credentials) => unknown;
  /** Makes the whole sign-in, where a body is not enough; a POST of what `write` makes by default. */
  readonly request?: (credentials: Credentials) => TokenCall;
  /** Makes a refresh; a POST of `{ "refresh_token": … }` by default. */
  readonly refresh?: (tokens: SpentTokens) => TokenCall;
  /** Makes a revocation; a POST of `{ "token": … }` by default. */
  readonly revoke?: (tokens: TokenSet) => TokenCall;
  /** Sent with each of the three; none by default. In a page everybody can read them. */
  readonly headers?: TokenHeaders;
}

/**
 * Makes a provider from endpoints and field names. Rotation is strict by default; `read` takes the fields of
 * RFC 6749 §5.1 by default.
 *
 * `signIn` rejects with a `VaultError`: `credentials_refused`, `sign_in_failed`, and `invalid_option`
 * where there are no credentials, or they cannot be sent.
 *
 * @throws VaultError `invalid_option` where no header can carry one of `headers`, and for a `refresh` or a
 * `revoke` without its URL.
 */
export function password<Credentials = PasswordCredentials>(
  given: PasswordOptions<Credentials>,
): Provider<Credentials> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(given);
  const { name, tokenUrl, refreshUrl, revokeUrl, rotation = "strict" } = options;
  const { reuseWindow, assumedLifetime } = options;
  const isRefreshed = refreshUrl !== undefined;
  check(isRefreshed || !options.refresh, "refreshUrl, beside refresh");
  check(revokeUrl !== undefined || !options.revoke, "revokeUrl, beside revoke");
  const { request, refresh, revoke } = callsOf<Credentials>(options);
  const headers = headersOf(options.headers);
  const { read = readStandard, isRefusal, safe503 } = options;
  const rules = own({ read, isRefusal, safe503 }) as ReplyRules;
  return own<Provider<Credentials>>({
    ...addressOf(options),
    renewal: own({
      rotation: isRefreshed ? rotation : "none",
      reuseWindow,
      assumedLifetime,
    }),
    async signIn(credentials, exchange) {
      check(credentials ?? undefined, "credentials");
      const write = (): TokenRequest => requestOf(tokenUrl, request(credentials), headers);
      const outcome = await askBy(write, rules, exchange);
      // What is sent nowhere is not kept.
      return isRefreshed ? outcome : withoutRefreshToken(outcome);
    },
    ...(isRefreshed && {
      async renew({ refreshToken = "", accessToken = "" }, exchange) {
        const tokens = { refreshToken, accessToken };
        const write = (): TokenRequest => requestOf(refreshUrl, refresh(tokens), headers);
        const outcome = await askBy(write, rules, exchange);
        warnOfMistake(`provider "${name}" refreshes nothing`, outcome);
        return outcome;
      },
    }),
    ...(revokeUrl !== undefined && {
      async revoke(tokens: TokenSet, exchange) {
        const write = (): TokenRequest => requestOf(revokeUrl, revoke(tokens), headers);
        const outcome = await askBy(write, rules, exchange);
        warnOfMistake(`provider "${name}" revokes nothing`, outcome);
      },
    }),
  });
}

/**
 * The headers that show an access token, for a `refresh` or a `revoke` that wants it.
 *
 * @example
 * ```ts
 * import { bearer, password } from "tokenkeep/providers/password";
 *
 * const provider = password({
 *   name: "acme",
 *   origins: ["https://api.acme.example"],
 *   tokenUrl: "https://api.acme.example/login",
 *   revokeUrl: "https://api.acme.example/logout",
 *   revoke: ({ accessToken }) => ({ method: "DELETE", headers: bearer(accessToken) }),
 * });
 * ```
 */
export const bearer = (accessToken: string): TokenHeaders => ({
  authorization: `Bearer ${accessToken}`,
});

/** How each request is written, where the options leave it open. */
function callsOf<Credentials>(
  options: PasswordOptions<Credentials>,
): Required<Pick<PasswordOptions<Credentials>, "refresh" | "request" | "revoke">> {
  const { write = (credentials) => credentials } = options;
  const {
    request = (credentials) => ({ body: write(credentials) }),
    refresh = ({ refreshToken }) => ({ body: { refresh_token: refreshToken } }),
    revoke = ({ refreshToken, accessToken }) => ({ body: { token: refreshToken ?? accessToken } }),
  } = options;
  return { request, refresh, revoke };
}

/**
 * Nobody waits for a revocation, and who waits for a refresh hears the reason alone. So a request that cannot
 * be sent is told here too, with what to do.
 */
function warnOfMistake(what: string, outcome: Outcome): void {
  if (outcome.type !== "trouble") return;
  const { error, reason } = outcome;
  if (isVaultError(error)) warnOnce(`${what}. ${error.message}`);
  else if (reason === "write_failed") warnOnce(`${what}. The function that writes it threw.`);
}

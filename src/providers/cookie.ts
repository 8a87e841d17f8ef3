/**
 * A mechanism: the refresh token is an HttpOnly cookie, which no script can read. The access token is kept as
 * any other's is. For browsers: nothing else has a cookie jar.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/browser";
 * import { cookie } from "tokenkeep/providers/cookie";
 *
 * const provider = cookie({
 *   name: "acme",
 *   origins: ["https://api.acme.example"],
 *   loginUrl: "https://api.acme.example/auth/login",
 *   refreshUrl: "https://api.acme.example/auth/refresh",
 *   logoutUrl: "https://api.acme.example/auth/logout",
 *   read: (body) => ({ accessToken: body["access_token"], expiresIn: body["expires_in"] }),
 * });
 * const vault = createVault({ provider });
 * ```
 *
 * @module
 */
import { check } from "../errors.ts";
import { createCookieSessions } from "../cookie/sessions.ts";
import type { Csrf, CookieRules } from "../cookie/requests.ts";
import { isHeader } from "../grant/call.ts";
import type { RawGrant, ReplyRules, TokenReply } from "../grant/outcome.ts";
import { type Address, addressOf } from "../grant/secrets.ts";
import { Errand, seeking } from "../cookie/seeking.ts";
import { own } from "../guard/json.ts";
import type { Provider, RenewalOptions } from "../types.ts";

export type { Address, CookieRules, Csrf, RawGrant, ReplyRules, TokenReply };

/** What a sign-in takes unless told. It is sent once and never kept. */
export interface CookieCredentials {
  readonly email: string;
  readonly password: string;
}

/** The options of {@link cookie}. */
export interface CookieOptions<Credentials = CookieCredentials>
  extends Omit<Address, "partition">, CookieRules, RenewalOptions {
  /** The absolute URL that a sign-in sends the credentials to, by a POST of JSON. The reply sets the cookie. */
  readonly loginUrl: string;
  /** The absolute URL of a refresh: a POST with the cookie, whose reply has the next access token. */
  readonly refreshUrl: string;
  /**
   * The absolute URL that is told of a sign-out: a POST with the cookie. Without `logoutUrl` the server never
   * hears of a sign-out, and the cookie stays.
   */
  readonly logoutUrl?: string;
  /** Makes the body of a sign-in, which is sent as JSON; the credentials as they are by default. */
  readonly write?: (credentials: Credentials) => unknown;
}

/** A header that never goes out would be missed at the server alone, by a 403. */
function checkCsrf(given: Csrf): void {
  const csrf = own<Partial<Record<"header" | "value", unknown>>>(given);
  const { header, value } = csrf;
  check(
    typeof header === "string" && isHeader(header, "value" in csrf ? value : "*"),
    "csrf, with a header's name, and as value visible ASCII with spaces inside",
  );
}

/**
 * Makes a provider from endpoints and field names. Rotation is strict by default.
 *
 * One browser has one cookie for each `refreshUrl`, so that there is one session: a second account is
 * refused while the first is signed in. Requests that may set the cookie never overlap.
 *
 * A cookie that is there already is found when the vault first looks. `signIn()` without an argument looks
 * for one too, also after a sign-out; it rejects with `no_session` where there is none.
 *
 * `signIn` rejects with a `VaultError`: `credentials_refused`, `sign_in_failed`, `store_unavailable`, and
 * `invalid_option` where there is no cookie jar, or another account is signed in.
 *
 * @throws VaultError `invalid_option` where no header has the name or the fixed value of `csrf`.
 */
export function cookie<Credentials = CookieCredentials>(
  given: CookieOptions<Credentials>,
): Provider<Credentials | void> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(given);
  const { write, rotation = "strict", reuseWindow, assumedLifetime } = options;
  if (options.csrf) checkCsrf(options.csrf);
  const sessions = createCookieSessions(options);
  // One cookie is one session, so that nothing keeps two apart.
  const { partition: _, ...address } = addressOf(options);
  return own<Provider<Credentials | void>>({
    ...address,
    renewal: own({
      rotation,
      reuseWindow,
      assumedLifetime,
      needsRefreshToken: false,
    }),
    wrap: seeking,
    async signIn(credentials, exchange) {
      const errand =
        credentials instanceof Errand
          ? credentials
          : new Errand(credentials === undefined ? "find" : "login", 0, credentials);
      if (errand.task !== "login") return sessions[errand.task](errand, exchange);
      check(errand.credentials ?? undefined, "credentials");
      let body: unknown = errand.credentials;
      try {
        body = write ? write(errand.credentials as Credentials) : body;
      } catch (error) {
        return { type: "trouble", unprocessed: true, error, reason: "write_failed" };
      }
      return sessions.login(errand, exchange, body);
    },
    renew: sessions.renew,
    revoke: (_, exchange) => sessions.settleDebt(exchange),
  });
}

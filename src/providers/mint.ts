/**
 * A mechanism: credentials that mint tokens, again and again, and are not spent by it. OAuth's
 * `client_credentials` is one (RFC 6749 §4.4).
 *
 * @example
 * ```ts
 * import { clientSecretBasic, mint } from "tokenkeep/providers/mint";
 *
 * const provider = mint({
 *   name: "acme",
 *   origins: ["https://api.acme.example"],
 *   tokenUrl: "https://auth.acme.example/token",
 *   request: clientSecretBasic,
 * });
 * ```
 *
 * @module
 */
import { check } from "../errors.ts";
import { clientBasic } from "../grant/basic.ts";
import {
  askBy,
  headersOf,
  isKept,
  readStandard,
  requestOf,
  type TokenCall,
  type TokenHeaders,
} from "../grant/call.ts";
import { minting } from "../grant/minting.ts";
import type { RawGrant, ReplyRules, TokenReply } from "../grant/outcome.ts";
import type { Address, Env, SecretOptions } from "../grant/secrets.ts";
import { own } from "../guard/json.ts";
import type { Provider, Renewal } from "../types.ts";

export type { Address, Env, RawGrant, ReplyRules, SecretOptions };
export type { TokenCall, TokenHeaders, TokenReply };

/** The options of {@link mint}. */
export interface MintOptions<Credentials>
  extends Address, Partial<ReplyRules>, SecretOptions, Pick<Renewal, "assumedLifetime"> {
  /** Where tokens are minted; an absolute URL. */
  readonly tokenUrl: string;
  /**
   * Makes the request's body: `URLSearchParams` for a form, otherwise JSON; the credentials as they are by
   * default.
   */
  readonly write?: (credentials: Credentials) => unknown;
  /** Makes the whole request, where a body is not enough; a POST of what `write` makes by default. */
  readonly request?: (credentials: Credentials) => TokenCall;
  /** Sent with each request; none by default. */
  readonly headers?: TokenHeaders;
}

/**
 * Makes a provider that keeps the credentials with the session, sealed if the store seals, and mints
 * the next token from them. `Credentials` is a JSON value. `read` takes the fields of RFC 6749 §5.1 by
 * default.
 *
 * With a `variable`, `signIn()` takes a token that was minted elsewhere from `env`. That token serves to
 * its end; then a sign-in is due, because a token alone mints nothing.
 *
 * `signIn` rejects with a `VaultError`: `credentials_refused`, `sign_in_failed`, and `invalid_option`
 * where there are no credentials, or they cannot be sent.
 *
 * @throws VaultError `invalid_option` where no header can carry one of `headers`.
 */
export function mint<Credentials>(given: MintOptions<Credentials>): Provider<Credentials | void> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(given);
  const { tokenUrl, write = (credentials) => credentials } = options;
  const { request = (credentials) => ({ body: write(credentials) }) } = options;
  const { read = readStandard, isRefusal, safe503 } = options;
  const rules = own({ read, isRefusal, safe503 });
  const headers = headersOf(options.headers);
  return minting<Credentials>(options, (credentials, exchange) => {
    // Kept with the session, they mint the next token: a form or a Map would come back from a store as `{}`.
    check(isKept(credentials), "credentials, as plain data that JSON keeps");
    return askBy(() => requestOf(tokenUrl, request(credentials), headers), rules, exchange);
  });
}

/** What OAuth's `client_credentials` needs, RFC 6749 §4.4. */
export interface ClientCredentials {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Space-separated; the server's own choice by default. */
  readonly scope?: string;
}

/** The credentials' own members (S15), and the form of the grant. */
function clientGrant(credentials: ClientCredentials): {
  readonly id: string;
  readonly secret: string;
  readonly body: URLSearchParams;
} {
  const { clientId: id, clientSecret: secret, scope } = own({ ...credentials });
  const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
  check(isText(id) && isText(secret) && isText(scope ?? "-"), "clientId, clientSecret, as texts");
  const body = new URLSearchParams({ grant_type: "client_credentials" });
  if (scope !== undefined) body.set("scope", scope);
  return { id, secret, body };
}

/**
 * Writes a `client_credentials` grant with the client's secret in the form (`client_secret_post`): for
 * `request` of {@link mint}.
 */
export function clientSecretPost(credentials: ClientCredentials): TokenCall {
  const { id, secret, body } = clientGrant(credentials);
  body.set("client_id", id);
  body.set("client_secret", secret);
  return { body };
}

/**
 * Writes a `client_credentials` grant with the client's secret as HTTP Basic (`client_secret_basic`), both
 * parts form-encoded first, as RFC 6749 §2.3.1 says: for `request` of {@link mint}.
 */
export function clientSecretBasic(credentials: ClientCredentials): TokenCall {
  const { id, secret, body } = clientGrant(credentials);
  return { headers: { authorization: clientBasic(id, secret) }, body };
}

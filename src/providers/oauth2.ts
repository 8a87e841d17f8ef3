/**
 * A mechanism: any OAuth 2.0 or OpenID Connect server, by `oauth4webapi`. A code that a login has brought is
 * redeemed (RFC 6749 §4.1 with PKCE, RFC 7636), its ID token checked, and tokens are refreshed and revoked.
 * The login itself is the page's: `tokenkeep/oauth`.
 *
 * @example
 * ```ts
 * import { oauth2 } from "tokenkeep/providers/oauth2";
 *
 * const provider = oauth2({
 *   name: "acme",
 *   origins: ["https://api.acme.example"],
 *   issuer: "https://login.acme.example",
 *   clientId: "acme-web",
 *   scope: "openid offline_access",
 * });
 * ```
 *
 * @module
 */
import * as oauth from "oauth4webapi";
import { inBasic } from "../grant/basic.ts";
import { readStandard } from "../grant/call.ts";
import {
  clientParts,
  createLookUp,
  keysAt,
  type KeySet,
  type OAuthClient,
  type OAuthEndpoints,
  type OAuthServer,
  type ServerAndKeys,
  withKeys,
} from "../grant/oauth.ts";
import { type Claims, shownOf } from "../grant/oauth-claims.ts";
import { briefly, lost, PATIENT, withFound } from "../grant/oauth-finder.ts";
import { ALGORITHMS, replyOf, replyWith, skewAt } from "../grant/oauth-id-token.ts";
import { type CodeCredentials, narrowCode, oldestOf } from "../grant/oauth-code.ts";
import { checkOptions, isOpenId } from "../grant/oauth-options.ts";
import { outcomeOf, type ReplyRules, type TokenReply } from "../grant/outcome.ts";
import { type Address, addressOf } from "../grant/secrets.ts";
import { send } from "../grant/token-request.ts";
import { decodeClaims } from "../guard/claims.ts";
import { isObject, own } from "../guard/json.ts";
import { isToken } from "../guard/syntax.ts";
import type { Exchange, Outcome, Provider, RenewalOptions, TokenSet } from "../types.ts";

export type {
  Address,
  Claims,
  CodeCredentials,
  OAuthClient,
  OAuthEndpoints,
  ReplyRules,
  TokenReply,
};

/** The options of {@link oauth2}. */
export interface OAuth2Options
  extends Address, OAuthClient, RenewalOptions, Partial<Pick<ReplyRules, "isRefusal" | "safe503">> {
  /** Makes the client a confidential one, which belongs on a server. None by default: a public client. */
  readonly clientSecret?: string;
  /** How the secret is shown (RFC 6749 §2.3.1): in a header, `"basic"` by default, or in the body. */
  readonly clientAuthentication?: "basic" | "post";
  /** Lets a browser have `clientSecret`, which everyone who opens the page can read. `false` by default. */
  readonly dangerouslyAllowInBrowser?: boolean;
  /**
   * How ID tokens may be signed; by default what the server's metadata tells, out of RS, PS and ES with 256
   * to 512 bits and EdDSA; otherwise RS256. `none` and the HS algorithms never.
   */
  readonly idTokenAlgorithms?: readonly string[];
  /**
   * Keeps the ID token, so that `beginSignOut` can tell the server whose login to end (`id_token_hint`).
   * Without it some servers ask the user, and some refuse. A snapshot's `profile` then shows it as `id_token`,
   * unless the profile would be longer than 4,096 characters with it. `false` by default.
   */
  readonly keepsIdToken?: boolean;
  /**
   * Picks the claims that a snapshot's `profile` shows; by default all but hashes and nonce. Nobody is
   * signed in where it throws.
   */
  readonly profile?: (claims: Claims) => object;
}

/** An answer of the token endpoint, and what it means. */
interface Answered {
  readonly outcome: Outcome;
  readonly reply?: TokenReply;
}

/** What one call of `oauth4webapi` is given. */
type CallOptions = oauth.TokenEndpointRequestOptions & oauth.RevocationRequestOptions;

/** What the calls of one provider share. */
interface Client {
  readonly options: OAuth2Options;
  readonly client: oauth.Client;
  readonly authentication: oauth.ClientAuth;
  readonly rules: ReplyRules;
  readonly parameters: string[][];
  readonly wantsIdToken: boolean;
}

/**
 * Makes a provider from a server's issuer or endpoints. Rotation is strict by default, and the session's
 * `partition` is issuer, client, scope and resources.
 *
 * `signIn` takes what `completeSignIn` of `tokenkeep/oauth` hands it, and rejects with a `VaultError`:
 * `credentials_refused` where the server refuses the code; `sign_in_failed`, whose `reason` says why;
 * `invalid_option` where the credentials are none.
 *
 * @throws VaultError `invalid_option` where an option is missing or wrong, and for a secret in a browser.
 */
export function oauth2(given: OAuth2Options): Provider<CodeCredentials> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(given);
  checkOptions(options);
  const parts = clientOf(options);
  const { rotation = "strict", reuseWindow, assumedLifetime } = options;

  const find = createLookUp(options);
  const findForLogin = withKeys(find, parts.wantsIdToken);
  const withServer = (exchange: Exchange, then: (server: OAuthServer) => Promise<Outcome>) =>
    withFound(exchange, (given) => briefly(given, find), then);

  return own<Provider<CodeCredentials>>({
    ...addressOf({ ...options, partition: options.partition ?? clientParts(options) }),
    renewal: own({ rotation, reuseWindow, assumedLifetime }),
    async signIn(credentials, exchange) {
      const code = narrowCode(credentials);
      return withFound(
        exchange,
        (given) => briefly(given, findForLogin, PATIENT),
        ({ server, keys }) => redeem(parts, { server, keys, exchange, code }),
      );
    },
    renew: ({ refreshToken = "", material }, exchange) =>
      withServer(exchange, (server) =>
        refresh(parts, { server, exchange, refreshToken, material }),
      ),
    revoke: (tokens, exchange) =>
      withServer(exchange, (server) => revoke(parts, { server, exchange, tokens })),
  });
}

/** What `oauth4webapi` calls a server. Its types know no member that is there and undefined. */
const asMetadata = (server: object): oauth.AuthorizationServer =>
  server as oauth.AuthorizationServer;

function clientOf(options: OAuth2Options): Client {
  const { clientId, clientSecret, clientAuthentication = "basic", resource = [], scope } = options;
  const { isRefusal, safe503 } = options;
  const confidential = clientAuthentication === "post" ? oauth.ClientSecretPost : inBasic;
  const resources = typeof resource === "string" ? [resource] : resource;
  return {
    options,
    client: own({ client_id: clientId }),
    authentication: clientSecret === undefined ? oauth.None() : confidential(clientSecret),
    rules: own({ read: readStandard, isRefusal, safe503 }),
    parameters: resources.map((one) => ["resource", one]),
    wantsIdToken: isOpenId(scope),
  };
}

/**
 * Lets `oauth4webapi` write a request, and sends it as all others are sent. What it throws is never chained,
 * because its errors can hold tokens (S4); what is thrown before anything is sent has spent nothing.
 */
async function ask(
  { rules, parameters }: Client,
  exchange: Exchange,
  request: (options: CallOptions) => Promise<unknown>,
): Promise<Answered> {
  let reply: TokenReply | undefined;
  let failure: unknown;
  let hasSent = false;
  async function sendAs(
    url: string,
    { body, headers }: oauth.CustomFetchOptions<"POST", URLSearchParams>,
  ): Promise<Response> {
    const { "user-agent": _, ...others } = headers;
    hasSent = true;
    try {
      reply = await send({ url, body: String(body), headers: others }, exchange);
    } catch (error) {
      failure = error;
    }
    return new Response(null);
  }
  const options: CallOptions = own({
    [oauth.customFetch]: sendAs,
    // The exchange's own `fetch` lets https pass, and what the vault's option allows.
    [oauth.allowInsecureRequests]: true,
    additionalParameters: parameters,
    signal: exchange.signal,
  });
  try {
    await request(options);
  } catch {
    // Nothing of it is shown.
  }
  if (reply) return { outcome: outcomeOf(reply, rules), reply };
  if (hasSent) return { outcome: lost(failure, exchange) };
  return { outcome: { type: "trouble", unprocessed: true, reason: "metadata_invalid" } };
}

interface Redeeming extends ServerAndKeys {
  readonly exchange: Exchange;
  readonly code: CodeCredentials;
}

/** From a callback to tokens: RFC 6749 §4.1.3, RFC 9207 §2.4. */
async function redeem(
  parts: Client,
  { server, keys, exchange, code }: Redeeming,
): Promise<Outcome> {
  const { client, authentication, wantsIdToken, options } = parts;
  const { callback, state, codeVerifier, redirectUri } = code;
  let answer: URLSearchParams;
  try {
    const told = new URLSearchParams(callback);
    answer = oauth.validateAuthResponse(...[asMetadata(server), client, told, state]);
    if (!told.get("code")) throw new TypeError("no code");
  } catch {
    return { type: "trouble", reason: "callback_invalid" };
  }
  const { outcome, reply } = await ask(parts, exchange, (given) =>
    oauth.authorizationCodeGrantRequest(
      ...[asMetadata(server), client, authentication, answer, redirectUri, codeVerifier, given],
    ),
  );
  if (outcome.type !== "granted" || !reply) return outcome;
  // RFC 6749 §5.1: a reply without a scope grants what was asked for.
  const scope = outcome.grant.scope ?? code.scope ?? options.scope;
  const grant = { ...outcome.grant, scope };
  if (!wantsIdToken) return { ...outcome, grant };
  let claims: Claims | undefined;
  try {
    claims = await checkIdToken(parts, { server, exchange, reply, code, keys });
    exchange.signal.throwIfAborted();
    return {
      ...outcome,
      grant: { ...grant, ...shownOf(claims, { idToken: reply.body?.["id_token"], options }) },
    };
  } catch {
    // Nobody knows whose tokens these are, or nobody waits for them any more.
    await giveBack(parts, { server, exchange, tokens: grant });
    if (exchange.signal.aborted) return { type: "trouble", reason: "timed_out" };
    return { type: "trouble", reason: claims ? "read_failed" : "id_token_invalid" };
  }
}

interface Refreshing {
  readonly server: OAuthServer;
  readonly exchange: Exchange;
  readonly refreshToken: string;
  readonly material: unknown;
}

/** RFC 6749 §6, OpenID Connect Core §12.2. Once the token is spent, nothing more is waited for. */
async function refresh(
  parts: Client,
  { server, exchange, refreshToken, material }: Refreshing,
): Promise<Outcome> {
  const { client, authentication, wantsIdToken, options } = parts;
  const { outcome, reply } = await ask(parts, exchange, (given) =>
    oauth.refreshTokenGrantRequest(
      ...[asMetadata(server), client, authentication, refreshToken, given],
    ),
  );
  const idToken = reply?.body?.["id_token"];
  if (outcome.type !== "granted" || !reply || !wantsIdToken || !isToken(idToken)) return outcome;
  // Somebody else's tokens are not this session's, whatever else is wrong with them.
  const known = isObject(material) ? own(material)["sub"] : undefined;
  const sub = decodeClaims(idToken)?.["sub"];
  if (known !== undefined && sub !== undefined && sub !== known) {
    await giveBack(parts, { server, exchange, tokens: outcome.grant });
    return { type: "refused" };
  }
  try {
    const claims = await checkIdToken(parts, own({ server, exchange, reply }));
    return { ...outcome, grant: { ...outcome.grant, ...shownOf(claims, { idToken, options }) } };
  } catch {
    // A good access token is not thrown away for what is wrong beside it (F70).
    return outcome;
  }
}

interface Revoking {
  readonly server: OAuthServer;
  readonly exchange: Exchange;
  readonly tokens: TokenSet;
}

/** RFC 7009 §2.1: with a refresh token its access tokens end too. */
async function revoke(
  parts: Client,
  { server, exchange, tokens: { refreshToken, accessToken } }: Revoking,
): Promise<Outcome> {
  const { client, authentication } = parts;
  if (!server.revocation_endpoint) return { type: "trouble", unprocessed: true };
  const hint = refreshToken === undefined ? "access_token" : "refresh_token";
  const { outcome } = await ask(parts, exchange, (options) =>
    oauth.revocationRequest(
      ...[asMetadata(server), client, authentication, refreshToken ?? accessToken],
      { ...options, additionalParameters: { token_type_hint: hint } },
    ),
  );
  return outcome;
}

/** Revokes a grant that has come and is not kept (P20), though the sign-in that wanted it may be over. */
async function giveBack(parts: Client, { server, exchange, tokens }: Revoking): Promise<void> {
  const { context, signal } = exchange;
  if (signal.aborted && context?.isClosed()) return;
  // Without a context there is no clock that would end it.
  const outlasting = context
    ? own({ ...exchange, signal: new AbortController().signal })
    : exchange;
  const revoking = briefly(outlasting, (brief) =>
    revoke(parts, { server, exchange: brief, tokens }),
  );
  await revoking.catch(() => {});
}

interface IdTokenIn {
  readonly server: OAuthServer;
  readonly exchange: Exchange;
  readonly reply: TokenReply;
  /** The login that it answers; absent after a refresh. */
  readonly code?: CodeCredentials;
  /** Whose signature it has to have; a refresh goes by the reply's TLS. */
  readonly keys?: KeySet | undefined;
}

/** The claims of a reply's ID token, once they are checked (OpenID Connect Core §3.1.3.7). */
async function checkIdToken(
  { client, options: { idTokenAlgorithms } }: Client,
  { server, exchange, reply, code, keys }: IdTokenIn,
): Promise<Claims> {
  const idToken = reply.body?.["id_token"];
  if (!isToken(idToken)) throw new Error("There is no ID token");
  const response = replyWith(idToken);
  const told = idTokenAlgorithms ?? server.id_token_signing_alg_values_supported ?? ["RS256"];
  const algorithms = told.filter((name) => ALGORITHMS.has(name));
  const as = asMetadata(own({ ...server, id_token_signing_alg_values_supported: algorithms }));
  const skew = skewAt(idToken, { date: reply.date, here: exchange.now() });
  const at = own({ ...client, [oauth.clockSkew]: skew });
  if (!code) return claimsIn(await oauth.processRefreshTokenResponse(as, at, response));
  const { nonce } = code;
  const redeemed = await oauth.processAuthorizationCodeResponse(
    ...[as, at, response],
    own({
      expectedNonce: nonce ?? oauth.expectNoNonce,
      maxAge: oldestOf(code),
      requireIdToken: true,
    }) as object,
  );
  if (keys) await checkSignature(as, response, { keys, exchange });
  return claimsIn(redeemed);
}

const claimsIn = (reply: oauth.TokenEndpointResponse): Claims =>
  own(oauth.getValidatedIdTokenClaims(reply) ?? {});

interface KeysIn {
  readonly keys: KeySet;
  readonly exchange: Exchange;
}

/**
 * By the server's keys, and by newer ones where none of them fits: some servers show a key when they first sign
 * with it. A reply's TLS says no less (§3.1.3.7, item 6), which is what a refresh goes by.
 */
async function checkSignature(
  as: oauth.AuthorizationServer,
  response: Response,
  { keys, exchange }: KeysIn,
): Promise<void> {
  try {
    await checkBy(keys, as, response);
  } catch (error) {
    const fitsNone = error instanceof oauth.OperationProcessingError;
    if (!fitsNone || error.code !== oauth.KEY_SELECTION) throw error;
    const newer = await briefly(exchange, keysAt(as.jwks_uri ?? ""));
    if ("flaw" in newer) throw error;
    await checkBy(newer, as, response);
  }
}

/** The copy of the metadata is a new one each time, because `oauth4webapi` keeps keys by it. */
const checkBy = ({ jwks }: KeySet, as: oauth.AuthorizationServer, response: Response) =>
  oauth.validateApplicationLevelSignature(
    asMetadata(own({ ...as })),
    response,
    own({
      [oauth.customFetch]: async () => replyOf(jwks),
      [oauth.allowInsecureRequests]: true,
    }),
  );

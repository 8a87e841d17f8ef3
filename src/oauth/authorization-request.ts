/** What a login asks of the server, and what is kept until its answer comes. */
import type { OAuthClient, OAuthServer } from "../grant/oauth.ts";
import { send } from "../grant/token-request.ts";
import { isAmount } from "../guard/amounts.ts";
import { own } from "../guard/json.ts";
import {
  addressHere,
  addressOf,
  clientKey,
  exchangeOf,
  failure,
  isOpenId,
  isSafe,
  lossIn,
  mistake,
  pairsOf,
  type Parameters,
  placeOf,
  redirectOf,
  serverOf,
} from "./client.ts";
import { checkCrypto, keep } from "./pending.ts";

/** The options of a login. */
export interface LoginOptions {
  /** As in OpenID Connect Core §3.1.2.1: `"login"`, `"consent"`, `"none"`, … */
  readonly prompt?: string;
  /** Whom the login page is to ask for. */
  readonly loginHint?: string;
  /** How many seconds ago the user may have logged in at most. The ID token must tell: with the scope `openid` alone. */
  readonly maxAge?: number;
  /** What is asked for beside the client's own scope, by this login alone: a step-up. Space-separated. */
  readonly scope?: string;
  /** Sent beside all else, such as `{ audience: "…" }`. They replace nothing that keeps a login safe. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** A login that may begin. */
export interface Prepared {
  /** The server's login page, for this login. */
  readonly address: string;
  readonly state: string;
}

/** How long a server may take for a pushed request that it does not insist on, milliseconds. */
const BRIEFLY = 5_000;

/** URL-safe base64 (RFC 4648 §5). */
const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

/** 256 random bits. */
const random = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** RFC 7636 §4.2. */
const challengeOf = async (verifier: string): Promise<string> =>
  base64url(
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))),
  );

/** What the application wants of the login; nothing in it makes the login less safe. */
function wishesOf(client: OAuthClient, options: LoginOptions): Record<string, string> {
  const { prompt, loginHint, maxAge, scope, parameters } = options;
  if (maxAge !== undefined && !(isAmount(maxAge) && maxAge < Infinity))
    throw mistake("maxAge, in seconds");
  // Nothing else tells when the user has logged in.
  if (maxAge !== undefined && !isOpenId(client))
    throw mistake("the scope openid, because of maxAge");
  const wishes = {
    ...client.parameters,
    ...(prompt !== undefined && { prompt }),
    ...(loginHint !== undefined && { login_hint: loginHint }),
    ...parameters,
  };
  const texts: unknown[] = [...Object.values(wishes), scope];
  if (texts.some((text) => text !== undefined && typeof text !== "string"))
    throw mistake("prompt, loginHint, scope and parameters, as texts");
  return wishes;
}

/** The client's scope, and what is asked for beside it. */
function scopeOf({ scope }: OAuthClient, more: string | undefined): string | undefined {
  const names = new Set(`${scope ?? ""} ${more ?? ""}`.split(" ").filter(Boolean));
  return names.size > 0 ? [...names].join(" ") : undefined;
}

/** Who takes a login's parameters before the browser leaves, if anybody does. */
interface Pusher {
  readonly url?: string;
  /** The login goes by it, or not at all. */
  readonly insists: boolean;
}

/**
 * The page's own server where the client has one for that, which adds the client's secret; otherwise the server
 * itself, where it takes pushed requests (RFC 9126).
 */
function pusherOf(client: OAuthClient, server: OAuthServer): Pusher {
  if (client.pushedBy !== undefined)
    return { url: addressHere(client.pushedBy, "pushedBy").href, insists: true };
  const {
    pushed_authorization_request_endpoint: url,
    require_pushed_authorization_requests: insists,
  } = server;
  return url !== undefined && isSafe(url, client) ? { url, insists } : { insists };
}

/**
 * Hands a login's parameters over, so that nobody reads or changes them on their way through the browser. A server
 * that lets no page in by CORS, or wants a secret for that, gets them by the browser as ever, unless it insists.
 */
async function pushed({ url, insists }: Pusher, parameters: Parameters): Promise<Parameters> {
  if (url === undefined) return parameters;
  const body = String(new URLSearchParams(pairsOf(parameters)));
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const exchange = exchangeOf(insists ? undefined : BRIEFLY);
  const reply = await send({ url, body, headers }, exchange).catch(() => undefined);
  const { status, retryAfter } = own({ ...reply });
  const { request_uri } = own({ ...reply?.body });
  if (status !== undefined && status < 300 && typeof request_uri === "string")
    return { client_id: parameters["client_id"], request_uri };
  if (!insists) return parameters;
  const reason = status === undefined ? lossIn(exchange) : "pushed_request_refused";
  throw failure({ reason, status, retryAfter });
}

/** Where the user is, if that is a place to come back to. */
function usualPlace(back: URL): string {
  const { pathname, href } = new URL(location.href);
  const isAtCallback = back.pathname !== "/" && back.pathname === pathname;
  return isAtCallback || pathname.startsWith("//") ? "/" : href;
}

/**
 * Makes a login: authorization code with PKCE, `state` and, with the scope `openid`, a nonce. `mark` stands in
 * front of its `state`. Every member of client and options is their own.
 */
export async function prepare(
  client: OAuthClient,
  options: LoginOptions & { readonly returnTo?: string | undefined },
  mark = "",
): Promise<Prepared> {
  checkCrypto();
  const wishes = wishesOf(client, options);
  const { issuer, clientId, resource } = client;
  const { returnTo, maxAge } = options;
  const back = redirectOf(client);
  const redirectUri = back.href;
  const place = placeOf(returnTo ?? usualPlace(back));
  const server = await serverOf(client);
  // RFC 9700 §2.1.1: no login goes on with less.
  if (!server.has_s256) throw failure({ reason: "pkce_unsupported" });
  const pusher = pusherOf(client, server);
  const state = mark + random();
  const codeVerifier = random();
  const nonce = isOpenId(client) ? random() : undefined;
  const scope = scopeOf(client, options.scope);
  await keep(clientKey(client) + state, {
    codeVerifier,
    nonce,
    maxAge,
    begunAt: Date.now(),
    redirectUri,
    issuer: issuer && server.issuer,
    namesIssuer: server.authorization_response_iss_parameter_supported,
    scope,
    returnTo: place,
  });
  const parameters = await pushed(pusher, {
    ...wishes,
    response_type: "code",
    response_mode: undefined,
    client_id: clientId,
    redirect_uri: redirectUri,
    scope,
    resource,
    state,
    nonce,
    code_challenge: await challengeOf(codeVerifier),
    code_challenge_method: "S256",
    max_age: maxAge?.toString(),
  });
  return { address: addressOf(client, server.authorization_endpoint, parameters), state };
}

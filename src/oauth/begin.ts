/** Begins a login: the browser leaves for the server's login page. */
import type { OAuthClient } from "../grant/oauth.ts";
import { own } from "../guard/json.ts";
import { clientKey, failure, leaveFor, mistake, placeOf, redirectOf, serverOf } from "./client.ts";
import { keep } from "./pending.ts";

/** The options of {@link beginSignIn}. */
export interface BeginOptions {
  /**
   * The place to come back to, of this page's origin. By default the one that is shown, and `/` where that is
   * the callback's own.
   */
  readonly returnTo?: string;
  /** As in OpenID Connect Core §3.1.2.1: `"login"`, `"consent"`, `"none"`, … */
  readonly prompt?: string;
  /** Whom the login page is to ask for. */
  readonly loginHint?: string;
  /** How many seconds ago the user may have logged in at most. The ID token must tell. */
  readonly maxAge?: number;
  /** As the client's, of which each replaces the one of its name. */
  readonly parameters?: Readonly<Record<string, string>>;
}

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

/**
 * Begins a login by redirect: authorization code with PKCE, `state` and, with the scope `openid`, a nonce.
 * What the page needs when it is back is kept sealed in IndexedDB, for ten minutes. Resolves when the browser
 * is about to leave.
 *
 * Rejects with a `VaultError`: `sign_in_failed`, whose `reason` says why, where the server cannot be found or
 * takes no PKCE; `store_unavailable`; `invalid_option`.
 */
export async function beginSignIn(client: OAuthClient, options: BeginOptions = {}): Promise<void> {
  const { returnTo, prompt, loginHint, maxAge, parameters } = own(options);
  const { issuer, clientId, scope, resource, parameters: always } = own(client);
  if (maxAge !== undefined && !(maxAge >= 0)) throw mistake("maxAge, in seconds");
  const others = Object.entries({
    ...always,
    ...(prompt !== undefined && { prompt }),
    ...(loginHint !== undefined && { login_hint: loginHint }),
    ...parameters,
  });
  if (others.some(([, text]) => text !== undefined && typeof text !== "string"))
    throw mistake("prompt, loginHint and parameters, as texts");
  const back = redirectOf(client);
  const redirectUri = back.href;
  const isAtCallback = back.pathname !== "/" && back.pathname === new URL(location.href).pathname;
  const place = placeOf(returnTo ?? (isAtCallback ? "/" : location.href));
  const server = await serverOf(client);
  // RFC 9700 §2.1.1: no login goes on with less.
  if (!server.has_s256)
    throw failure({ why: "the server takes no PKCE by S256", reason: "pkce_unsupported" });
  const state = random();
  const codeVerifier = random();
  const nonce = scope?.split(" ").includes("openid") ? random() : undefined;
  await keep(clientKey(client) + state, {
    codeVerifier,
    nonce,
    maxAge,
    redirectUri,
    issuer: issuer && server.issuer,
    namesIssuer: server.authorization_response_iss_parameter_supported,
    returnTo: place,
  });
  leaveFor(client, server.authorization_endpoint, {
    ...Object.fromEntries(others),
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
}

/**
 * A client in its page: its server, its addresses, and the errors of a login. It stays small. The callers of these
 * functions have made the client's members its own (S15).
 */
import type { VaultErrorReason } from "../errors.ts";
import {
  clientParts,
  createLookUp,
  type LookUp,
  type OAuthClient,
  type OAuthServer,
  parseUrl,
} from "../grant/oauth.ts";
import { own } from "../guard/json.ts";
import { isSecure } from "../guard/secure.ts";
import { UNATTACHED } from "../guard/unattached.ts";
import type { Exchange, Fetch } from "../types.ts";
import { refusal } from "../worker/refusal.ts";

export type { OAuthClient, OAuthEndpoints } from "../grant/oauth.ts";

/** How long a server may take to answer, milliseconds. */
const DEADLINE = 15_000;

interface Flawed {
  readonly reason: VaultErrorReason;
  readonly advice?: string | undefined;
  readonly status?: number | undefined;
  readonly retryAfter?: number | undefined;
}

/** What helps, where trying again is not all. */
const ADVICE: Partial<Record<VaultErrorReason, string>> = own({
  no_connection: "Try again, or check the address and CORS",
  pkce_unsupported: "Let the server allow PKCE by S256",
});

/** The error of a login, or of a logout: it says what the vault's own would. */
export function failure(given: Flawed): Error {
  const { advice = ADVICE[given.reason] ?? "Try again", ...facts } = own(given);
  const message = `Cannot sign in: ${facts.reason.replaceAll("_", " ")}. ${advice}.`;
  return refusal({ ...facts, code: "sign_in_failed", message });
}

export const mistake = (wanted: string): Error =>
  refusal({
    code: "invalid_option",
    message: `Cannot use these arguments: one is missing or wrong. Wanted: ${wanted}.`,
  });

/** What tells one client's logins from another's: a page may have one for each of its accounts. */
export const clientKey = (client: OAuthClient): string =>
  JSON.stringify([...clientParts(client), redirectOf(client).href, own({ ...client.parameters })]);

/** The server of each client, once it was looked up. */
const lookUps = new Map<string, LookUp<OAuthServer>>();

/** Whether a secret, or the user, may be sent there. */
export function isSafe(address: string, { dangerouslyAllowLoopbackHttp }: OAuthClient): boolean {
  const url = parseUrl(address);
  return url !== undefined && isSecure(url, dangerouslyAllowLoopbackHttp);
}

/** Whether an ID token is wanted. */
export const isOpenId = ({ scope = "" }: OAuthClient): boolean =>
  scope.split(" ").includes("openid");

/** A login's requests have no token, whatever a service worker attaches to what passes it. */
const plainly: Fetch = (input, init) => {
  const isPassing = typeof input === "string" && globalThis.navigator?.serviceWorker?.controller;
  return fetch(isPassing ? input + UNATTACHED : input, init);
};

/** For what is asked of the server here. */
export const exchangeOf = (ms: number = DEADLINE): Exchange => ({
  fetch: plainly,
  signal: AbortSignal.timeout(ms),
  now: Date.now,
});

/** Why no reply came. */
export const lossIn = ({ signal }: Exchange): "no_connection" | "timed_out" =>
  signal.aborted ? "timed_out" : "no_connection";

/** The server, from its metadata or as the client gives it. */
export async function serverOf(client: OAuthClient): Promise<OAuthServer> {
  const { issuer, endpoints, clientId } = client;
  if (typeof clientId !== "string" || !clientId) throw mistake("clientId");
  if (!endpoints && !isSafe(issuer ?? "", client))
    throw mistake(
      "issuer, an https URL, or for http on this machine dangerouslyAllowLoopbackHttp: true in the client",
    );
  // As the provider says: an ID token is compared with its issuer.
  if (!issuer && isOpenId(client)) throw mistake("issuer, because of the scope openid");
  const key = JSON.stringify([issuer, endpoints]);
  const lookUp = lookUps.get(key) ?? createLookUp(client);
  lookUps.set(key, lookUp);
  const exchange = exchangeOf();
  const found = await lookUp(exchange).catch(() => undefined);
  if (!found) throw failure({ reason: lossIn(exchange) });
  if (!("flaw" in found)) return found;
  const { flaw: reason, status, retryAfter } = found;
  throw failure({ reason, status, retryAfter });
}

/** An address of this page's origin, absolute; the client may give it as a path. */
export function addressHere(given: string, name: "pushedBy" | "redirectUri"): URL {
  const url = parseUrl(given, location.origin);
  if (url?.origin !== location.origin) throw mistake(`${name}, of this page's origin`);
  return url;
}

export const redirectOf = ({ redirectUri = "/" }: OAuthClient): URL =>
  addressHere(redirectUri, "redirectUri");

/** A place of this page's origin, as a path: no address elsewhere gets through (an open redirect). */
export function placeOf(address: string): string {
  const url = parseUrl(address, location.href);
  const path = url && url.pathname + url.search + url.hash;
  // A router would take `//host` for another origin.
  if (!path || url.origin !== location.origin || path.startsWith("//"))
    throw mistake("returnTo, a place of this page's origin");
  return path;
}

/** What is sent to one of the server's endpoints; what is `undefined` is not. */
export type Parameters = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One pair for each value. */
export const pairsOf = (parameters: Parameters): string[][] =>
  Object.entries(parameters).flatMap(([name, value]) =>
    (typeof value === "object" ? value : [value]).flatMap((one) =>
      one === undefined ? [] : [[name, one]],
    ),
  );

/** The address of one of the server's pages, with `parameters` beside those that are there. */
export function addressOf(
  client: OAuthClient,
  endpoint: string | undefined,
  parameters: Parameters,
): string {
  if (endpoint === undefined || !isSafe(endpoint, client))
    throw failure({ reason: "metadata_invalid" });
  const url = new URL(endpoint);
  const pairs = pairsOf(parameters);
  for (const [name = ""] of pairs) url.searchParams.delete(name);
  for (const [name = "", value = ""] of pairs) url.searchParams.append(name, value);
  return url.href;
}

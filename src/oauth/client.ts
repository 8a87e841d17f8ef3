/** A client in its page: its server, its addresses, and the errors of a login. It stays small. */
import type { VaultErrorCode, VaultErrorReason } from "../errors.ts";
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
import { refusal } from "../worker/refusal.ts";

export type { OAuthClient, OAuthEndpoints } from "../grant/oauth.ts";

/** How long a look-up may take, milliseconds. */
const DEADLINE = 15_000;

interface Flawed {
  readonly why: string;
  readonly advice?: string;
  readonly code?: VaultErrorCode;
  readonly reason?: VaultErrorReason;
  readonly status?: number | undefined;
  readonly retryAfter?: number | undefined;
}

/** The error of a login, or of a logout. */
export function failure(given: Flawed): Error {
  const { why, advice = "Try again", code = "sign_in_failed", ...facts } = own(given);
  return refusal({ code, message: `Cannot sign in: ${why}. ${advice}.`, ...facts });
}

export const mistake = (wanted: string): Error =>
  refusal({
    code: "invalid_option",
    message: `Cannot use these arguments: one is missing or wrong. Wanted: ${wanted}.`,
  });

/** What tells one client's logins from another's. */
export const clientKey = (client: OAuthClient): string =>
  JSON.stringify([...clientParts(client), own({ ...client.parameters })]);

/** The server of each client, once it was looked up. */
const lookUps = new Map<string, LookUp>();

/** Whether a secret, or the user, may be sent there. */
export function isSafe(address: string, { dangerouslyAllowLoopbackHttp }: OAuthClient): boolean {
  const url = parseUrl(address);
  return url !== undefined && isSecure(url, dangerouslyAllowLoopbackHttp);
}

/** The server, from its metadata or as the client gives it. */
export async function serverOf(client: OAuthClient): Promise<OAuthServer> {
  const { issuer, endpoints, clientId } = client;
  if (typeof clientId !== "string" || !clientId) throw mistake("clientId");
  if (!endpoints && !isSafe(issuer ?? "", client)) throw mistake("issuer, an https URL");
  const key = JSON.stringify([issuer, endpoints]);
  const lookUp = lookUps.get(key) ?? createLookUp(client);
  lookUps.set(key, lookUp);
  const found = await lookUp({
    fetch: (...request) => fetch(...request),
    signal: AbortSignal.timeout(DEADLINE),
    now: Date.now,
  }).catch(() => undefined);
  if (!found) throw failure({ why: "the server cannot be reached", reason: "no_connection" });
  if (!("flaw" in found)) return found;
  const { flaw: reason, status, retryAfter } = found;
  throw failure({ why: reason.replaceAll("_", " "), reason, status, retryAfter });
}

/** The client's redirect URI, absolute. It may be a path of this page's origin. */
export function redirectOf({ redirectUri = "/" }: OAuthClient): URL {
  const url = parseUrl(redirectUri, location.origin);
  if (url?.origin !== location.origin) throw mistake("redirectUri, of this page's origin");
  return url;
}

/** A place of this page's origin, as a path: no address elsewhere gets through (an open redirect). */
export function placeOf(address: string): string {
  const url = parseUrl(address, location.href);
  const path = url && url.pathname + url.search + url.hash;
  // A router would take `//host` for another origin.
  if (!path || url.origin !== location.origin || path.startsWith("//"))
    throw mistake("returnTo, a place of this page's origin");
  return path;
}

/** Sends the browser to one of the server's endpoints, with `parameters` beside those that are there. */
export function leaveFor(
  client: OAuthClient,
  endpoint: string | undefined,
  parameters: Readonly<Record<string, string | readonly string[] | undefined>>,
): void {
  if (endpoint === undefined || !isSafe(endpoint, client))
    throw failure({ why: "the server tells no secure endpoint", reason: "metadata_invalid" });
  const url = new URL(endpoint);
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    url.searchParams.delete(name);
    for (const one of typeof value === "string" ? [value] : value)
      url.searchParams.append(name, one);
  }
  location.assign(url.href);
}

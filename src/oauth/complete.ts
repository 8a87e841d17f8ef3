/** Completes a login: the browser is back, and the vault gets the code. */
import type { OAuthClient } from "../grant/oauth.ts";
import type { CodeCredentials } from "../grant/oauth-code.ts";
import { isObject } from "../guard/json.ts";
import { clientKey, failure, redirectOf } from "./client.ts";
import { type Missing, type Pending, take } from "./pending.ts";

export type { CodeCredentials };

/** How a page's load has to do with a login. */
export type SignInOutcome =
  /** It has nothing to do with one. */
  | { readonly type: "none" }
  /** The vault is signed in. `returnTo` is the path that the user came from, which the URL shows again. */
  | { readonly type: "signed-in"; readonly returnTo: string }
  /** The server says no: `access_denied`, `login_required`, … Its words are for display, not for trust. */
  | {
      readonly type: "denied";
      readonly error: string;
      readonly description: string | undefined;
      readonly returnTo: string;
    }
  /**
   * A callback without its login: it was opened before (`"used"`), is too late (`"expired"`), was not begun
   * here (`"unknown"`), or the page was reloaded while it was completed (`"interrupted"`). The vault is as
   * it was: its snapshot says whether somebody is signed in.
   */
  | { readonly type: "stale"; readonly reason: Missing | "interrupted" };

/** Whoever takes the code: a vault, or a function that hands it to a server. */
export interface SignsIn {
  signIn(credentials: CodeCredentials): Promise<unknown>;
}

/** The member of `history.state` that stands while a login is completed. */
const MARK = "tokenkeep";

/** The completions that are under way: React's StrictMode, for one, asks twice. */
const underWay = new Map<string, Promise<SignInOutcome>>();

/**
 * Completes a login that {@link beginSignIn} has begun, if this page's URL is its callback; call it at each
 * load. The URL is cleaned at once, and shows the place again that the user came from.
 *
 * Rejects as the vault's `signIn` does, and with `sign_in_failed`, reason `issuer_mismatch`, where another
 * server than the client's has answered.
 */
export function completeSignIn(client: OAuthClient, vault: SignsIn): Promise<SignInOutcome> {
  const key = clientKey(client);
  const mine = underWay.get(key) ?? complete(client, vault).finally(() => underWay.delete(key));
  underWay.set(key, mine);
  return mine;
}

async function complete(client: OAuthClient, vault: SignsIn): Promise<SignInOutcome> {
  const here = new URL(location.href);
  const back = redirectOf(client);
  if (here.pathname !== back.pathname) return { type: "none" };
  const answer = here.searchParams;
  const state = answer.get("state");
  if (!state || !(answer.has("code") || answer.has("error"))) return interrupted(here);
  // At once: no script, referrer or history entry is to see the code.
  history.replaceState({ ...history.state, [MARK]: true }, "", back);
  const pending = await take(clientKey(client) + state).catch((error: unknown) => {
    show(back, back.href);
    throw error;
  });
  if (typeof pending === "string") {
    show(back, back.href);
    return { type: "stale", reason: pending };
  }
  try {
    return await finish(answer, pending, vault);
  } finally {
    show(back, pending.returnTo);
  }
}

/** A mark without a callback was left by a page that was reloaded, or left, before it was done. */
function interrupted(here: URL): SignInOutcome {
  const kept: unknown = history.state;
  if (!isObject(kept) || kept[MARK] !== true) return { type: "none" };
  unmark(here.href);
  return { type: "stale", reason: "interrupted" };
}

/** Leaves in the history entry what a router has put there. */
function unmark(place: string): void {
  const { [MARK]: _, ...state } = Object(history.state) as Record<string, unknown>;
  history.replaceState(Object.keys(state).length > 0 ? state : null, "", place);
}

/** Shows a place in the URL, unless the application has gone elsewhere meanwhile. */
function show(back: URL, place: string): void {
  if (location.href === back.href) unmark(place);
}

/** Mix-up (RFC 9207 §2.4): the answer of another server is not looked at any further. */
function isFromIssuer(answer: URLSearchParams, { issuer, namesIssuer }: Pending): boolean {
  const told = answer.getAll("iss");
  return told.length === 0 ? !namesIssuer : told.length === 1 && told[0] === issuer;
}

async function finish(
  answer: URLSearchParams,
  pending: Pending,
  vault: SignsIn,
): Promise<SignInOutcome> {
  const { codeVerifier, redirectUri, nonce, maxAge, returnTo } = pending;
  if (!isFromIssuer(answer, pending))
    throw failure({ why: "another server has answered", reason: "issuer_mismatch" });
  const error = answer.get("error");
  if (error !== null) {
    const description = answer.get("error_description") ?? undefined;
    return { type: "denied", error, description, returnTo };
  }
  const state = answer.get("state") ?? "";
  await vault.signIn({ callback: `?${answer}`, state, codeVerifier, redirectUri, nonce, maxAge });
  return { type: "signed-in", returnTo };
}

/** Completes a login: the browser is back, and the vault gets the code. */
import type { OAuthClient } from "../grant/oauth.ts";
import type { CodeCredentials } from "../grant/oauth-code.ts";
import { isObject, own } from "../guard/json.ts";
import { clientKey, failure, redirectOf } from "./client.ts";
import { handOver, isPopupState } from "./hand-over.ts";
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
  | { readonly type: "stale"; readonly reason: Missing | "interrupted" }
  /**
   * This page is the popup of a login: the page that opened it completes it. The browser closes the popup, or
   * leaves that to the user where a page or server of the login isolates itself (COOP).
   */
  | { readonly type: "handed-over" };

/** What takes the code: a vault, or a function that hands it to a server. `signal` is that of the popup's call. */
export interface SignsIn {
  signIn(
    credentials: CodeCredentials,
    options?: { readonly signal?: AbortSignal },
  ): Promise<unknown>;
}

/** The member of `history.state` that stands while a login is completed. */
const MARK = "tokenkeep";

/** The completions that are under way: React's StrictMode, for one, asks twice. */
const underWay = new Map<string, Promise<SignInOutcome>>();

/** The answers of servers that could not be looked up here: the next call tries again. */
const unanswered = new Map<string, URLSearchParams>();

/**
 * Completes a login that {@link beginSignIn} has begun, if this page's URL is its callback; call it at each
 * load. The URL is cleaned at once, and shows the place again that the user came from.
 *
 * Rejects as the vault's `signIn` does; with `sign_in_failed`, reason `issuer_mismatch`, where another server than
 * the client's has answered; with `store_unavailable` where IndexedDB does not answer: then call it again.
 */
export async function completeSignIn(client: OAuthClient, vault: SignsIn): Promise<SignInOutcome> {
  const mine = own(client);
  const key = clientKey(mine);
  const outcome = underWay.get(key) ?? complete(mine, vault).finally(() => underWay.delete(key));
  underWay.set(key, outcome);
  return outcome;
}

/** Whether this is the redirect URI, with what the server has added: two clients' may differ in their queries alone. */
const isAt = (back: URL, here: URL): boolean =>
  here.pathname === back.pathname &&
  [...back.searchParams].every(([name, value]) => here.searchParams.getAll(name).includes(value));

async function complete(client: OAuthClient, vault: SignsIn): Promise<SignInOutcome> {
  const key = clientKey(client);
  const here = new URL(location.href);
  const back = redirectOf(client);
  const before = unanswered.get(key);
  if (!before && !isAt(back, here)) return { type: "none" };
  const answer = before ?? here.searchParams;
  const state = answer.get("state");
  if (!state || !(answer.has("code") || answer.has("error"))) return interrupted(here);
  // At once: no script, referrer or history entry is to see the code.
  if (!before) history.replaceState({ ...history.state, [MARK]: true }, "", back);
  if (isPopupState(state) && (await handOver(state, answer))) {
    show(back, back.href);
    window.close();
    return { type: "handed-over" };
  }
  let place = back.href;
  try {
    const pending = await takeFor(key, answer);
    if (typeof pending === "string") return { type: "stale", reason: pending };
    place = pending.returnTo;
    return await finish(answer, pending, vault);
  } finally {
    show(back, place);
  }
}

/** The login that an answer is for. Where the database fails, the answer is kept for another try. */
export async function takeFor(key: string, answer: URLSearchParams): Promise<Pending | Missing> {
  unanswered.set(key, answer);
  const pending = await take(key + answer.get("state"));
  unanswered.delete(key);
  return pending;
}

/** A mark without a callback was left by a page that was reloaded, or left, before it was done. */
function interrupted(here: URL): SignInOutcome {
  const kept: unknown = history.state;
  if (!isObject(kept) || own(kept)[MARK] !== true) return { type: "none" };
  unmark(here.href);
  return { type: "stale", reason: "interrupted" };
}

/** Leaves in the history entry what a router has put there. */
function unmark(place: string): void {
  const { [MARK]: _, ...state }: Record<string, unknown> = Object(history.state);
  // The document's base may be of another origin (`<base href>`).
  const url = new URL(place, location.href).href;
  history.replaceState(Object.keys(state).length > 0 ? state : null, "", url);
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

type Finished = Extract<SignInOutcome, { readonly type: "denied" | "signed-in" }>;

/** Hands the code to the vault, if the answer has one. */
export async function finish(
  answer: URLSearchParams,
  pending: Pending,
  vault: SignsIn,
): Promise<Finished> {
  const { codeVerifier, redirectUri, nonce, maxAge, begunAt, scope, returnTo } = own(pending);
  if (!isFromIssuer(answer, pending)) {
    // Without an issuer nobody can tell whether the one that is named is right.
    const advice = pending.issuer === undefined ? "Give the client its issuer" : undefined;
    throw failure({ reason: "issuer_mismatch", advice });
  }
  const error = answer.get("error");
  if (error !== null) {
    const description = answer.get("error_description") ?? undefined;
    return { type: "denied", error, description, returnTo };
  }
  const state = answer.get("state") ?? "";
  const callback = `?${answer}`;
  // The rest of the login is one machine's; its clock may have gone back meanwhile.
  const age = Math.max(0, Date.now() - begunAt);
  await vault.signIn({ callback, state, codeVerifier, redirectUri, nonce, maxAge, age, scope });
  return { type: "signed-in", returnTo };
}

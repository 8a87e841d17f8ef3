/** A login by popup: the page stays where it is, and one call begins and completes the login. */
import type { OAuthClient } from "../grant/oauth.ts";
import { own } from "../guard/json.ts";
import { unlessAborted } from "../guard/unless-aborted.ts";
import { clientKey, mistake } from "./client.ts";
import { finish, type SignInOutcome, type SignsIn, takeFor } from "./complete.ts";
import { hearAnswer, POPUP } from "./hand-over.ts";
import { type LoginOptions, prepare } from "./authorization-request.ts";
import { take } from "./pending.ts";

/** The options of {@link signInByPopup}. */
export interface PopupOptions extends LoginOptions {
  /** The popup's size in CSS pixels; 480 by 640 by default. */
  readonly width?: number;
  readonly height?: number;
  /**
   * Closes the popup, where the browser lets a page close one that shows another site, and rejects with the signal's
   * reason. Nobody is signed in by it any more: what the server grants too late is given back.
   */
  readonly signal?: AbortSignal;
}

/** How a login by popup has ended. */
export type PopupOutcome =
  | Exclude<SignInOutcome, { readonly type: "handed-over" | "none" }>
  /** The browser has opened none: the call did not come of a click. Offer `beginSignIn`. */
  | { readonly type: "blocked" }
  /** The user has closed it, or has asked for another one. */
  | { readonly type: "closed" };

interface Open {
  readonly vault: SignsIn;
  /** Its first caller's, whose end is the login's. */
  readonly signal: AbortSignal | undefined;
  /** Absent while the browser opens it. */
  popup?: Window;
  /** Its answer is being completed: the popup may be closed before that is done. */
  isAnswered: boolean;
  readonly outcome: Promise<PopupOutcome>;
  /** Ends it as closed. */
  readonly end: () => void;
}

/** Milliseconds between two looks at the popup. */
const LOOK = 500;
/** As long as the login that it was opened for is kept. */
const LIFE = 600_000;

/** The popups of each client. */
const popups = new Map<string, Open>();

function show({ width = 480, height = 640 }: PopupOptions): Window | null {
  const left = Math.max(0, Math.round(screenX + (outerWidth - width) / 2));
  const top = Math.max(0, Math.round(screenY + (outerHeight - height) / 2));
  return window.open("", "", `popup,width=${width},height=${height},left=${left},top=${top}`);
}

/**
 * Resolves when the user has closed the popup. Where a page or server isolates itself (COOP), the popup seems to be
 * closed while the user is in it: so this page must have the focus, too.
 */
async function closing(popup: Window, ended: AbortSignal): Promise<PopupOutcome> {
  const since = performance.now();
  for (let looks = 0; looks < 2 && !ended.aborted;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    looks = popup.closed && document.hasFocus() ? looks + 1 : 0;
    if (performance.now() - since > LIFE) return { type: "stale", reason: "expired" };
  }
  return { type: "closed" };
}

interface PopupLogin {
  readonly client: OAuthClient;
  readonly vault: SignsIn;
  readonly options: PopupOptions;
  readonly ended: AbortSignal;
  readonly onAnswer: () => void;
}

async function answerOf(
  popup: Window,
  { client, vault, options, ended, onAnswer }: PopupLogin,
): Promise<PopupOutcome> {
  const { address, state } = await prepare(client, own({ ...options, returnTo: undefined }), POPUP);
  if (popup.closed || ended.aborted) return { type: "closed" };
  ended.addEventListener("abort", () => {
    // A popup that cannot be closed would complete the login by itself.
    if (options.signal?.aborted) take(clientKey(client) + state).catch(() => {});
  });
  const heard = hearAnswer(state, ended);
  popup.location.replace(address);
  const answer = await Promise.race([heard, closing(popup, ended)]);
  if ("type" in answer) return answer;
  onAnswer();
  const pending = await takeFor(clientKey(client), answer);
  if (typeof pending === "string") return { type: "stale", reason: pending };
  // Before the code is redeemed, because the popup may not be allowed to close itself.
  popup.close();
  // A caller who has given up is not signed in all the same.
  ended.throwIfAborted();
  return finish(answer, pending, { signIn: (code) => vault.signIn(code, { signal: ended }) });
}

/** Opens the popup, before anything is awaited, and closes it when the login has ended. */
async function run(open: Open, login: PopupLogin): Promise<PopupOutcome> {
  const { signal } = login.options;
  const popup = show(login.options);
  // Some blockers open and close it.
  if (!popup || popup.closed) return { type: "blocked" };
  let isLeft = false;
  try {
    open.popup = popup;
    signal?.throwIfAborted();
    // The server's pages are not to send this page elsewhere.
    popup.opener = null;
    const { ended } = login;
    const stopped = new Promise<PopupOutcome>((resolve, reject) => {
      ended.addEventListener("abort", () => resolve({ type: "closed" }));
      signal?.addEventListener("abort", () => reject(signal.reason), { signal: ended });
    });
    const outcome = await Promise.race([answerOf(popup, login), stopped]);
    // This page was too slow for the popup, which completes the login by itself.
    isLeft = outcome.type === "stale" && outcome.reason === "used";
    return outcome;
  } finally {
    if (!isLeft) popup.close();
  }
}

/**
 * Logs in by popup: begins and completes the login, and this page stays. Call it in the handler of a click, before
 * anything is awaited, because browsers open popups for nothing else. The popup comes back to the client's
 * `redirectUri`, where the application calls `completeSignIn` as at each load, and is closed.
 *
 * A second call for this vault while the popup is open shows that one, and gets its outcome; its own signal ends its
 * waiting alone. A call for another vault of the same client closes the popup, whose outcome then is `closed`.
 * Rejects as `beginSignIn` and the vault's `signIn` do, and with the signal's reason.
 *
 * @example
 * ```ts
 * import { signInByPopup, type SignsIn } from "tokenkeep/oauth";
 *
 * const client = { issuer: "https://login.acme.example", clientId: "acme-web", scope: "openid" };
 *
 * export async function logIn(vault: SignsIn): Promise<void> {
 *   const { type } = await signInByPopup(client, vault);
 *   if (type === "blocked") console.info("Allow popups, or log in in this window");
 * }
 * ```
 */
export async function signInByPopup(
  client: OAuthClient,
  vault: SignsIn,
  options: PopupOptions = {},
): Promise<PopupOutcome> {
  const [mine, given] = [own(client), own(options)];
  given.signal?.throwIfAborted();
  if (![given.width ?? 1, given.height ?? 1].every((size) => size > 0))
    throw mistake("width and height, in pixels");
  const key = clientKey(mine);
  const before = popups.get(key);
  const isOpen = before?.isAnswered || !before?.popup?.closed;
  // Another vault's is another account's (S11).
  if (before && before.vault === vault && isOpen && !before.signal?.aborted) {
    before.popup?.focus();
    return unlessAborted(before.outcome, given.signal);
  }
  before?.end();
  const controller = new AbortController();
  let tell: (outcome: Promise<PopupOutcome>) => void = () => {};
  const outcome = new Promise<PopupOutcome>((resolve) => (tell = resolve)).finally(() => {
    controller.abort();
    if (popups.get(key) === open) popups.delete(key);
  });
  const open: Open = {
    vault,
    signal: given.signal,
    outcome,
    isAnswered: false,
    end: () => controller.abort(),
  };
  const onAnswer = (): void => void (open.isAnswered = true);
  // First of all: while Firefox opens a window, this page goes on, and a second click may come.
  popups.set(key, open);
  tell(run(open, { client: mine, vault, options: given, ended: controller.signal, onAnswer }));
  return outcome;
}

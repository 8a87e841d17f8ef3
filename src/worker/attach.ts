/** A service worker's `fetch` events: requests that pass through it get the token on their way. */
import { because, isVaultError, type VaultErrorCode } from "../errors.ts";
import { own } from "../guard/json.ts";
import { UNATTACHED } from "../guard/unattached.ts";
import type { Policy } from "../request/policy.ts";
import type { Presentation } from "../request/presentation.ts";
import type { Accounts } from "./accounts.ts";
import type { Extendable, Hold } from "./hold.ts";

/** The part of a service worker's `FetchEvent` that is used. */
export interface FetchEventLike extends Extendable {
  readonly request: Request;
  /** The page that asks. */
  readonly clientId?: string;
  respondWith(response: Promise<Response>): void;
}

/** Whether a page's script made the request, without a token of its own, to a place where the token may go. */
const isAttachable = (
  { mode, destination, headers, url }: Request,
  policy: Policy,
  { header }: Presentation,
): boolean =>
  mode !== "navigate" &&
  mode !== "no-cors" &&
  // The page's own files may lie on a listed origin: they need no session.
  !destination &&
  !headers.has(header) &&
  !url.endsWith(UNATTACHED) &&
  policy(url) !== undefined;

/** The codes after which only a sign-in helps. */
const wantsSignIn = (code: VaultErrorCode): boolean =>
  code === "no_session" || code === "sign_in_required";

/** A typed error as a reply that `readProblem` reads: nothing else crosses `respondWith`. */
function toResponse(error: unknown): Response {
  if (!isVaultError(error)) throw error;
  const { code, message, retryAfter } = error;
  const wait = retryAfter !== undefined && { "retry-after": `${Math.ceil(retryAfter / 1000)}` };
  return new Response(
    JSON.stringify({ error: { code, message } }),
    own({
      status: wantsSignIn(code) ? 401 : 503,
      statusText: "tokenkeep",
      headers: own({ "content-type": "application/json", ...wait }),
    }),
  );
}

export interface AttachParts {
  readonly accounts: Accounts;
  readonly policy: Policy;
  readonly presentation: Presentation;
  readonly hold: Hold;
  /** Whether this page may be served this account's token. */
  readonly mayHave: (client: string | undefined, account: string) => boolean;
}

const anothers = (): Error =>
  because(
    "invalid_option",
    "this page's vaults are of other accounts",
    "Give attachTokens the account of the page that asks",
  );

/** Sends a passing request with the account's token; `false` where the request is none of the vault's. */
export function createAttach({
  accounts,
  policy,
  presentation,
  hold,
  mayHave,
}: AttachParts): (event: FetchEventLike, account: string) => boolean {
  return (event, account) => {
    const { request, clientId } = event;
    if (!isAttachable(request, policy, presentation)) return false;
    // Held before anything begins.
    const response = Promise.resolve()
      .then(() => {
        if (!mayHave(clientId, account)) throw anothers();
        return accounts.use(account, ({ vault }) => vault.fetch(request));
      })
      .catch(toResponse);
    event.respondWith(response);
    hold.hold(response, event);
    return true;
  };
}

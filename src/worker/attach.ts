/** A service worker's `fetch` events: requests that pass through it get the token on their way. */
import { isVaultError, type VaultErrorCode } from "../errors.ts";
import type { Policy } from "../request/policy.ts";
import type { Presentation } from "../request/presentation.ts";
import type { Extendable } from "./hold.ts";

/** The part of a service worker's `FetchEvent` that is used. */
export interface FetchEventLike extends Extendable {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

/** Whether a page's script made the request, without a token of its own, to a place where the token may go. */
export const isAttachable = (
  { mode, destination, headers, url }: Request,
  policy: Policy,
  { header }: Presentation,
): boolean =>
  mode !== "navigate" &&
  mode !== "no-cors" &&
  // The page's own files may lie on a listed origin: they need no session.
  !destination &&
  !headers.has(header) &&
  policy(url) !== undefined;

/** The codes after which only a sign-in helps. */
const wantsSignIn = (code: VaultErrorCode): boolean =>
  code === "no_session" || code === "sign_in_required";

/** A typed error as a reply that `readProblem` reads: nothing else crosses `respondWith`. */
export function toResponse(error: unknown): Response {
  if (!isVaultError(error)) throw error;
  const { code, message, retryAfter } = error;
  return Response.json(
    { error: { code, message } },
    {
      status: wantsSignIn(code) ? 401 : 503,
      statusText: "tokenkeep",
      headers: retryAfter === undefined ? {} : { "retry-after": `${Math.ceil(retryAfter / 1000)}` },
    },
  );
}

/** A service worker's `fetch` events: requests that pass through it get the token on their way. */
import { isVaultError, type VaultErrorCode } from "../errors.ts";
import type { Policy } from "../request/policy.ts";
import type { Extendable } from "./hold.ts";

/** As much of a service worker's `FetchEvent` as is needed. */
export interface FetchEventLike extends Extendable {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

/** Whether a page's script has asked for it, without a token of its own, where the token may go. */
export const isAttachable = (
  { mode, destination, headers, url }: Request,
  policy: Policy,
): boolean =>
  mode !== "navigate" &&
  mode !== "no-cors" &&
  // The page's own files may lie on a listed origin: they need no session.
  !destination &&
  !headers.has("authorization") &&
  policy(url) !== undefined;

/** Where nothing but a sign-in helps. */
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

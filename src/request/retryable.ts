/**
 * The looking part of the 401 rule: which reply may be healed, whether the request may go out once more,
 * and with which token. The page's part of a worker's vault uses it too.
 */
import type { TokenName } from "../types.ts";
import type { Answer } from "./contract.ts";

/** The answer in a reply of the runtime, which may have followed redirects out of sight. */
export function answerIn(response: Response, href: string, method: string): Answer {
  if (!response.redirected) return { response, isCarried: true, isRepeatable: true };
  return {
    response,
    // Between origins the runtime has taken the token off.
    isCarried: response.url.startsWith(new URL(href).origin + "/"),
    // Nobody knows what a redirect has made of another method: `POST` may have become `GET` (S18).
    isRepeatable: /^(get|head)$/i.test(method),
  };
}

/** Whether a newer token may help: not with a challenge of RFC 6750 §3.1 or RFC 9470 §3. */
export const isHealable = ({ response, isCarried }: Answer): boolean =>
  response.status === 401 &&
  isCarried &&
  !/error\W+insufficient_/i.test(response.headers.get("www-authenticate") ?? "");

/** Whether an answer shows that its endpoint takes the token. A 5xx shows nothing. */
export const isPassed = ({ response, isCarried }: Answer): boolean =>
  isCarried && response.status !== 401 && response.status < 500;

/** The server's time in milliseconds; `NaN` where the runtime does not show it. */
export const dateOf = ({ headers }: Response): number => Date.parse(headers.get("date") ?? "");

/**
 * No earlier token of the very same session: one user's request never goes out as another's (F103). Two
 * contexts may both have made a generation, so that the one that stands has the same number.
 */
export const isNewer = (got: TokenName, sent: TokenName): boolean =>
  got.sessionId === sent.sessionId && got.generation >= sent.generation;

/** The body of a `fetch` library's response: that of node-fetch is a stream of Node's own. */
interface ForeignBody {
  cancel?(): Promise<void>;
  destroy?(): unknown;
}

/** Lets go of a reply that the caller does not get, in any library's way, so that its connection is free (F75). */
export function release(response: Response): void {
  const body: ForeignBody | null | undefined = response.body;
  if (body?.cancel) body.cancel().catch(() => {});
  else body?.destroy?.();
}

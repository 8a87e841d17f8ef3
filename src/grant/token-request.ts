/** Asks a token endpoint: the one way in which a mechanism sends secrets. */
import { isVaultError } from "../errors.ts";
import { isObject, own } from "../guard/json.ts";
import { jsonIn, parseRetryAfter, readText } from "../guard/replies.ts";
import type { Exchange, Outcome } from "../types.ts";
import { outcomeOf, type ReplyRules, type TokenReply } from "./outcome.ts";

/** A question to a token endpoint. */
export interface TokenRequest {
  readonly url: string;
  /** Sent as JSON; `URLSearchParams` are sent as a form. */
  readonly body: unknown;
}

/**
 * POSTs JSON, or a form. Redirects are never followed, a 307 would carry the refresh token along (S2); cookies
 * stay at home. Every member that matters is set, and no polluted prototype sets another (S15).
 * `fetch` is called before the first await.
 */
export async function postJson(
  { url, body }: TokenRequest,
  { fetch, signal, now }: Exchange,
): Promise<TokenReply> {
  const isForm = body instanceof URLSearchParams;
  const kind = isForm ? "x-www-form-urlencoded" : "json";
  const init = own({
    method: "POST",
    headers: { "content-type": `application/${kind}`, accept: "application/json" },
    body: isForm ? `${body}` : JSON.stringify(body),
    signal,
    redirect: "manual",
    credentials: "omit",
    cache: "no-store",
    mode: "cors",
    referrerPolicy: "no-referrer",
    keepalive: false,
  } as const);
  const response = await fetch(url, init);
  const { status, type, headers } = response;
  const text = (await readText(response)) ?? "";
  const parsed = jsonIn(text);
  return {
    status,
    text,
    body: isObject(parsed) ? parsed : undefined,
    date: Date.parse(headers.get("date") ?? "") || undefined,
    retryAfter: parseRetryAfter(headers.get("retry-after"), now()),
    isRedirect: type === "opaqueredirect" || (status >= 300 && status < 400),
  };
}

/** Asks, and says what came of it. `fetch` is called before the first await. */
export async function ask(
  request: TokenRequest,
  rules: ReplyRules,
  exchange: Exchange,
): Promise<Outcome> {
  try {
    return outcomeOf(await postJson(request, exchange), rules);
  } catch (error) {
    // An exchange that was ended has timed out. A typed error is the fence's or the URL check's own.
    const lost = exchange.signal.aborted ? "timed_out" : "no_connection";
    return { type: "trouble", error, reason: isVaultError(error) ? error.reason : lost };
  }
}

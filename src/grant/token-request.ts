/** Asks a token endpoint: the one way in which a mechanism sends secrets. */
import { isVaultError } from "../errors.ts";
import { isObject, own } from "../guard/json.ts";
import { jsonIn, parseRetryAfter, readText } from "../guard/replies.ts";
import type { Exchange, Outcome } from "../types.ts";
import { outcomeOf, type ReplyRules, type TokenReply } from "./outcome.ts";

/** A question to a token endpoint. */
export interface TokenRequest {
  readonly url: string;
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  /** `"POST"` by default. */
  readonly method?: string | undefined;
  /** Beside `content-type` and `accept`, or in their place. Names are in lower case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Sends JSON, or a body that is text already. Redirects are never followed, a 307 would carry the refresh
 * token along (S2); cookies stay at home. Every member that matters is set, and no polluted prototype
 * sets another (S15). `fetch` is called before the first await.
 */
export async function send(
  request: TokenRequest,
  { fetch, signal, now }: Exchange,
): Promise<TokenReply> {
  const { url, body, method = "POST", headers } = own(request);
  const init = own({
    method,
    headers: {
      // Some servers refuse a type without a body.
      ...(body !== undefined && { "content-type": "application/json" }),
      accept: "application/json",
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
    signal,
    redirect: "manual",
    credentials: "omit",
    cache: "no-store",
    mode: "cors",
    referrerPolicy: "no-referrer",
    keepalive: false,
  } as const);
  const response = await fetch(url, init);
  const { status, type, headers: replied } = response;
  const text = (await readText(response)) ?? "";
  const parsed = jsonIn(text);
  return {
    status,
    headers: replied,
    text,
    body: isObject(parsed) ? parsed : undefined,
    date: Date.parse(replied.get("date") ?? "") || undefined,
    retryAfter: parseRetryAfter(replied.get("retry-after"), now()),
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
    return outcomeOf(await send(request, exchange), rules);
  } catch (error) {
    // An exchange that was ended has timed out. A typed error is the fence's or the URL check's own.
    const lost = exchange.signal.aborted ? "timed_out" : "no_connection";
    return { type: "trouble", error, reason: isVaultError(error) ? error.reason : lost };
  }
}

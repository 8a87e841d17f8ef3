/** Asking a token endpoint: the one way that a mechanism sends secrets. */
import type { Exchange } from "../types.ts";
import { isObject } from "../guard/claims.ts";
import { parseRetryAfter, readJson } from "../guard/replies.ts";

/** A token endpoint's reply, read whole. */
export interface TokenReply {
  readonly status: number;
  /** The JSON object in the body; absent for anything else, a captive portal's page for one. */
  readonly body: Record<string, unknown> | undefined;
  /** The reply's `Date` in milliseconds, where the runtime shows it. */
  readonly date: number | undefined;
  /** Milliseconds to wait, from `Retry-After`. */
  readonly retryAfter: number | undefined;
}

/**
 * POSTs JSON. Redirects are never followed, a 307 would carry the refresh token along (S2); cookies
 * stay at home. Every member that matters is set, so that no polluted prototype can (S15). `fetch`
 * is called before the first await.
 */
export async function postJson(
  url: string,
  body: unknown,
  { fetch, signal, now }: Exchange,
): Promise<TokenReply> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
    signal,
    redirect: "manual",
    credentials: "omit",
    cache: "no-store",
    mode: "cors",
    referrerPolicy: "no-referrer",
    keepalive: false,
  });
  const parsed = await readJson(response);
  const date = Date.parse(response.headers.get("date") ?? "");
  return {
    status: response.status,
    body: isObject(parsed) ? parsed : undefined,
    date: date || undefined,
    retryAfter: parseRetryAfter(response.headers.get("retry-after"), now()),
  };
}

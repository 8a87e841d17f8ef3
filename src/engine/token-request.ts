/** Asking a token endpoint: the one way that a mechanism sends secrets. */
import type { Exchange } from "../types.ts";
import { isObject } from "./claims.ts";

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

/** More than any token reply needs. */
const LONGEST = 65_536;

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

/** A body's JSON; `undefined` for anything else, and for more than a token or an error needs (S10). */
export async function readJson(response: Response): Promise<unknown> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk; text.length < LONGEST && (chunk = await reader?.read())?.value;)
    text += decoder.decode(chunk.value, { stream: true });
  reader?.cancel().catch(() => {});
  try {
    return text.length < LONGEST ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Milliseconds to wait by a `Retry-After` value: seconds, or a date (RFC 9110 §10.2.3). */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (!value) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now;
  return ms >= 0 ? ms : undefined;
}

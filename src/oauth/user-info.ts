/** What the server says of the user, when it is asked (OpenID Connect Core §5.3). */
import type { OAuthClient } from "../grant/oauth.ts";
import { isObject, own } from "../guard/json.ts";
import { jsonIn, parseRetryAfter, readText } from "../guard/replies.ts";
import { refusal } from "../worker/refusal.ts";
import { serverOf } from "./client.ts";

/** The part of a vault that is needed. */
export interface Asks {
  readonly fetch: (input: string, init?: RequestInit) => Promise<Response>;
  snapshot(): { readonly profile?: Readonly<Record<string, unknown>> | undefined };
}

/** How long the claims may take to come, milliseconds. */
const DEADLINE = 15_000;

interface Unread {
  readonly why: string;
  readonly reason?: "timed_out";
  readonly status?: number;
  readonly retryAfter?: number | undefined;
}

const unread = ({ why, ...facts }: Unread): Error =>
  refusal({
    ...facts,
    code: "sign_in_failed",
    message: `Cannot read the user's claims: ${why}. Try again.`,
  });

/** Work that is given up in time: a server may never answer, or begin its reply and never end it (F84). */
async function inTime<T>(
  work: (signal: AbortSignal, late: Promise<never>) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = unread({ why: "timed out", reason: "timed_out" });
      reject(error);
      controller.abort(error);
    }, DEADLINE);
  });
  try {
    return await Promise.race([late, work(controller.signal, late)]);
  } finally {
    clearTimeout(timer);
  }
}

/** What the server says; `undefined` where that is nothing. */
async function ask(
  url: string,
  vault: Asks,
  { signal, late }: { readonly signal: AbortSignal; readonly late: Promise<never> },
): Promise<unknown> {
  const response = await vault.fetch(url, { signal });
  const { ok, status, headers } = response;
  if (ok) return jsonIn(await readText(response, { until: late.catch(() => {}) }));
  response.body?.cancel().catch(() => {});
  if (status !== 429 && status < 500) return undefined;
  const retryAfter = parseRetryAfter(headers.get("retry-after"), Date.now());
  throw unread({ why: `the server answered ${status}`, status, retryAfter });
}

/**
 * The user's claims, by the session's token; `undefined` where the server has none for it, or answers with
 * somebody else's (§5.3.2). The endpoint's origin must be among the provider's `origins`. Rejects as the
 * vault's `fetch` does, and with `sign_in_failed` where the server cannot be found, is out of order or too busy
 * (5xx, 429), or has not ended its reply in 15 s.
 */
export async function readUserInfo(
  client: OAuthClient,
  vault: Asks,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { userinfo_endpoint } = await serverOf(own(client));
  if (userinfo_endpoint === undefined) return undefined;
  const claims = await inTime((signal, late) => ask(userinfo_endpoint, vault, { signal, late }));
  if (!isObject(claims) || typeof claims["sub"] !== "string") return undefined;
  const { sub = claims["sub"] } = own({ ...vault.snapshot().profile });
  return claims["sub"] === sub ? claims : undefined;
}

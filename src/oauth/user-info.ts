/** What the server says of the user, when it is asked (OpenID Connect Core §5.3). */
import type { OAuthClient } from "../grant/oauth.ts";
import { isObject, own } from "../guard/json.ts";
import { jsonIn, parseRetryAfter, readText } from "../guard/replies.ts";
import { refusal } from "../worker/refusal.ts";
import { serverOf } from "./client.ts";

/** The part of a vault that is needed. */
export interface Asks {
  readonly fetch: (input: string) => Promise<Response>;
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

/** The reply's text, if it comes in time: a server may begin it and never end it (F84). */
async function readInTime(response: Response): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unread({ why: "timed out", reason: "timed_out" })), DEADLINE);
  });
  try {
    return await Promise.race([late, readText(response, { until: late.catch(() => {}) })]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The user's claims, by the session's token; `undefined` where the server has none for it, or answers with
 * somebody else's (§5.3.2). The endpoint's origin must be among the provider's `origins`. Rejects as the
 * vault's `fetch` does, and with `sign_in_failed` where the server cannot be found, is out of order or too busy
 * (5xx, 429), or does not end its reply in 15 s.
 */
export async function readUserInfo(
  client: OAuthClient,
  vault: Asks,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { userinfo_endpoint } = await serverOf(own(client));
  if (userinfo_endpoint === undefined) return undefined;
  const response = await vault.fetch(userinfo_endpoint);
  const { ok, status, headers } = response;
  if (!ok) response.body?.cancel().catch(() => {});
  if (status === 429 || status >= 500) {
    const retryAfter = parseRetryAfter(headers.get("retry-after"), Date.now());
    throw unread({ why: `the server answered ${status}`, status, retryAfter });
  }
  const claims = ok ? jsonIn(await readInTime(response)) : undefined;
  if (!isObject(claims) || typeof claims["sub"] !== "string") return undefined;
  const { sub = claims["sub"] } = own({ ...vault.snapshot().profile });
  return claims["sub"] === sub ? claims : undefined;
}

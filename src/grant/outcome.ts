/** What a token endpoint's reply means, by rules that a mechanism's user may change. */
import type { Grant, Outcome } from "../types.ts";
import type { TokenReply } from "./token-request.ts";

/** A reply's fields, as they came: the engine checks them. */
export type RawGrant = { readonly [Field in keyof Grant]?: unknown };

export interface ReplyRules {
  /** Reads the fields of a reply that grants. */
  readonly read: (body: Record<string, unknown>) => RawGrant;
  /**
   * Whether a reply without a token refuses for good; by default a 400 or 401. Asked only where the
   * body is a JSON object.
   */
  readonly isRefusal?: (status: number, body: Record<string, unknown>) => boolean;
  /** Whether a 503 proves that nothing was processed; `false` by default. A 429 always does. */
  readonly safe503?: boolean;
}

/** Refuses narrowly: a captive portal's page or a firewall's 403 is trouble (P17). */
export function outcomeOf(
  { status, body, date, retryAfter }: TokenReply,
  { read, isRefusal = (status) => status === 400 || status === 401, safe503 }: ReplyRules,
): Outcome {
  // Where there is a body no status is below 200. A reply without a token is told by its status:
  // `read` may have looked for another field.
  const grant = body && status < 300 ? ({ date, ...read(body) } as Grant) : undefined;
  if (grant?.accessToken) return { type: "granted", grant };
  if (body && isRefusal(status, body)) return { type: "refused", status };
  const unprocessed = status === 429 || (status === 503 && safe503);
  return { type: "trouble", status, retryAfter, unprocessed };
}

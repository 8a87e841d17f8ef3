/** What comes back from a worker, narrowed: it may be another version's, or not ours at all (S10). */
import { isObject } from "../engine/claims.ts";
import type { Snapshot, VaultEvent } from "../vault.ts";
import type { State } from "./protocol.ts";
import type { Ticket } from "./send.ts";

export const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length <= 65_536;

export const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(isText);

const isNumber = Number.isFinite as (value: unknown) => value is number;
const number = (value: unknown): number | undefined => (isNumber(value) ? value : undefined);
const text = (value: unknown): string | undefined => (isText(value) ? value : undefined);

/** A header value that `fetch` takes: the scheme, a space, a token (S5). */
export const isTicket = (value: unknown): value is Ticket | undefined =>
  value === undefined ||
  (isObject(value) &&
    /^\w+ [!-~]{1,16384}$/.test(String(value["authorization"])) &&
    isText(value["sessionId"]) &&
    isNumber(value["generation"]));

/** What may stand in an event and a snapshot, and what is made of it. */
const event = { type: String, sessionId: text, generation: number, status: number };
const snapshot = {
  status: String,
  persisted: (value: unknown) => value === true,
  issuedAt: number,
  refreshAt: number,
  expiresAt: number,
  generation: number,
  scope: text,
  claims: (value: unknown) => (isObject(value) ? value : undefined),
};

function pick<T>(
  from: unknown,
  kinds: Record<string, (value: unknown) => unknown>,
  account: string,
): T | undefined {
  if (!isObject(from)) return undefined;
  const to: Record<string, unknown> = { account };
  for (const name in kinds) to[name] = kinds[name]?.(from[name]);
  return to as T;
}

/** How an account stands, or `undefined` for anything else. */
export function toState(value: unknown, account: string): State | undefined {
  if (!isObject(value)) return undefined;
  const { owner, seq, lock, isolated, news } = value;
  return isText(owner) && isNumber(seq) && Array.isArray(news)
    ? {
        owner,
        seq,
        lock: text(lock),
        isolated: !!isolated,
        news: news.filter(isObject).map((one) => ({
          seq: Number(one["seq"]),
          event: pick<VaultEvent>(one["event"], event, account),
          snapshot: pick<Snapshot>(one["snapshot"], snapshot, account),
        })),
      }
    : undefined;
}

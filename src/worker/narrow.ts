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

const toEvent = (event: Record<string, unknown>, account: string): VaultEvent => ({
  type: String(event["type"]) as VaultEvent["type"],
  account,
  sessionId: text(event["sessionId"]),
  generation: number(event["generation"]),
  status: number(event["status"]),
});

const toSnapshot = (shot: Record<string, unknown>, account: string): Snapshot => ({
  status: String(shot["status"]) as Snapshot["status"],
  account,
  persisted: shot["persisted"] === true,
  issuedAt: number(shot["issuedAt"]),
  refreshAt: number(shot["refreshAt"]),
  expiresAt: number(shot["expiresAt"]),
  generation: number(shot["generation"]),
  scope: text(shot["scope"]),
  claims: isObject(shot["claims"]) ? shot["claims"] : undefined,
});

/** A worker's news, or `undefined` for anything else. */
export function toState(value: unknown, account: string): State | undefined {
  if (!isObject(value)) return undefined;
  const { owner, seq, lock, isolated, snapshot, events } = value;
  return isText(owner) && isNumber(seq) && Array.isArray(events)
    ? {
        owner,
        seq,
        lock: text(lock),
        isolated: !!isolated,
        snapshot: isObject(snapshot) ? toSnapshot(snapshot, account) : undefined,
        events: events.map((one) => ({
          seq: +one?.seq,
          event: toEvent(Object(one?.event), account),
        })),
      }
    : undefined;
}

/** From a session to the record that a store keeps, and back again, narrowed (S10). */
import type { Provider, Session, StoredRecord } from "../types.ts";
import { own } from "./json.ts";
import { isToken } from "./syntax.ts";

/** The key of an account's record: all that keeps sessions apart, encoded and joined (S11). */
export const keyOf = (
  { name, origins: [origin = ""], partition = [] }: Provider,
  account: string,
): string => [name, origin, ...partition, account].map(encodeURIComponent).join("|");

export const toRecord = (session: Session): StoredRecord =>
  own({
    format: 1,
    sessionId: session.sessionId,
    revision: session.revision,
    attemptId: session.intent?.attemptId,
    body: session,
  });

const isFinite = (value: unknown): boolean => Number.isFinite(value);

/** Whether a record has the numbers that decisions are made with. */
function hasNumbers(session: Session): boolean {
  const { generation, attempt, lastAttempt = 0, issuedAt, startedAt } = session;
  const { intent, coolDown, skew = 0 } = session;
  return (
    [generation, attempt, lastAttempt, issuedAt, startedAt, skew].every(isFinite) &&
    (!intent || [intent.attempt, intent.deadline, intent.firstSentAt].every(isFinite)) &&
    (!coolDown || [coolDown.until, coolDown.tries].every(isFinite))
  );
}

/** The session in a record, or `undefined` for a record without a sound one. */
export function fromRecord(record: StoredRecord | undefined): Session | undefined {
  // The members that decide are looked at below; the others are only stored and compared.
  const session = record?.body as Session | undefined;
  if (!record || !session) return undefined;
  const isSame = session.sessionId === record.sessionId && session.revision === record.revision;
  // Else a runtime's error would quote the header that cannot hold it (S4, S5).
  const isSound = isToken(session.tokenSet?.accessToken) && hasNumbers(session);
  return isSame && isSound ? session : undefined;
}

/** From a session to the record that a store keeps, and back again, narrowed (S10). */
import type { Provider, Session, StoredRecord, TokenSet } from "../types.ts";
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

/** Whether there is an access token that a header can hold, and a refresh token that is text, if any. */
const hasTokens = (given: TokenSet | undefined): boolean =>
  isToken(given?.accessToken) && typeof (given?.refreshToken ?? "") === "string";

const isFinite = (value: unknown): boolean => Number.isFinite(value);

/** Whether a session has the numbers that decisions are made with, and has no other values in their places. */
function hasNumbers(session: Session): boolean {
  const { generation, attempt, issuedAt, startedAt, intent, coolDown, tokenSet } = session;
  const always = [generation, attempt, issuedAt, startedAt];
  if (intent) always.push(intent.attempt, intent.deadline, intent.firstSentAt);
  if (coolDown) always.push(coolDown.until, coolDown.tries);
  const { lastAttempt, skew, refreshAt, renewedAt } = session;
  const atTimes = [lastAttempt, skew, refreshAt, renewedAt, tokenSet.expiresAt];
  return always.every(isFinite) && atTimes.every((one = 0) => isFinite(one));
}

/** The session in a record, or `undefined` for a record without a sound one. */
export function fromRecord(record: StoredRecord | undefined): Session | undefined {
  // The members that decide are looked at below; the others are only stored and compared.
  const session = record?.body as Session | undefined;
  if (!record || !session) return undefined;
  const isSame = session.sessionId === record.sessionId && session.revision === record.revision;
  // Else a runtime's error would quote the header that cannot hold it (S4, S5).
  const isSound = hasTokens(session.tokenSet) && hasNumbers(session);
  return isSame && isSound ? session : undefined;
}

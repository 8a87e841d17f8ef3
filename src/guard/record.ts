/** Between a session and the record that a store keeps. What comes back is narrowed (S10). */
import type { Provider, Session, StoredRecord } from "../types.ts";
import { isToken } from "./syntax.ts";

/** Where an account's record stands: what keeps sessions apart, joined; no part can pass for two (S11). */
export const keyOf = ({ name, origins, partition = [] }: Provider, account: string): string =>
  [name, origins[0]!, ...partition, account].map(encodeURIComponent).join("|");

export const toRecord = (session: Session): StoredRecord => ({
  format: 1,
  sessionId: session.sessionId,
  revision: session.revision,
  attemptId: session.intent?.attemptId,
  body: session,
});

/** The session in a record, or `undefined` where there is none that makes sense. */
export function fromRecord(record: StoredRecord | undefined): Session | undefined {
  const session = record?.body as Session | undefined;
  if (session?.sessionId !== record?.sessionId || session?.revision !== record?.revision)
    return undefined;
  const { tokenSet, generation, attempt, issuedAt, skew = 0, intent, coolDown } = session ?? {};
  const numbers = [
    ...[generation, attempt, issuedAt, skew],
    ...(intent ? [intent.attempt, intent.deadline] : []),
    ...(coolDown ? [coolDown.until, coolDown.tries] : []),
  ];
  // Else a runtime's error would quote the header that cannot hold it (S4, S5).
  return isToken(tokenSet?.accessToken) && numbers.every(Number.isFinite) ? session : undefined;
}

/** Between a session and the record that a store keeps. What comes back is narrowed (S10). */
import type { Session, StoredRecord } from "../types.ts";
import { isObject } from "./claims.ts";
import { isToken } from "./syntax.ts";

export const toRecord = (session: Session): StoredRecord => ({
  format: 1,
  sessionId: session.sessionId,
  revision: session.revision,
  attemptId: session.intent?.attemptId,
  body: session,
});

const isOptional = (value: unknown, check: (value: object) => unknown): unknown =>
  value === undefined || (isObject(value) && check(value));

const areNumbers = (...values: unknown[]): boolean => values.every(Number.isFinite);

/** The session in a record, or `undefined` where there is none that makes sense. */
export function fromRecord(record: StoredRecord | undefined): Session | undefined {
  const session = record?.body as Session | undefined;
  return isObject(session) &&
    session.sessionId === record?.sessionId &&
    session.revision === record.revision &&
    // Else a runtime's error would quote the header that cannot hold it (S4, S5).
    isToken(session.tokenSet?.accessToken, "Token") &&
    areNumbers(session.generation, session.attempt, session.issuedAt, session.skew ?? 0) &&
    isOptional(session.intent, () =>
      areNumbers(session.intent!.attempt, session.intent!.deadline),
    ) &&
    isOptional(session.coolDown, () => areNumbers(session.coolDown!.until, session.coolDown!.tries))
    ? session
    : undefined;
}

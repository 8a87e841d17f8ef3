/** Between a session and the record that a store keeps. What comes back is narrowed (S10). */
import type { Provider, Session, StoredRecord } from "../types.ts";
import { isObject } from "./claims.ts";

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

const isOptional = (value: unknown, check: (value: object) => unknown): unknown =>
  value === undefined || (isObject(value) && check(value));

const areNumbers = (...values: unknown[]): boolean => values.every(Number.isFinite);

/** The session in a record, or `undefined` where there is none that makes sense. */
export function fromRecord(record: StoredRecord | undefined): Session | undefined {
  const session = record?.body as Session | undefined;
  return isObject(session) &&
    session.sessionId === record?.sessionId &&
    session.revision === record.revision &&
    typeof session.tokenSet?.accessToken === "string" &&
    areNumbers(session.generation, session.attempt, session.issuedAt, session.skew ?? 0) &&
    isOptional(session.intent, () =>
      areNumbers(session.intent!.attempt, session.intent!.deadline),
    ) &&
    isOptional(session.coolDown, () => areNumbers(session.coolDown!.until, session.coolDown!.tries))
    ? session
    : undefined;
}

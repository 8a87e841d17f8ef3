/** News of the session "a", and of "b" that is signed in after it. */
import { toRecord } from "../../../src/guard/record.ts";
import type { Change } from "../../../src/refresh/changes.ts";
import type { Knowledge, News } from "../../../src/refresh/knowledge.ts";
import type { RecordHead, Session } from "../../../src/types.ts";
import { at, begin, intent, named, START } from "./known-sessions.ts";

export const T = START;
export const a = named("a");
export const b = named("b", { startedAt: T, generation: 1, revision: 1, attempt: 0 });
export const signIn = begin(b, T, { basis: toRecord(a) });

export const changed = (change: Change): News => ({ type: "changed", change });
export const written = (is: Session | RecordHead, changes: readonly Change[] = []): News => ({
  type: "written",
  askedAt: at(T).running,
  record: "tokenSet" in is ? toRecord(is) : is,
  changes,
});
export const failed: News = { type: "store-failed", error: new Error("The store is down") };
export const unpersisted: News = { type: "unpersisted" };
export const served = ({ session }: Knowledge): string | undefined => session?.sessionId;

export interface Rejecting {
  readonly generation?: number;
  readonly endpoint?: string;
  readonly passed?: number;
  readonly sessionId?: string;
}
export const rejected = ({
  generation = 3,
  endpoint = "x",
  passed,
  sessionId = "a",
}: Rejecting = {}): News => ({
  type: "rejected",
  sessionId,
  generation,
  endpoint,
  passed,
});
export const next = (generation: number, more: Partial<Session> = {}): Session =>
  named("a", { generation, revision: 10 + generation, ...more });
export const withIntent = (
  is: Session,
  attemptId = "theirs",
  revision = is.revision + 1,
): Session => ({
  ...is,
  revision,
  intent: intent(T, { attemptId }),
});

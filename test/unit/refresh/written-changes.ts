/** What is written where changes meet a record, in short words. */
import { type Change, type Found, merge, type Merged } from "../../../src/refresh/changes.ts";
import type { Session } from "../../../src/types.ts";
import { at, granted, intent, MINUTE, named, SECOND, START } from "./known-sessions.ts";

/** The wall time at which everything below is written. */
export const NOW = START + 10 * MINUTE;

export interface Written {
  readonly now?: number;
  readonly highest?: number;
}

export const write = (
  changes: readonly Change[],
  is: Found,
  { now = NOW, highest = 0 }: Written = {},
): Merged => merge(changes, is, { ...at(now), highest });

/** What the record comes to hold, in one word: a session's name, "†name" for a tombstone, "" for no write. */
export function outcome({ record }: Merged): string {
  if (!record) return "";
  return record.tombstone ? `†${record.sessionId}` : record.sessionId;
}

export const tokens = ({ dropped }: Merged): string[] =>
  dropped.map(({ accessToken }) => accessToken);
export const endedBy = ({ ended: all }: Merged): string[] => all.map(({ sessionId }) => sessionId);

/** Session "a" was begun at START, and its record is at revision 7. */
export const a = named("a");
/** Session "b" is signed in a minute before everything is written. */
export const B_AT = NOW - MINUTE;
export const b = named("b", { startedAt: B_AT, generation: 1, revision: 1, attempt: 0 });
/** Session "c" is somebody else's, begun elsewhere. */
export const c = (startedAt: number): Session => named("c", { startedAt, revision: 3 });

export const withIntent = (is: Session): Session => ({ ...is, intent: intent(START) });
/** A grant for the attempt that {@link withIntent} shows. */
export const grant = granted("new", NOW - SECOND, intent(START));

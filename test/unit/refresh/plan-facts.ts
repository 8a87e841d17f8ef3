/** What a caller's plan is made from: a session, what is known of it, and how the world is. */
import type { Knowledge, News } from "../../../src/refresh/knowledge.ts";
import type { Facts } from "../../../src/refresh/plan.ts";
import type { Session } from "../../../src/types.ts";
import {
  at,
  heard,
  knownOf,
  MINUTE,
  named,
  read,
  type SettingOptions,
  START,
} from "./known-sessions.ts";

export const T = START;
export const a = named("a");

export const facts = (now: number, more: Partial<Facts> = {}): Facts => ({
  ...at(now),
  isOnline: true,
  isHeldOpen: true,
  canAsk: false,
  isWanted: true,
  maxStaleness: MINUTE,
  ...more,
});

export const rejected = (generation: number, endpoint = "x"): News => ({
  type: "rejected",
  sessionId: "a",
  generation,
  endpoint,
});

/** A session that was looked at just now. */
export const now = (
  when: number,
  more: Partial<Session> = {},
  options: SettingOptions = {},
): Knowledge => knownOf({ ...a, ...more }, when, options);

/** A session that endpoint "x" has brought about and rejects: "x" is paused. */
export const paused = (more: Partial<Session> = {}): Knowledge =>
  heard(
    now(T, { generation: 2 }),
    [T, read({ ...a, revision: 8, causedBy: "x" }, T)],
    [T, rejected(3)],
    [T, read({ ...a, revision: 9, causedBy: "x", ...more }, T)],
  );

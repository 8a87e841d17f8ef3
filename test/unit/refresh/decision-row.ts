/** One row of a decision's table, as a test. */
import { expect, it } from "vitest";
import { decide, type Decision, type Next } from "../../../src/refresh/decide.ts";
import type { Intent, Session } from "../../../src/types.ts";
import { intent, sighted, type Situation } from "./known-sessions.ts";

export type Row = readonly [title: string, situation: Situation, decision: Decision];

export function rows(...all: readonly Row[]): void {
  it.each(all)("%s", (_, situation, decision) => {
    expect(decide(sighted(situation))).toEqual(decision);
  });
}

/** The token is served meanwhile. */
export const serves = (next: Next): Decision => ({ serves: true, next });
/** Callers wait. */
export const waits = (next: Next): Decision => ({ serves: false, next });

/** A session with an intent that was written then. */
export const intentAt = (firstSentAt: number, more: Partial<Intent> = {}): Partial<Session> => ({
  intent: intent(firstSentAt, more),
});

/** What a context sees: until when its memory serves, when it tells of a success, and what a look is worth. */
import { describe, expect, it } from "vitest";
import type { Knowledge, News } from "../../../src/refresh/knowledge.ts";
import { isWatched, judge, servedUntil, sightOf } from "../../../src/refresh/plan.ts";
import {
  at,
  begin,
  END,
  heard,
  intent,
  MINUTE,
  named,
  nothing,
  read,
  SECOND,
  SOFT,
} from "./known-sessions.ts";
import { T, a, facts, rejected, now, paused } from "./plan-facts.ts";

describe("until when memory serves without a question", () => {
  it("is half of the staleness after the look [P4]", () => {
    expect(servedUntil(now(T), facts(T + SECOND))).toBe(T + 30 * SECOND);
  });

  it("is the soft time, or the end, if that comes first [P15]", () => {
    expect(servedUntil(now(SOFT - SECOND), facts(SOFT - SECOND))).toBe(SOFT);
    const hard = { refreshAt: undefined };
    expect(servedUntil(now(END - SECOND, hard), facts(END - SECOND))).toBe(END);
  });

  it("is never where nothing is known, or something is to be done [P4 P15]", () => {
    expect(servedUntil(nothing(), facts(T))).toBe(0);
    expect(servedUntil(heard(nothing(), [T, read(undefined, T)]), facts(T))).toBe(0);
    expect(servedUntil(now(SOFT), facts(SOFT))).toBe(0);
    expect(servedUntil(heard(now(T), [T, rejected(3)]), facts(T))).toBe(0);
  });

  it("is not stopped by a paused endpoint [F42 P13]", () => {
    expect(servedUntil(paused(), facts(T))).toBe(T + 30 * SECOND);
  });
});

describe("successes are told", () => {
  it("for the first ones of each generation, so that a later 401 says more [P2 P13]", () => {
    const passed: News = { type: "passed", sessionId: "a", generation: 3, endpoint: "x" };
    const many = heard(now(T), ...Array.from({ length: 31 }, () => [T, passed] as const));
    expect([isWatched(now(T)), isWatched(many)]).toEqual([true, true]);
    expect(isWatched(heard(many, [T, passed]))).toBe(false);
    expect(
      isWatched(heard(many, [T, passed], [T, read({ ...a, generation: 4, revision: 9 }, T)])),
    ).toBe(true);
  });

  it("while an intent stands or an endpoint is in question, and else not [P13]", () => {
    const passed: News = { type: "passed", sessionId: "a", generation: 3, endpoint: "x" };
    const after = (known: Knowledge): Knowledge =>
      heard(known, ...Array.from({ length: 32 }, () => [T, passed] as const));
    expect(isWatched(after(now(T)))).toBe(false);
    expect(isWatched(after(now(T, { intent: intent(T) })))).toBe(true);
    // The first 32 of each generation are noted in any case.
    expect(isWatched({ ...heard(now(T), [T, rejected(3)]), passes: 32 })).toBe(true);
    expect(isWatched({ ...paused(), passes: 32 })).toBe(true);
    expect(isWatched(heard(nothing(), [T, read(undefined, T)]))).toBe(false);
  });
});

describe("what a context sees", () => {
  const open = now(T, { intent: intent(T) });

  it("is dated by running time, from when it was seen [F60 F16]", () => {
    const before = heard(now(T), [T + 1, read({ ...a, generation: 4, revision: 8 }, T)]);
    const known = heard(before, [
      T + SECOND,
      read({ ...a, generation: 4, revision: 9, intent: intent(T) }, T + SECOND),
    ]);
    const { running } = at(T + MINUTE);
    expect(sightOf(known, { ...facts(T), running })).toMatchObject({
      now: T,
      running,
      generationAge: MINUTE,
      intentAge: MINUTE - SECOND,
      quietAge: MINUTE,
    });
  });

  it("is of any age where it is the first [P15 F60]", () => {
    const sight = sightOf(open, facts(T + MINUTE));
    expect(sight.generationAge).toBe(Infinity);
    expect(sight.quietAge).toBeUndefined();
    expect(sight.intentAge).toBe(MINUTE);
  });

  it("of a lock and of silence is about that very attempt [F57 P2 P8]", () => {
    const about = (attemptId: string): Knowledge =>
      heard(
        open,
        [T, { type: "probed", attemptId, isAlive: false }],
        [T, { type: "asked", attemptId }],
      );
    expect(sightOf(about("theirs"), facts(T))).toMatchObject({
      isAlive: false,
      wasAsked: true,
    });
    expect(sightOf(about("another"), facts(T))).toMatchObject({
      isAlive: undefined,
      wasAsked: false,
    });
  });

  it("goes through an own intent that no request has followed, to the one before it [P2 P8]", () => {
    const take = (known: Knowledge, attemptId: string, when: number): Knowledge => {
      const is = { ...a, revision: 9, intent: intent(T, { attemptId, repeated: true }) };
      return heard(known, [when, { type: "unsent", attemptId }], [when, read(is, when)]);
    };
    const twice = take(take(open, "mine", T + SECOND), "mine too", T + 2 * SECOND);
    const unsent = sightOf(twice, facts(T + MINUTE));
    expect(unsent).toMatchObject({ intentAge: MINUTE, session: { intent: intent(T) } });
    const sent = heard(twice, [T + 3 * SECOND, { type: "unsent", attemptId: undefined }]);
    expect(sightOf(sent, facts(T + MINUTE))).toMatchObject({
      intentAge: MINUTE - 2 * SECOND,
      session: { intent: { attemptId: "mine too" } },
    });
  });

  it("finds nothing behind an own intent that was the first [P8]", () => {
    const is = { ...a, revision: 9, intent: intent(T, { attemptId: "mine" }) };
    const mine = heard(now(T), [T, { type: "unsent", attemptId: "mine" }], [T, read(is, T)]);
    expect(sightOf(mine, facts(T)).session?.intent).toBeUndefined();
  });

  it.each([
    ["begins where nothing stood before it [P8]", SOFT, undefined, "a", { next: "begin" }],
    ["asks peers where what stood before is over [P2]", END, true, "other", { next: "ask" }],
    ["goes on at once where no peer claims that [P2]", END, true, "theirs", { next: "recover" }],
    ["is stuck while the token is good [P2]", SOFT, true, "theirs", { isStuck: true }],
  ])("after an own intent that never left, a context %s", (_, when, ended, askedId, expected) => {
    const before = ended ? now(T, { intent: intent(T, { ended }) }) : now(T);
    const is = { ...a, revision: 9, intent: intent(T, { attemptId: "mine", repeated: !!ended }) };
    const known = heard(
      before,
      [when, { type: "unsent", attemptId: "mine" }],
      [when, read(is, when)],
      [when, { type: "asked", attemptId: askedId }],
    );
    expect(judge(known, facts(when))).toMatchObject(expected);
  });

  it("of silence counts only while nobody claims it [P2]", () => {
    const asked = heard(open, [T, { type: "asked", attemptId: "theirs" }]);
    const claimed = heard(asked, [T, { type: "claimed", sessionId: "a" }]);
    expect(sightOf(claimed, facts(T)).wasAsked).toBe(false);
  });

  it("of nothing at all is no attempt either [P8]", () => {
    const asked = heard(now(T), [T, { type: "asked", attemptId: undefined }]);
    expect(sightOf(asked, facts(T))).toMatchObject({ wasAsked: false });
  });

  it("of a 401 is what its endpoint is worth [P13 P2]", () => {
    const sight = sightOf(heard(now(T), [T, rejected(3)]), facts(T));
    expect(sight).toMatchObject({ isRejected: true, isDemanded: true, isSurelyOver: false });
    expect(sightOf(paused(), facts(T))).toMatchObject({ isRejected: false, isDemanded: false });
    const passed: News = { type: "passed", sessionId: "a", generation: 3, endpoint: "x" };
    const over = heard(now(T), [T, passed], [T, rejected(3)]);
    expect(sightOf(over, facts(T)).isSurelyOver).toBe(true);
  });

  it("of a rest in memory is over by running time [F55]", () => {
    const resting = heard(now(T), [
      T,
      { type: "ended", outcome: "trouble", sessionId: "a", isOffline: true, jitter: 1 },
    ]);
    expect(sightOf(resting, facts(T + 999)).isRested).toBe(false);
    expect(sightOf(resting, facts(T + 1_000)).isRested).toBe(true);
  });

  it("is the session that it serves, be it written or not [P7]", () => {
    const b = named("b");
    const known = heard(
      now(T),
      [T, { type: "changed", change: begin(b, T) }],
      [T, { type: "unpersisted" }],
    );
    expect(sightOf(known, facts(T)).session).toBe(b);
  });
});

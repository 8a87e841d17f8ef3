/** What one caller gets: who is served, who waits, who fails. */
import { describe, expect, it } from "vitest";
import type { Knowledge, News } from "../../../src/refresh/knowledge.ts";
import {
  type Answer,
  type Facts,
  isWatched,
  judge,
  type Need,
  plan,
  servedUntil,
  sightOf,
} from "../../../src/refresh/plan.ts";
import type { Session } from "../../../src/types.ts";
import {
  at,
  begin,
  END,
  HARD,
  heard,
  intent,
  knownOf,
  MINUTE,
  named,
  nothing,
  read,
  SECOND,
  type SettingOptions,
  SOFT,
  START,
} from "./known-sessions.ts";

const T = START;
const a = named("a");

const facts = (now: number, more: Partial<Facts> = {}): Facts => ({
  ...at(now),
  isOnline: true,
  isHeldOpen: true,
  canAsk: false,
  isWanted: true,
  maxStaleness: MINUTE,
  ...more,
});

/** A caller that has just come. */
const fresh: Need = { hasLooked: false, hasTried: false };
/** One since whose coming the record has been read. */
const looked: Need = { hasLooked: true, hasTried: true };
/** One since whose coming the store has failed to answer. */
const tried: Need = { hasLooked: false, hasTried: true };

const rejecting = (generation: number, endpoint = "x", sessionId = "a"): Partial<Need> => ({
  rejected: { sessionId, generation },
  endpoint,
});

const SERVE: Answer = { type: "serve", looks: false, isHelpless: false };
const SERVE_AND_LOOK: Answer = { type: "serve", looks: true, isHelpless: false };
const WAIT: Answer = { type: "wait" };
const fail = (code: Extract<Answer, { type: "fail" }>["code"]): Answer => ({ type: "fail", code });

const failed: News = { type: "store-failed", error: undefined };
const rejected = (generation: number, endpoint = "x"): News => ({
  type: "rejected",
  sessionId: "a",
  generation,
  endpoint,
});

/** A session that was looked at just now. */
const now = (when: number, more: Partial<Session> = {}, options: SettingOptions = {}): Knowledge =>
  knownOf({ ...a, ...more }, when, options);

/** A session that endpoint "x" has brought about and rejects: "x" is paused. */
const paused = (more: Partial<Session> = {}): Knowledge =>
  heard(
    now(T, { generation: 2 }),
    [T, read({ ...a, revision: 8, causedBy: "x" }, T)],
    [T, rejected(3)],
    [T, read({ ...a, revision: 9, causedBy: "x", ...more }, T)],
  );

describe("a caller", () => {
  it("is served a good token at once, and nothing else is done [P15]", () => {
    expect(plan(now(T), fresh, facts(T))).toEqual(SERVE);
  });

  it("waits while nothing is known, and is told when it is [P16]", () => {
    expect(plan(nothing(), fresh, facts(T))).toEqual(WAIT);
    const none = heard(nothing(), [T, read(undefined, T)]);
    expect(plan(none, fresh, facts(T))).toEqual(WAIT);
    expect(plan(none, looked, facts(T))).toEqual(fail("no_session"));
  });

  it("is served in the soft window while it is renewed [F98 P18]", () => {
    expect(plan(now(SOFT), fresh, facts(SOFT))).toEqual(SERVE_AND_LOOK);
    expect(plan(now(HARD - 1), looked, facts(HARD - 1))).toEqual(SERVE_AND_LOOK);
  });

  it("waits from the hard time on, and is not told to sign in [P15 P17]", () => {
    expect(plan(now(HARD), looked, facts(HARD))).toEqual(WAIT);
    expect(plan(now(END), looked, facts(END))).toEqual(WAIT);
  });

  it("is told to sign in only when the record has been looked at [P9 P16]", () => {
    const over = now(END, { refused: true });
    expect(plan(over, fresh, facts(END))).toEqual(WAIT);
    expect(plan(over, looked, facts(END))).toEqual(fail("sign_in_required"));
  });

  it("is served by a refused session up to its end [P9 F36]", () => {
    expect(plan(now(END - 1, { refused: true }), fresh, facts(END - 1))).toEqual(SERVE);
  });

  it("is served while nobody knows how the last exchange ended [P2 F36]", () => {
    const lost = { intent: intent(SOFT, { ended: true }) };
    expect(plan(now(HARD, lost), fresh, facts(HARD))).toEqual(SERVE);
  });
});

describe("how old a look may be", () => {
  it.each([
    [29_999, SERVE],
    [30_000, SERVE_AND_LOOK],
    [60_000, SERVE_AND_LOOK],
    [60_001, WAIT],
  ])("after %i ms [P4]", (age, answer) => {
    expect(plan(now(T), fresh, facts(T + age))).toEqual(answer);
  });

  it("counts in running time: a step of the clock makes no look older or younger [P4 F16]", () => {
    const stepped = { ...facts(T + 60_001), now: T };
    expect(plan(now(T), fresh, stepped)).toEqual(WAIT);
    expect(plan(now(T), fresh, { ...facts(T), now: T + 20 * MINUTE })).toEqual(SERVE);
  });

  it("is nothing to one since whose coming the store has been asked [P16 F59]", () => {
    expect(plan(now(T), tried, facts(T + 61 * SECOND))).toEqual(SERVE);
  });
});

describe("a store that fails", () => {
  const down = (known: Knowledge, when: number): Knowledge =>
    heard(known, [when, failed], [when, failed]);

  it("takes no good token away [P16 F59]", () => {
    expect(plan(down(now(T), T + MINUTE), tried, facts(T + MINUTE))).toEqual(SERVE);
  });

  it("once is waited for [P16]", () => {
    expect(plan(heard(nothing(), [T, failed]), tried, facts(T))).toEqual(WAIT);
    expect(plan(heard(now(END), [END, failed]), tried, facts(END))).toEqual(WAIT);
  });

  it("again is told, but only to those who have come before [P16 P10]", () => {
    expect(plan(down(nothing(), T), fresh, facts(T))).toEqual(WAIT);
    expect(plan(down(nothing(), T), tried, facts(T))).toEqual(fail("store_unavailable"));
    expect(plan(down(now(END), END), tried, facts(END))).toEqual(fail("store_unavailable"));
  });

  it("never says that nobody is signed in, nor that a sign-in is needed [P16]", () => {
    const none = heard(nothing(), [T, read(undefined, T)], [T, failed]);
    expect(plan(none, looked, facts(T))).toEqual(WAIT);
    const over = heard(now(END, { refused: true }), [END, failed]);
    expect(plan(over, looked, facts(END))).toEqual(WAIT);
  });
});

describe("a caller whose token was rejected", () => {
  const need = (generation: number, base = fresh, sessionId = "a"): Need => ({
    ...base,
    ...rejecting(generation, "x", sessionId),
  });

  it("is served what is newer, without a refresh [P12]", () => {
    expect(plan(now(T), need(2), facts(T))).toEqual(SERVE);
    // Though its endpoint has rejected the newer one, too: this call has not met that yet.
    const known = heard(now(T), [T, rejected(3)]);
    expect(plan(known, need(2), facts(T))).toMatchObject({ type: "serve" });
  });

  it("waits for the next one, while others are served [P12 P13]", () => {
    const known = heard(now(T), [T, rejected(3)]);
    expect(plan(known, need(3), facts(T))).toEqual(WAIT);
    expect(plan(known, need(3, looked), facts(T))).toEqual(WAIT);
    expect(plan(known, { ...fresh, endpoint: "y" }, facts(T))).toEqual(SERVE_AND_LOOK);
  });

  it("waits for a newer one than it has had, where another context is ahead [P12]", () => {
    expect(plan(now(T), need(4), facts(T))).toEqual(WAIT);
  });

  it("gets what is served, where that is of another session: its name says so [F103 P12]", () => {
    expect(plan(now(T), need(3, fresh, "b"), facts(T))).toEqual(SERVE);
    const known = heard(now(T), [T, rejected(3)]);
    expect(plan(known, need(9, fresh, "b"), facts(T))).toEqual(SERVE_AND_LOOK);
    // At once, though that has ended: nothing is sent again with it.
    expect(plan(now(END), need(3, fresh, "b"), facts(END))).toEqual(SERVE_AND_LOOK);
  });

  it("is told that nobody is signed in any more [P4]", () => {
    const none = heard(now(T), [T, read(undefined, T)]);
    expect(plan(none, need(3, looked), facts(T))).toEqual(fail("no_session"));
  });

  it("gets the token that has taken the place of the one that was rejected, though both have one number [P12 P15]", () => {
    const known = heard(now(T), [T, rejected(3)]);
    const own = { sessionId: "a", generation: 3, accessToken: "access-a" };
    expect(plan(known, { ...fresh, rejected: own, endpoint: "x" }, facts(T))).toEqual(WAIT);
    const theirs = { ...own, accessToken: "another context's" };
    expect(plan(known, { ...fresh, rejected: theirs, endpoint: "x" }, facts(T))).toMatchObject({
      type: "serve",
    });
  });

  it("gets the same token at once where its endpoint is paused: the 401 is the answer [F42 P13]", () => {
    expect(plan(paused(), need(3), facts(T))).toEqual(SERVE);
  });

  it("gets the same token at once where nothing may be spent [P2]", () => {
    const lost = now(SOFT, { intent: intent(SOFT, { ended: true }) });
    const known = heard(lost, [SOFT, rejected(3)]);
    expect(judge(known, facts(SOFT)).isStuck).toBe(true);
    expect(plan(known, need(3), facts(SOFT))).toEqual(SERVE);
    const asking = { ...facts(SOFT), canAsk: true };
    expect(plan({ ...known, passes: 1 }, need(3), asking)).toEqual(SERVE);
    expect(plan({ ...known, isHandedOn: true }, need(3), asking)).toEqual(SERVE);
    // Where it is sure that nobody has let it through, ten seconds may tell that it has ended.
    expect(plan(known, need(3), asking)).toEqual(WAIT);
  });

  it("waits within five seconds of a commit [P13]", () => {
    const known = heard(
      now(T, { generation: 2 }),
      [T, read({ ...a, revision: 8, renewedAt: T }, T)],
      [T, rejected(3)],
    );
    expect(plan(known, need(3), facts(T + 4_999))).toEqual(WAIT);
    expect(judge(known, facts(T + 4_999)).next).toBe("watch");
    expect(judge(known, facts(T + 5_000)).next).toBe("begin");
  });

  it("gets the same static token, once the record has been asked for another one [P9]", () => {
    const known = heard(now(T, {}, { renewal: undefined }), [T, rejected(3)]);
    expect(plan(known, need(3), facts(T))).toEqual(WAIT);
    expect(plan(known, need(3, looked), facts(T))).toEqual({ ...SERVE, isHelpless: true });
    expect(plan(known, need(3, tried), facts(T))).toEqual({ ...SERVE, isHelpless: true });
  });

  it("is told to sign in where the static token has ended [P9]", () => {
    const known = heard(now(END, {}, { renewal: undefined }), [END, rejected(3)]);
    expect(plan(known, need(3, looked), facts(END))).toEqual(fail("sign_in_required"));
  });

  it("is told to sign in after a refusal, once the record has been looked at [P9]", () => {
    const known = heard(now(T, { refused: true }), [T, rejected(3)]);
    expect(plan(known, need(3), facts(T))).toEqual(WAIT);
    expect(plan(known, need(3, looked), facts(T))).toEqual(fail("sign_in_required"));
    // And so are all the others.
    expect(plan(known, { ...looked, endpoint: "y" }, facts(T))).toEqual(fail("sign_in_required"));
  });
});

describe("after a refusal, a paused endpoint", () => {
  it("gets its 401 back, and the others are served [P9 F42]", () => {
    const known = paused({ refused: true });
    expect(plan(known, { ...fresh, ...rejecting(3) }, facts(T))).toEqual({
      ...SERVE,
      isHelpless: true,
    });
    expect(plan(known, { ...fresh, endpoint: "y" }, facts(T))).toEqual(SERVE);
  });

  it("is told to sign in once its pause is over, and the others are served [P9 F42]", () => {
    const known = heard(paused({ refused: true }), [T + MINUTE, rejected(3)]);
    const when = facts(T + MINUTE);
    expect(plan(known, { ...fresh, ...rejecting(3) }, when)).toEqual(WAIT);
    expect(plan(known, { ...looked, ...rejecting(3) }, when)).toEqual(fail("sign_in_required"));
    expect(plan(known, { ...looked, endpoint: "y" }, when)).toEqual(SERVE);
  });
});

describe("a caller of an endpoint that has rejected this token", () => {
  it("waits as the one does that has met the 401 [P13]", () => {
    const known = heard(now(T), [T, rejected(3)]);
    expect(plan(known, { ...fresh, endpoint: "x" }, facts(T))).toEqual(WAIT);
  });

  it("is served when a newer one is there, or its pause has begun [P12 F42]", () => {
    const known = heard(now(T), [T, rejected(3)]);
    const newer = heard(known, [T + 1, read({ ...a, generation: 4, revision: 8 }, T + 1)]);
    expect(plan(newer, { ...fresh, endpoint: "x" }, facts(T + 1))).toEqual(SERVE);
    expect(plan(paused(), { ...fresh, endpoint: "x" }, facts(T))).toEqual(SERVE);
  });

  it("is one of the other clients, where it names none [P13]", () => {
    const known = heard(now(T), [T, rejected(3, "")]);
    expect(plan(known, fresh, facts(T))).toEqual(WAIT);
    expect(plan(known, { ...fresh, endpoint: "y" }, facts(T))).toEqual(SERVE_AND_LOOK);
  });
});

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

  it("of a lock, of silence and of what was not sent is about that very attempt [F57 P2 P8]", () => {
    const about = (attemptId: string): Knowledge =>
      heard(
        open,
        [T, { type: "probed", attemptId, isAlive: false }],
        [T, { type: "asked", attemptId }],
        [T, { type: "unsent", attemptId }],
      );
    expect(sightOf(about("theirs"), facts(T))).toMatchObject({
      isAlive: false,
      wasAsked: true,
      isUnsent: true,
    });
    expect(sightOf(about("another"), facts(T))).toMatchObject({
      isAlive: undefined,
      wasAsked: false,
      isUnsent: false,
    });
  });

  it("of silence counts only while nobody claims it [P2]", () => {
    const asked = heard(open, [T, { type: "asked", attemptId: "theirs" }]);
    const claimed = heard(asked, [T, { type: "claimed", sessionId: "a" }]);
    expect(sightOf(claimed, facts(T)).wasAsked).toBe(false);
  });

  it("of nothing at all is no attempt either [P8]", () => {
    const asked = heard(now(T), [T, { type: "asked", attemptId: undefined }]);
    expect(sightOf(asked, facts(T))).toMatchObject({ wasAsked: false, isUnsent: false });
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

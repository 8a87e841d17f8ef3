/** What one caller gets: who is served, who waits, who fails. */
import { describe, expect, it } from "vitest";
import type { Knowledge, News } from "../../../src/refresh/knowledge.ts";
import { type Answer, judge, type Need, plan } from "../../../src/refresh/plan.ts";
import { END, HARD, heard, intent, MINUTE, nothing, read, SECOND, SOFT } from "./known-sessions.ts";
import { T, a, facts, rejected, now, paused } from "./plan-facts.ts";

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

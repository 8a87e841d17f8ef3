/** What becomes of a context's knowledge by all news but looks. */
import { describe, expect, it } from "vitest";
import {
  beginningAlone,
  isPersisted,
  needsSignIn,
  type Knowledge,
  type News,
} from "../../../src/refresh/knowledge.ts";
import type { Change } from "../../../src/refresh/changes.ts";
import type { Intent, Session } from "../../../src/types.ts";
import {
  T,
  a,
  b,
  signIn,
  changed,
  written,
  unpersisted,
  served,
  rejected,
  next,
  withIntent,
} from "./session-news.ts";
import {
  at,
  begin,
  conclude,
  end,
  END,
  granted,
  heard,
  intent,
  knownOf,
  MINUTE,
  named,
  none,
  nothing,
  read,
  tombstone,
} from "./known-sessions.ts";

describe("a sign-in", () => {
  it("is served when it is written, and not before [P7 P19]", () => {
    const known = heard(knownOf(a, T), [T, changed(signIn)]);
    expect(served(known)).toBe("a");
    expect([...known.met]).toEqual(["a", "b"]);
    const done = heard(known, [T + 1, written(b, known.changes)]);
    expect(done).toMatchObject({ changes: [], lookedAt: at(T + 1), retries: 0 });
    expect(served(done)).toBe("b");
  });

  it("is served and marked unpersisted, once the store has not taken it [P7 P16 P19 F22]", () => {
    const known = heard(knownOf(a, T), [T, changed(signIn)], [T, unpersisted]);
    expect(served(known)).toBe("b");
    expect(isPersisted(known)).toBe(false);
    expect(known.retries).toBe(1);
    const done = heard(known, [T, written(b, known.changes)]);
    expect(isPersisted(done)).toBe(true);
    expect(done.retries).toBe(0);
  });

  it("takes the place of one that still waits [P19]", () => {
    const known = heard(nothing(), [T, changed(signIn)], [T, changed(begin(named("c"), T))]);
    expect(known.changes).toMatchObject([{ type: "begin", session: { sessionId: "c" } }]);
  });

  it("leaves a sign-out and a conclusion before it in their order [F40 F41]", () => {
    const known = heard(
      knownOf(withIntent(a), T),
      [T, changed(conclude("a", granted("new", T, intent(T))))],
      [T, changed(end(["x"], T))],
      [T, changed(signIn)],
    );
    expect(known.changes.map(({ type }) => type)).toEqual(["conclude", "end", "begin"]);
  });

  it("that ends late takes the place of its own trouble alone, and is served as that was [P3 P20]", () => {
    const [own, other] = [intent(T, { attemptId: "own" }), intent(T, { attemptId: "other" })];
    const trouble = (by: Intent): Change => {
      const { got: _, ...rest } = granted("new", T, by);
      return conclude("a", { ...rest, outcome: { type: "trouble" }, got: undefined });
    };
    const late = conclude("a", granted("new", T, own));
    const waiting = heard(
      knownOf(withIntent(a), T),
      [T, changed(trouble(own))],
      [T, changed(trouble(other))],
    );
    const told = ({ changes }: Knowledge): unknown[] =>
      changes.map((change) => change.type === "conclude" && change.conclusion.intent.attemptId);
    expect(told(heard(waiting, [T, changed(late)]))).toEqual(["other", "own"]);
    const failed = heard(waiting, [T, unpersisted], [T, changed(late)]);
    expect(failed.changes.map(({ isFailed }) => isFailed)).toEqual([true, true]);
    expect(failed.session?.tokenSet.accessToken).toBe("access-new");
  });

  it("knows nothing of its endpoints that the last session has learnt [F103]", () => {
    const known = heard(knownOf(a, T), [T, rejected()], [T, read(b, T)]);
    expect(known.endpoints.size).toBe(0);
  });

  it("lives in this memory alone while no write of it may have arrived [P2 P16]", () => {
    const known = heard(nothing(), [T, changed(signIn)]);
    expect(beginningAlone(known)).toBeUndefined();
    const alone = heard(known, [T, unpersisted]);
    expect(beginningAlone(alone)?.session).toBe(b);
    const tried = heard(alone, [T, { type: "writing", revision: 4, changes: alone.changes }]);
    expect(beginningAlone(tried)).toBeUndefined();
    expect(tried.highest).toBe(4);
    expect(heard(tried, [T, { type: "writing", revision: 2, changes: [] }]).highest).toBe(4);
  });

  /** Its write was tried, over what stood in the record before. */
  const tried = (before?: Session): Knowledge => {
    const known = heard(nothing(), [T, read(before, T)], [T, changed(signIn)]);
    return heard(known, [T, { type: "writing", revision: 4, changes: known.changes }]);
  };
  const certain = { type: "unpersisted", isCertain: true } as const;

  it("is alone again once it is certain that its write has not arrived [P2 P16]", () => {
    expect(beginningAlone(heard(tried(), [T, unpersisted]))).toBeUndefined();
    expect(beginningAlone(heard(tried(), [T, certain]))?.session).toBe(b);
    expect(beginningAlone(heard(tried(), [T, read(b, T)], [T, certain]))).toBeUndefined();
  });

  it("may still arrive as long as a look shows what stood before it [P2 P4]", () => {
    const nowhere = heard(tried(), [T, unpersisted], [T, read(undefined, T)]);
    expect(beginningAlone(nowhere)).toBeUndefined();
    const over = heard(tried(a), [T, unpersisted], [T, read(a, T)]);
    expect(beginningAlone(over)).toBeUndefined();
    // Its compare-and-set fails on what others have written since.
    const late = heard(over, [T, read({ ...a, revision: a.revision + 1 }, T)]);
    expect(beginningAlone(late)?.session).toBe(b);
  });

  it("that moves on in memory is served, and is written as it has become [P7]", () => {
    const known = heard(nothing(), [T, changed(signIn)], [T, unpersisted]);
    const moved = heard(known, [T, { type: "moved", session: { ...b, generation: 2 } }]);
    expect(moved.session?.generation).toBe(2);
    // What was written meanwhile was an earlier state of it.
    const done = heard(moved, [T, written(b, known.changes)]);
    expect(done.changes).toHaveLength(1);
    expect(heard(known, [T, { type: "moved", session: a }]).session?.generation).toBe(1);
  });
});

describe("a sign-out", () => {
  it("serves nothing from then on, and takes away what waits of those sessions [P4 P19]", () => {
    const known = heard(
      knownOf(withIntent(a), T),
      [T, changed(conclude("a", granted("new", T, intent(T))))],
      [T, changed(signIn)],
      [T, changed(end(["a", "b"], T))],
    );
    expect(known.changes.map(({ type }) => type)).toEqual(["end"]);
    expect(served(known)).toBeUndefined();
    expect([...known.ended].toSorted()).toEqual(["a", "b"]);
  });

  it("takes away nothing of other sessions [P19 P20]", () => {
    const known = heard(
      knownOf(withIntent(a), T),
      [T, changed(conclude("a", granted("new", T, intent(T))))],
      [T, changed(signIn)],
      [T, changed(end(["x"], T))],
    );
    expect(known.changes.map(({ type }) => type)).toEqual(["conclude", "begin", "end"]);
  });

  it("is known though the store has never answered [P16 P4]", () => {
    expect(heard(nothing(), [T, changed(end([], T))]).isKnown).toBe(true);
  });
});

describe("what has been written is settled, and nothing else", () => {
  const conclusion = conclude("a", granted("new", T, intent(T)));
  const base = knownOf(withIntent(a), T);

  it("while another change has come [F40 P19 P20]", () => {
    const known = heard(base, [T, changed(conclusion)]);
    const done = heard(known, [T, changed(signIn)], [T, written(next(4), known.changes)]);
    expect(done.changes.map(({ type }) => type)).toEqual(["begin"]);
  });

  it("though a failure has marked it meanwhile [P7 P19]", () => {
    const known = heard(base, [T, changed(conclusion)], [T, changed(signIn)]);
    const trying: News = { type: "writing", revision: 9, changes: known.changes };
    const done = heard(known, [T, trying], [T, unpersisted], [T, written(b, known.changes)]);
    expect(done.changes).toEqual([]);
  });

  it("but not a sign-in that has taken the place of another one [F40 P19]", () => {
    const known = heard(base, [T, changed(signIn)]);
    const other = begin(named("c"), T);
    const done = heard(known, [T, changed(other)], [T, written(b, known.changes)]);
    expect(done.changes).toEqual([other]);
  });

  it("but not a second sign-out [F46 P19]", () => {
    const known = heard(base, [T, changed(end(["a"], T))]);
    const second = end(["a"], T + 1);
    const done = heard(
      known,
      [T + 1, changed(second)],
      [T + 2, written(tombstone("a", T), known.changes)],
    );
    expect(done.changes).toEqual([second]);
  });

  it("where the record says it all already [P19]", () => {
    const known = heard(base, [T, changed(conclusion)], [T, unpersisted]);
    const done = heard(known, [T, { type: "settled", changes: known.changes }]);
    expect(done).toMatchObject({ changes: [], retries: 0 });
    expect(done.found).toBe(known.found);
  });
});

describe("an exchange", () => {
  const over = (outcome: "granted" | "refused" | "trouble", more: object = {}): News => ({
    type: "ended",
    outcome,
    sessionId: "a",
    status: 503,
    isOffline: false,
    jitter: 0.5,
    ...more,
  });

  it("is unsent from its beginning to its first request [P8]", () => {
    const begun = heard(
      knownOf(a, T),
      [T, { type: "unsent", attemptId: "mine" }],
      [T, { type: "refreshing", causedBy: undefined }],
    );
    expect(begun.unsent).toEqual({ ids: new Set(["mine"]), earlier: undefined });
    expect(begun.endpoints.size).toBe(0);
    expect(heard(begun, [T, { type: "unsent", attemptId: undefined }]).unsent).toBeUndefined();
  });

  it("is counted for the endpoint that has asked for it [P13]", () => {
    const known = heard(knownOf(a, T), [T, { type: "refreshing", causedBy: "x" }]);
    expect(known.endpoints.get("x")?.began).toEqual([at(T).running]);
  });

  it.each(["refused", "trouble"] as const)("leaves how it ended: %s [F56]", (outcome) => {
    const known = heard(knownOf(a, T), [T, over(outcome)]);
    expect(known.outcome).toEqual({
      type: outcome,
      sessionId: "a",
      status: 503,
      at: at(T).running,
    });
    expect(known.rest).toBeUndefined();
    expect(heard(known, [T, over("granted", { accessToken: "mine" })])).toMatchObject({
      outcome: undefined,
      gotHere: "mine",
    });
  });

  it("without a network rests in memory alone, longer each time, until that is there [F55 F12]", () => {
    const once = heard(knownOf(a, T), [T, over("trouble", { isOffline: true })]);
    expect(once.rest).toEqual({ until: at(T).running + 500, tries: 1 });
    const twice = heard(once, [T, over("trouble", { isOffline: true })]);
    expect(twice.rest).toEqual({ until: at(T).running + 1_000, tries: 2 });
    expect(heard(twice, [T, { type: "woke" }]).rest).toBeUndefined();
    expect(heard(twice, [T, over("granted")]).rest).toBeUndefined();
  });
});

describe("a 401", () => {
  it("of another session is nobody's here [F103 P12]", () => {
    const known = knownOf(a, T);
    expect(heard(known, [T, rejected({ sessionId: "x" })]).endpoints).toBe(known.endpoints);
    expect(heard(nothing(), [T, rejected()]).endpoints.size).toBe(0);
  });

  it("of its own generation is judged by how long that has been known [P13 F42]", () => {
    const own = next(4, { causedBy: "x", renewedAt: T });
    const paused = (known: Knowledge): boolean => known.endpoints.get("x")?.pause !== undefined;
    const seen = heard(knownOf(a, T), [T, read(own, T)]);
    expect(paused(heard(seen, [T + 59_999, rejected({ generation: 4 })]))).toBe(true);
    expect(paused(heard(seen, [T + 60_000, rejected({ generation: 4 })]))).toBe(false);
    expect(paused(heard(seen, [T + 1, rejected({ generation: 4, endpoint: "y" })]))).toBe(false);
    // For the first record that is read the wall clock counts, unless it lies in the future.
    expect(paused(heard(knownOf(own, T + MINUTE), [T + MINUTE, rejected({ generation: 4 })]))).toBe(
      false,
    );
    expect(paused(heard(knownOf(own, T + 30_000), [T + 30_000, rejected({ generation: 4 })]))).toBe(
      true,
    );
    const ahead = { ...own, renewedAt: T + MINUTE };
    expect(paused(heard(knownOf(ahead, T), [T + 30_000, rejected({ generation: 4 })]))).toBe(false);
  });

  it("brings along what a proxy saw that endpoint let through [P13]", () => {
    const own = next(4, { causedBy: "x" });
    const known = heard(knownOf(a, T), [T, read(own, T)]);
    const healed = heard(known, [T + 1, rejected({ generation: 4, passed: 4 })]);
    expect(healed.endpoints.get("x")).toMatchObject({ passed: 4, rejected: { mayRefresh: true } });
    expect(healed.endpoints.get("x")?.pause).toBeUndefined();
  });

  it("is answered by a success of the same session [P13]", () => {
    const known = heard(knownOf(a, T), [T, rejected()]);
    const pass = { type: "passed", generation: 3, endpoint: "x" } as const;
    const healed = heard(known, [T, { ...pass, sessionId: "a" }]);
    expect(healed.endpoints.get("x")).toMatchObject({ passed: 3, rejected: undefined });
    expect(heard(known, [T, { ...pass, sessionId: "b" }]).endpoints).toBe(known.endpoints);
  });

  it("is forgotten two generations later [P13]", () => {
    const known = heard(knownOf(a, T), [T, rejected()], [T + 1, read(next(4), T)]);
    expect(known.endpoints.has("x")).toBe(true);
    expect(heard(known, [T + 2, read(next(5), T)]).endpoints.has("x")).toBe(false);
  });
});

describe("what others say", () => {
  it("of an attempt's lock is noted [F57]", () => {
    const known = heard(knownOf(a, T), [T, { type: "probed", attemptId: "m", isAlive: false }]);
    expect(known.life).toEqual({ id: "m", isAlive: false });
  });

  it("is silence or a claim, until it is hushed [P2]", () => {
    const known = heard(
      knownOf(a, T),
      [T, { type: "asked", attemptId: "m" }],
      [T, { type: "claimed", sessionId: "a" }],
    );
    expect(known).toMatchObject({ askedId: "m", isClaimed: true });
    expect(heard(known, [T, { type: "hushed" }])).toMatchObject({
      askedId: undefined,
      isClaimed: false,
    });
  });

  it("is no claim where it names another session [P2 F103]", () => {
    const known = heard(knownOf(a, T), [T, { type: "claimed", sessionId: "b" }]);
    expect(known.isClaimed).toBe(false);
  });
});

describe("that a sign-in is needed", () => {
  const told = ({ told: all }: Knowledge): string[] => [...all];
  const refused = named("a", { refused: true, revision: 8 });

  it("is told once, however often it is met [P9]", () => {
    const known = heard(knownOf(a, T), [T, read(refused, T)]);
    expect(told(known)).toEqual(["a"]);
    const again = heard(
      known,
      [T, rejected()],
      [T, { type: "helpless" }],
      [T, read({ ...refused, revision: 9 }, T)],
    );
    expect(told(again)).toEqual(["a"]);
  });

  it("is not told at a static token's 401 before a look: somebody may have adopted a newer one [P9]", () => {
    expect(told(heard(knownOf(a, T, { renewal: undefined }), [T, rejected()]))).toEqual([]);
  });

  it("is not told at a 401 of what can be renewed [P9]", () => {
    expect(told(heard(knownOf(a, T), [T, rejected()]))).toEqual([]);
  });

  it("is told when a caller is told so, and of no session that is none [P9]", () => {
    const known = knownOf(a, T);
    expect(told(heard(known, [T, { type: "helpless" }]))).toEqual(["a"]);
    expect(told(heard(nothing(), [T, { type: "helpless" }]))).toEqual([]);
  });

  it("is told of each session [P9]", () => {
    const known = heard(knownOf(refused, T), [T, read({ ...b, refused: true }, T)]);
    expect(told(known)).toEqual(["a", "b"]);
  });

  it("is what a page may show [P9 P16]", () => {
    expect(needsSignIn(nothing(), END)).toBe(false);
    expect(needsSignIn(knownOf(a, T), END)).toBe(false);
    expect(needsSignIn(knownOf(refused, T), END - 1)).toBe(false);
    expect(needsSignIn(knownOf(refused, T), END)).toBe(true);
    expect(needsSignIn(heard(knownOf(refused, T), [T, rejected()]), T)).toBe(true);
    const fixed = knownOf(a, T, { renewal: undefined });
    expect(needsSignIn(fixed, T)).toBe(false);
    expect(needsSignIn(heard(fixed, [T, rejected()]), T)).toBe(true);
    const minted = named("a", { tokenSet: { accessToken: "access-a", expiresAt: END } });
    const renewal = { ...none, needsRefreshToken: false };
    expect(needsSignIn(knownOf(minted, T, { renewal }), END)).toBe(false);
  });

  it("is not what a paused endpoint says, though the refresh token is refused [P9 F42]", () => {
    const own = next(4, { causedBy: "x" });
    const known = heard(
      knownOf(a, T),
      [T, read(own, T)],
      [T + 1, rejected({ generation: 4 })],
      [T + 2, read({ ...own, refused: true, revision: 20 }, T)],
    );
    expect(known.endpoints.get("x")?.pause).toBeDefined();
    expect(needsSignIn(known, T + 2)).toBe(false);
  });
});

describe("news", () => {
  it("that say nothing leave what is known as it is [P3]", () => {
    const known = knownOf(a, T);
    expect(heard(known, [T, { type: "started", sessionId: "a" }])).toBe(known);
  });

  it("never change what was known before [P3]", () => {
    const known = heard(knownOf(withIntent(a), T), [T, changed(signIn)]);
    const before = structuredClone({ ...known, setting: undefined });
    heard(
      known,
      [T, rejected()],
      [T, changed(end(["a", "b"], T))],
      [T, unpersisted],
      [T, read(next(4), T)],
      [T, written(b, known.changes)],
    );
    expect({ ...known, setting: undefined }).toEqual(before);
  });
});

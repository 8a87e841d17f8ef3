/** What the endpoints of a session have said of its tokens, and what a 401 is worth by it. */
import { describe, expect, it } from "vitest";
import {
  afterBeginning,
  afterCommit,
  afterPass,
  afterRejection,
  causeOf,
  type Endpoints,
  hasRejected,
  isHeldBack,
  isInQuestion,
  isRejected,
  isSurelyOver as isOver,
  noEndpoints,
  OTHERS,
} from "../../../src/refresh/endpoints.ts";
import { HOUR, MINUTE, SECOND } from "./known-sessions.ts";

type Step = (endpoints: Endpoints) => Endpoints;

const told = (...steps: readonly Step[]): Endpoints =>
  steps.reduce((endpoints, step) => step(endpoints), noEndpoints);

interface Rejecting {
  /** How old the generation is; an hour by default. */
  readonly age?: number;
  readonly isOwn?: boolean;
}

/** `isUntried`: it is sure that no endpoint has let the generation through. */
const isSurelyOver = (
  known: Endpoints,
  generation: number,
  at: number,
  isUntried = false,
): boolean => isOver(known, { generation, at, isUntried });

const rejects =
  (
    endpoint: string,
    generation: number,
    at: number,
    { age = HOUR, isOwn = false }: Rejecting = {},
  ): Step =>
  (endpoints) =>
    afterRejection(endpoints, { endpoint, generation, at, age, isOwn });

const passes =
  (endpoint: string, generation: number, at: number): Step =>
  (endpoints) =>
    afterPass(endpoints, endpoint, { generation, at });

const begins =
  (endpoint: string, at: number): Step =>
  (endpoints) =>
    afterBeginning(endpoints, endpoint, at);

const commits =
  (generation: number, at: number): Step =>
  (endpoints) =>
    afterCommit(endpoints, generation, at);

/** Rejects its own new generation at once: a pause begins at that moment. */
const refuses = (endpoint: string, generation: number, at: number): Step =>
  rejects(endpoint, generation, at, { age: SECOND, isOwn: true });

const isHeldBackAt = (
  endpoints: Endpoints,
  endpoint: string,
  generation: number,
  at: number,
): boolean => isHeldBack(endpoints, { endpoint, generation, at });

/** Whether one more of the same 401 is held back. */
const isPausedAt = (
  endpoints: Endpoints,
  endpoint: string,
  generation: number,
  at: number,
): boolean => isHeldBackAt(rejects(endpoint, generation, at)(endpoints), endpoint, generation, at);

describe("a 401", () => {
  it("asks for a refresh of its own generation, and for no other [P12]", () => {
    const known = told(rejects("a", 3, 0));
    expect(causeOf(known, 3, 1)).toBe("a");
    expect(causeOf(known, 2, 1)).toBeUndefined();
    expect(causeOf(known, 4, 1)).toBeUndefined();
    expect(isRejected(known, 3)).toBe(true);
    expect(isRejected(known, 4)).toBe(false);
    expect(hasRejected(known, { endpoint: "a", generation: 3 })).toBe(true);
    expect(hasRejected(known, { endpoint: "b", generation: 3 })).toBe(false);
    expect(isPausedAt(known, "a", 3, 1)).toBe(false);
  });

  it("of an older generation changes nothing that is known of a newer one [P12]", () => {
    const known = told(rejects("a", 3, 0));
    expect(
      afterRejection(known, { endpoint: "a", generation: 2, at: 1, age: 0, isOwn: false }),
    ).toBe(known);
  });

  it("is put in question by nothing else [P13]", () => {
    expect(isInQuestion(noEndpoints)).toBe(false);
    expect(isInQuestion(told(passes("a", 3, 0), begins("b", 0)))).toBe(false);
    expect(isInQuestion(told(rejects("a", 3, 0)))).toBe(true);
    expect(isInQuestion(told(rejects("a", 3, 0), passes("a", 3, 1)))).toBe(false);
  });
});

describe("an endpoint that heals", () => {
  it("asks for refreshes whenever its token ends early, as often as that is [F43 P13]", () => {
    let known = noEndpoints;
    for (let generation = 1; generation < 200; generation++) {
      const at = generation * 70 * SECOND;
      const early = rejects("a", generation, at, { age: 69 * SECOND, isOwn: true });
      const next = generation + 1;
      for (const step of [early, begins("a", at), commits(next, at), passes("a", next, at)])
        known = step(known);
      expect(isPausedAt(known, "a", next, at)).toBe(false);
    }
  });

  it("asks for one though its token ends within a minute, if it had let it through [F43]", () => {
    const known = told(passes("a", 3, 0), rejects("a", 3, 1, { age: SECOND, isOwn: true }));
    expect(causeOf(known, 3, 2)).toBe("a");
  });

  it("ends its pause by a generation newer than the last that it rejected [F42 P13]", () => {
    const known = told(refuses("a", 4, 0), passes("a", 5, SECOND));
    expect(isPausedAt(known, "a", 4, SECOND)).toBe(false);
    expect(isInQuestion(known)).toBe(false);
  });

  it("ends its pause by the very generation that it rejected last [F42 P13]", () => {
    const known = told(refuses("a", 4, 0), passes("a", 4, SECOND));
    expect(isPausedAt(known, "a", 4, SECOND)).toBe(false);
    expect(isRejected(known, 4)).toBe(false);
  });

  it("does not end it by what came before that [F42 P13]", () => {
    const known = told(refuses("a", 4, 0), passes("a", 3, SECOND));
    expect(isPausedAt(known, "a", 4, SECOND)).toBe(true);
    expect(hasRejected(known, { endpoint: "a", generation: 4 })).toBe(true);
  });

  it("ends nobody else's pause [F42 P13]", () => {
    const known = told(refuses("a", 4, 0), passes("b", 4, SECOND));
    expect(isPausedAt(known, "a", 4, SECOND)).toBe(true);
    expect(isPausedAt(known, "b", 4, SECOND)).toBe(false);
  });

  it("begins with a short pause again, when it does not heal later [F42]", () => {
    const known = told(
      refuses("a", 4, 0),
      refuses("a", 5, MINUTE),
      passes("a", 5, 2 * MINUTE),
      refuses("a", 6, HOUR),
    );
    expect(isPausedAt(known, "a", 6, HOUR + MINUTE - 1)).toBe(true);
    expect(isPausedAt(known, "a", 6, HOUR + MINUTE)).toBe(false);
  });
});

describe("an endpoint is unhealable", () => {
  it("that rejects its own generation within a minute of its commit [F42 P13]", () => {
    const known = told(rejects("a", 4, 0, { age: MINUTE - 1, isOwn: true }));
    expect(isPausedAt(known, "a", 4, 0)).toBe(true);
    expect(causeOf(known, 4, 0)).toBeUndefined();
    // Its 401 says nothing about the token.
    expect(isRejected(known, 4)).toBe(false);
  });

  it("not by rejecting its own generation a minute after its commit [F43 P13]", () => {
    expect(causeOf(told(rejects("a", 4, 0, { age: MINUTE, isOwn: true })), 4, 0)).toBe("a");
  });

  it("not by rejecting somebody else's generation at once [F42 P13]", () => {
    expect(causeOf(told(rejects("a", 4, 0, { age: 1 })), 4, 0)).toBe("a");
  });

  it("that rejects two successive generations soon after their commit, and lets neither through [F42 P13]", () => {
    const soon = told(
      rejects("a", 3, 0),
      commits(4, 1),
      rejects("a", 4, MINUTE, { age: MINUTE - 1 }),
    );
    expect(isPausedAt(soon, "a", 4, MINUTE)).toBe(true);
    const late = told(rejects("a", 3, 0), commits(4, 1), rejects("a", 4, HOUR, { age: MINUTE }));
    expect(isPausedAt(late, "a", 4, HOUR)).toBe(false);
  });

  it("not by two that are not successive [F42 F43]", () => {
    const known = told(rejects("a", 3, 0), commits(4, 1), rejects("a", 5, HOUR));
    expect(isPausedAt(known, "a", 5, HOUR)).toBe(false);
  });

  it("not by two of which it had let one through [F43 P13]", () => {
    const first = told(passes("a", 3, 0), rejects("a", 3, 1), commits(4, 2), rejects("a", 4, HOUR));
    expect(isPausedAt(first, "a", 4, HOUR)).toBe(false);
    const second = told(
      rejects("a", 3, 1),
      commits(4, 2),
      passes("a", 4, 3),
      rejects("a", 4, HOUR),
    );
    expect(isPausedAt(second, "a", 4, HOUR)).toBe(false);
  });

  it("that began more than ten refreshes in ten minutes, though it heals [P13]", () => {
    const began = (times: number, first: number): Step[] =>
      Array.from({ length: times }, (_, time) => begins("a", first + time));
    const atMost = told(...began(10, 0), rejects("a", 4, MINUTE));
    expect(causeOf(atMost, 4, MINUTE)).toBe("a");
    const tooMany = told(...began(11, 0), passes("a", 4, 20), rejects("a", 4, MINUTE));
    expect(isPausedAt(tooMany, "a", 4, MINUTE)).toBe(true);
    // They lie ten minutes back.
    const longAgo = told(...began(11, 0), rejects("a", 4, 10 * MINUTE + 1));
    expect(causeOf(longAgo, 4, 10 * MINUTE + 1)).toBe("a");
  });
});

describe("a pause", () => {
  it("doubles from a minute to an hour [F42 P13]", () => {
    let known = noEndpoints;
    let now = 0;
    const lengths: number[] = [];
    for (let generation = 4; generation < 13; generation++) {
      known = refuses("a", generation, now)(known);
      let minutes = 0;
      while (minutes < 100 && isPausedAt(known, "a", generation, now)) {
        now += MINUTE;
        minutes += 1;
      }
      expect(isPausedAt(known, "a", generation, now - 1)).toBe(true);
      lengths.push(minutes);
      known = commits(generation + 1, now)(known);
    }
    expect(lengths).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  it("is not made longer by more of the same 401 [F42]", () => {
    const known = told(
      refuses("a", 4, 0),
      refuses("a", 4, 30 * SECOND),
      refuses("a", 5, 40 * SECOND),
    );
    expect(isPausedAt(known, "a", 5, MINUTE - 1)).toBe(true);
    expect(isPausedAt(known, "a", 5, MINUTE)).toBe(false);
  });

  it("holds back only its own endpoint [F42 P13]", () => {
    const known = told(refuses("a", 4, 0), rejects("b", 4, 1));
    expect(causeOf(known, 4, 1)).toBe("b");
    expect(isPausedAt(known, "b", 4, 1)).toBe(false);
    expect(isRejected(known, 4)).toBe(true);
  });

  it("holds back every generation [F42]", () => {
    expect(isPausedAt(told(refuses("a", 4, 0)), "a", 9, 1)).toBe(true);
  });

  it("that is over asks for nothing by itself, but its endpoint's next 401 does [F42 P13]", () => {
    const known = told(refuses("a", 4, 0));
    expect(causeOf(known, 4, MINUTE)).toBeUndefined();
    expect(isHeldBackAt(known, "a", 4, MINUTE)).toBe(true);
    expect(causeOf(rejects("a", 4, MINUTE)(known), 4, MINUTE)).toBe("a");
  });

  it("makes a 401 that asked before it began ask no more [F42]", () => {
    const began = Array.from({ length: 11 }, (_, time) => begins("a", time));
    const known = told(rejects("a", 4, 0), ...began, rejects("a", 5, MINUTE));
    expect(causeOf(known, 5, MINUTE)).toBeUndefined();
  });

  it("of one whose 401 is an hour old is remembered, and later forgotten [F42]", () => {
    const known = told(refuses("a", 4, 0));
    const kept = commits(9, MINUTE + HOUR - 1)(known);
    expect(isPausedAt(refuses("a", 9, 61 * MINUTE)(kept), "a", 9, 62 * MINUTE + 59_999)).toBe(true);
    expect(commits(9, MINUTE + HOUR)(known).size).toBe(0);
  });
});

describe("what other clients reject", () => {
  it("asks for a refresh, however often, if that is a minute after the commit [F43 P13]", () => {
    const known = told(
      rejects(OTHERS, 3, 0),
      commits(4, 1),
      rejects(OTHERS, 4, 2, { age: MINUTE }),
    );
    expect(causeOf(known, 4, 2)).toBe(OTHERS);
  });

  it("is held back within a minute of the commit, if the one before was rejected too [F42 P13]", () => {
    const known = told(
      rejects(OTHERS, 3, 0),
      commits(4, 1),
      rejects(OTHERS, 4, 2, { age: MINUTE - 1 }),
    );
    expect(isPausedAt(known, OTHERS, 4, 2)).toBe(true);
  });

  it("is held back within a minute of the commit that it has brought about [F42 P13]", () => {
    expect(isPausedAt(told(refuses(OTHERS, 4, 0)), OTHERS, 4, 0)).toBe(true);
  });
});

describe("beyond 256 unhealable endpoints", () => {
  const bad = (count: number): Endpoints =>
    told(...Array.from({ length: count }, (_, one) => refuses(`bad-${one}`, 4, 0)));

  it("each of them is remembered [P13 F42]", () => {
    const known = bad(256);
    for (let one = 0; one < 256; one++) expect(isHeldBackAt(known, `bad-${one}`, 4, 1)).toBe(true);
  });

  it("one more may ask, below that [P13]", () => {
    const known = told(() => bad(255), begins("new", 1), rejects("new", 4, 2));
    expect(causeOf(known, 4, 2)).toBe("new");
  });

  it("strangers ask for one refresh a minute, all together [P13]", () => {
    const first = told(() => bad(256), rejects("x", 4, 1));
    expect(causeOf(first, 4, 1)).toBe("*");
    const begun = told(() => first, begins("*", 2), commits(5, 3), rejects("y", 5, 4));
    expect(causeOf(begun, 5, 4)).toBeUndefined();
    expect(isHeldBackAt(begun, "z", 5, 4)).toBe(true);
    const later = rejects("z", 5, 2 + MINUTE)(begun);
    expect(causeOf(later, 5, 2 + MINUTE)).toBe("*");
  });

  it("strangers get no pause, so that they are not held back for an hour [P13]", () => {
    let known = bad(256);
    for (let generation = 5; generation < 12; generation++) {
      const at = generation * MINUTE;
      for (const step of [refuses("x", generation, at), begins("*", at)]) known = step(known);
      expect(isHeldBackAt(known, "x", generation, at)).toBe(false);
      known = commits(generation + 1, at)(known);
    }
  });

  it("those that are known already are judged as before [P13]", () => {
    const known = told(rejects("good", 3, 0), () => bad(256), passes("x", 4, 1));
    const before = told(passes("good", 4, 0), (all) => new Map([...all, ...bad(256)]));
    expect(causeOf(rejects("good", 4, 2)(before), 4, 2)).toBe("good");
    expect(isHeldBackAt(known, "bad-7", 4, 2)).toBe(true);
  });

  it("what was not needed for longest is forgotten, but no pause is [P13]", () => {
    const known = told(
      () => bad(255),
      ...Array.from({ length: 600 }, (_, one) => passes(`good-${one}`, 4, one)),
    );
    expect(known.size).toBe(768);
    expect(known.has("good-0")).toBe(false);
    expect(known.has("good-599")).toBe(true);
    expect(isHeldBackAt(known, "bad-0", 4, 1)).toBe(true);
  });
});

describe("after a commit", () => {
  it("what let the old generation through is forgotten, what rejected it is not [P13]", () => {
    const known = told(passes("good", 3, 0), rejects("bad", 3, 1), commits(4, 2));
    expect([...known.keys()]).toEqual(["bad"]);
  });

  it("what rejected one before that is forgotten [P13]", () => {
    expect(told(rejects("bad", 3, 0), commits(5, 1)).size).toBe(0);
  });

  it("who has asked lately is known, for ten minutes [P13]", () => {
    const known = told(begins("a", 0));
    expect(commits(9, 10 * MINUTE - 1)(known).size).toBe(1);
    expect(commits(9, 10 * MINUTE)(known).size).toBe(0);
  });
});

describe("a 401 is surely the token's end", () => {
  it("where its endpoint had let this very generation through [P2 F43]", () => {
    expect(isSurelyOver(told(passes("a", 3, 0), rejects("a", 3, 1)), 3, 1)).toBe(true);
  });

  it("not where it had let only an earlier one through [P2]", () => {
    expect(isSurelyOver(told(passes("a", 2, 0), rejects("a", 3, 1)), 3, 1)).toBe(false);
  });

  it("not where another endpoint had let it through [P2]", () => {
    expect(isSurelyOver(told(passes("b", 3, 0), rejects("a", 3, 1)), 3, 1)).toBe(false);
  });

  it("where none of all endpoints has let it through, ten seconds after it [P2 P17]", () => {
    const first = told(rejects("a", 3, 1));
    expect(isSurelyOver(first, 3, 10_000, true)).toBe(false);
    expect(isSurelyOver(first, 3, 10_001, true)).toBe(true);
    expect(isSurelyOver(first, 3, HOUR, false)).toBe(false);
  });

  it("at its second time, ten seconds after the first [P2 F43]", () => {
    const first = told(rejects("a", 3, 1));
    expect(isSurelyOver(first, 3, HOUR)).toBe(false);
    expect(isSurelyOver(rejects("a", 3, 10_000)(first), 3, 10_000)).toBe(false);
    const second = rejects("a", 3, 10_001)(first);
    expect(isSurelyOver(second, 3, 10_001)).toBe(true);
    // Once confirmed it stays so.
    expect(isSurelyOver(rejects("a", 3, 10_002)(second), 3, 10_002)).toBe(true);
  });

  it("counted from the first time, not from the last [P2 F43]", () => {
    const known = told(rejects("a", 3, 0), rejects("a", 3, 9_000), rejects("a", 3, 10_000));
    expect(isSurelyOver(known, 3, 10_000)).toBe(true);
  });

  it("not by two endpoints that say so once each [P2]", () => {
    expect(isSurelyOver(told(rejects("a", 3, 0), rejects("b", 3, HOUR)), 3, HOUR)).toBe(false);
  });

  it("not where another has let this generation through since [P2]", () => {
    const known = told(rejects("a", 3, 1), passes("b", 3, 5_000), rejects("a", 3, 11_000));
    expect(isSurelyOver(known, 3, 11_000)).toBe(false);
  });

  it("where another has let it through before that [P2 F43]", () => {
    const known = told(passes("b", 3, 0), rejects("a", 3, 1), rejects("a", 3, 11_000));
    expect(isSurelyOver(known, 3, 11_000)).toBe(true);
  });

  it("where another has let only an earlier one through since, by a late reply [P2 F43]", () => {
    const known = told(
      passes("b", 3, 0),
      rejects("a", 3, 1),
      passes("b", 2, 5_000),
      rejects("a", 3, 11_000),
    );
    expect(isSurelyOver(known, 3, 11_000)).toBe(true);
  });

  it("not while its endpoint is paused [P2 F42]", () => {
    const known = told(refuses("a", 4, 0), rejects("a", 4, 11_000));
    expect(isSurelyOver(known, 4, 11_000)).toBe(false);
  });

  it("of no other generation [P2]", () => {
    const known = told(passes("a", 3, 0), rejects("a", 3, 1));
    expect(isSurelyOver(known, 4, 1)).toBe(false);
    expect(isSurelyOver(known, 2, 1)).toBe(false);
  });
});

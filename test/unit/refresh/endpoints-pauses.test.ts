/** An endpoint that says 401: what its refusals ask for, when it is paused, and how a pause ends. */
import { describe, expect, it } from "vitest";
import {
  afterRejection,
  causeOf,
  hasRejected,
  isInQuestion,
  isRejected,
  noEndpoints,
} from "../../../src/refresh/endpoints.ts";
import { HOUR, MINUTE, SECOND } from "./known-sessions.ts";
import {
  type Step,
  told,
  rejects,
  passes,
  begins,
  commits,
  refuses,
  isHeldBackAt,
  isPausedAt,
} from "./endpoint-steps.ts";

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

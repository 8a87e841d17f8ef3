/** What a 401 is worth by all that endpoints have said: by its own endpoint, by other clients', and by many of them. */
import { describe, expect, it } from "vitest";
import { causeOf, type Endpoints, OTHERS } from "../../../src/refresh/endpoints.ts";
import { HOUR, MINUTE } from "./known-sessions.ts";
import {
  told,
  isSurelyOver,
  rejects,
  passes,
  begins,
  commits,
  refuses,
  isHeldBackAt,
  isPausedAt,
} from "./endpoint-steps.ts";

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
    expect(isSurelyOver(first, 3, 10_001, false)).toBe(false);
  });

  it.each([
    ["by an endpoint that had let it through", told(passes("a", 3, 0), rejects("a", 3, 1))],
    ["at its second time", told(rejects("a", 3, -MINUTE), rejects("a", 3, 1))],
    ["where none has let it through", told(rejects("a", 3, 1))],
  ])("not by what was said a minute ago, %s [P2 P17]", (_, known) => {
    expect(isSurelyOver(known, 3, MINUTE, true)).toBe(true);
    expect(isSurelyOver(known, 3, MINUTE + 1, true)).toBe(false);
    // The same endpoint says it once more.
    expect(isSurelyOver(rejects("a", 3, HOUR)(known), 3, HOUR, true)).toBe(true);
  });

  it("at its second time, ten seconds after the first [P2 F43]", () => {
    const first = told(rejects("a", 3, 1));
    expect(isSurelyOver(first, 3, MINUTE)).toBe(false);
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

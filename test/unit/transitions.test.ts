/** Who may change a session after an attempt: the attempt that holds its record, and nobody else. */
import { describe, expect, it } from "vitest";
import { begun, concluded } from "../../src/refresh/transitions.ts";
import type { Intent, Outcome, Session } from "../../src/types.ts";
import { session, START } from "../support/session.ts";

const refused: Outcome = { type: "refused" };
const trouble: Outcome = { type: "trouble", unprocessed: true };
/** What a grant brought is given beside it. */
const granted: Outcome = { type: "granted", grant: { accessToken: "a4" } };

const begin = (from: Session, attemptId: string): [Session, Intent] => {
  const next = begun(from, undefined, attemptId, START, from.intent?.attemptId);
  return [next, next.intent!];
};

describe("an attempt that was taken over", () => {
  const [first, mine] = begin(session, "mine");
  const [taken, theirs] = begin(first, "theirs");

  it("P8 P9 its refusal says nothing about the session", () => {
    expect(concluded(taken, mine, refused, undefined, START, 0.5)).toBeUndefined();
    expect(concluded(taken, theirs, refused, undefined, START, 0.5)).toMatchObject({
      refused: true,
      revision: taken.revision + 1,
    });
  });

  it("P5 P8 its trouble clears no intent and sets no cool-down", () => {
    expect(concluded(taken, mine, trouble, undefined, START, 0.5)).toBeUndefined();
    expect(concluded(taken, theirs, trouble, undefined, START, 0.5)).toMatchObject({
      intent: undefined,
      coolDown: { tries: 1 },
    });
  });

  it("P2 P8 its grant is kept, because it may be the only token that works", () => {
    const life = { tokenSet: { accessToken: "a4", refreshToken: "r4" }, issuedAt: START };
    const late = concluded(taken, mine, granted, life, START, 0.5)!;
    expect(late).toMatchObject({ generation: 4, attempt: 3, tokenSet: { refreshToken: "r4" } });
    // But not over a later attempt's.
    const newer = concluded(taken, theirs, granted, life, START, 0.5)!;
    expect(concluded(newer, mine, granted, life, START, 0.5)).toBeUndefined();
  });

  it("P2 when the token was first sent is kept, and the order of attempts grows", () => {
    const later = begun(first, undefined, "later", START + 5_000).intent!;
    expect(later).toMatchObject({ startedAt: START, attempt: mine.attempt + 1, repeated: true });
    expect(later.deadline).toBeGreaterThan(mine.deadline);
  });
});

describe("a grant", () => {
  const [first, intent] = begin(session, "mine");

  it("F23 without a refresh token keeps the old one", () => {
    const life = { tokenSet: { accessToken: "a4" }, issuedAt: START };
    expect(concluded(first, intent, granted, life, START, 0.5)!.tokenSet).toMatchObject({
      accessToken: "a4",
      refreshToken: "r3",
    });
  });
});

/** Who may change a session after an attempt: the attempt that holds its record, and nobody else. */
import { describe, expect, it } from "vitest";
import { begun, type Conclusion, concluded } from "../../../src/refresh/transitions.ts";
import type { Intent, Outcome, Session } from "../../../src/types.ts";
import { granted, HOUR, intent, MINUTE, SECOND, session, START } from "./known-sessions.ts";

interface Try {
  readonly isUnsent?: boolean;
  readonly now?: number;
  readonly lock?: string;
  readonly causedBy?: string;
}

function begin(
  from: Session,
  attemptId: string,
  { isUnsent = false, now = START, lock, causedBy }: Try = {},
): { readonly next: Session; readonly by: Intent } {
  const next = begun(from, { attemptId, now, isUnsent, lock, causedBy });
  const by = next.intent;
  if (!by) throw new Error("There is no intent");
  return { next, by };
}

const ending = (
  by: Intent,
  outcome: Conclusion["outcome"],
  more: Partial<Conclusion> = {},
): Conclusion => ({
  intent: by,
  outcome,
  got: undefined,
  now: START + SECOND,
  jitter: 0.5,
  isOffline: false,
  ...more,
});

const refused: Outcome = { type: "refused" };
const trouble: Outcome = { type: "trouble", status: 500 };
const unprocessed: Outcome = { type: "trouble", status: 429, unprocessed: true };

describe("an intent", () => {
  it("says that the token was never sent before, and when the exchange is over [P5]", () => {
    const { next, by } = begin(session, "mine", { lock: "scope", causedBy: "endpoint" });
    expect(by).toMatchObject({
      attemptId: "mine",
      attempt: 3,
      firstSentAt: START,
      deadline: START + 15 * SECOND,
      repeated: false,
      lock: "scope",
      causedBy: "endpoint",
    });
    expect(by.ended).toBeUndefined();
    expect(next).toEqual({ ...session, revision: 8, intent: by });
  });

  it("names the refresh token by a hash that no other session shares [S4]", () => {
    const { by } = begin(session, "mine");
    expect(by.refreshTokenHash).toEqual(expect.any(String));
    expect(by.refreshTokenHash).not.toContain("r3");
    expect(by.refreshTokenHash).toBe(begin({ ...session, generation: 9 }, "x").by.refreshTokenHash);
    expect(by.refreshTokenHash).not.toBe(
      begin({ ...session, sessionId: "t" }, "mine").by.refreshTokenHash,
    );
  });

  it("names none where there is no refresh token [P5]", () => {
    const minted = { ...session, tokenSet: { accessToken: "a3" } };
    expect(begin(minted, "mine").by.refreshTokenHash).toBeUndefined();
  });

  it("that takes over keeps when the token was first sent, and comes after it [P2]", () => {
    const first = begin(session, "mine", { causedBy: "endpoint" });
    const { by } = begin(first.next, "theirs", { now: START + 5 * SECOND });
    expect(by).toMatchObject({
      attempt: 4,
      firstSentAt: START,
      deadline: START + 20 * SECOND,
      repeated: true,
      causedBy: "endpoint",
    });
  });

  it("that takes over an exchange that has ended does not say that it has ended itself [P5]", () => {
    const first = begin(session, "mine");
    const lost = { ...first.next, intent: { ...first.by, ended: true as const } };
    expect(begin(lost, "theirs").by.ended).toBeUndefined();
  });

  it("that takes over its own unsent one repeats nothing [P8]", () => {
    const first = begin(session, "mine");
    expect(begin(first.next, "again", { isUnsent: true }).by).toMatchObject({
      attempt: 4,
      repeated: false,
    });
  });

  it("that takes over its own unsent one is repeated if that was [P2 P5]", () => {
    const repeated = { ...session, intent: intent(START, { repeated: true }) };
    expect(begin(repeated, "again", { isUnsent: true }).by.repeated).toBe(true);
  });

  it("holds no lock that an earlier attempt has held [F57]", () => {
    const first = begin(session, "mine", { lock: "scope" });
    expect(begin(first.next, "theirs").by.lock).toBeUndefined();
  });

  it("comes after the attempt that brought the token set [P8]", () => {
    expect(begin({ ...session, attempt: 41 }, "mine").by.attempt).toBe(42);
  });
});

describe("an attempt that was taken over", () => {
  const { next: first, by: mine } = begin(session, "mine");
  const { next: taken, by: theirs } = begin(first, "theirs");

  it("says nothing about the session by its refusal [P8 P9]", () => {
    expect(concluded(taken, ending(mine, refused))).toBeUndefined();
    expect(concluded(taken, ending(theirs, refused))).toMatchObject({
      refused: true,
      revision: taken.revision + 1,
    });
  });

  it.each([
    ["open", trouble],
    ["unprocessed", unprocessed],
  ])("clears no intent and sets no cool-down by its trouble: %s [P5 P8]", (_, outcome) => {
    expect(concluded(taken, ending(mine, outcome))).toBeUndefined();
    expect(concluded(taken, ending(theirs, outcome))).toMatchObject({ coolDown: { tries: 1 } });
  });

  it("brings a grant that is kept, because it may be the only token that works [P2 P8 P20]", () => {
    const late = concluded(taken, granted("late", START, mine));
    expect(late).toMatchObject({
      generation: 4,
      attempt: 3,
      tokenSet: { refreshToken: "refresh-late" },
    });
    // The other's intent has been about the old token.
    expect(late?.intent).toBeUndefined();
  });

  it("brings a grant that takes no later attempt's place [P6 P8]", () => {
    const newer = concluded(taken, granted("theirs", START, theirs));
    if (!newer) throw new Error("The later grant was not taken");
    expect(concluded(newer, granted("mine", START, mine))).toBeUndefined();
    expect(concluded(newer, granted("theirs", START, theirs))).toBeUndefined();
  });

  it("is outranked by a later grant, where it comes first [P6 P8]", () => {
    const late = concluded(taken, granted("mine", START, mine));
    if (!late) throw new Error("The earlier grant was not taken");
    expect(concluded(late, granted("theirs", START, theirs))).toMatchObject({
      generation: 5,
      attempt: 4,
      tokenSet: { accessToken: "access-theirs" },
    });
  });
});

describe("an attempt whose intent a late grant has cleared", () => {
  const { next: first, by: mine } = begin(session, "mine");
  const { next: taken, by: theirs } = begin(first, "theirs");
  const late = concluded(taken, granted("mine", START, mine));
  if (!late) throw new Error("The late grant was not taken");
  const { next, by } = begin(late, "next");

  it("keeps its number to itself: the next attempt counts on [P8 P20]", () => {
    expect([mine.attempt, theirs.attempt, by.attempt]).toEqual([3, 4, 5]);
  });

  it("brings its grant before the next one's, or not at all [P6 P20]", () => {
    const brought = concluded(next, granted("theirs", START, theirs));
    expect(brought).toMatchObject({ attempt: 4, lastAttempt: 5 });
    const newest = concluded(next, granted("next", START, by));
    expect(newest?.lastAttempt).toBeUndefined();
    if (!brought || !newest) throw new Error("A grant was not taken");
    expect(concluded(newest, granted("theirs", START, theirs))).toBeUndefined();
    expect(concluded(brought, granted("next", START, by))).toMatchObject({ attempt: 5 });
  });
});

describe("a grant", () => {
  const { next, by } = begin(session, "mine", { causedBy: "endpoint" });

  it("makes the next generation, and clears intent, cool-down and refusal [P3 P5 P8]", () => {
    const before = { ...next, coolDown: { until: START, tries: 2 }, refused: true };
    const after = concluded(before, granted("new", START + SECOND, by));
    expect(after).toEqual({
      sessionId: "s",
      startedAt: START,
      generation: 4,
      revision: next.revision + 1,
      attempt: 3,
      issuedAt: START + SECOND,
      refreshAt: START + SECOND + 0.8 * HOUR,
      renewedAt: START + SECOND,
      causedBy: "endpoint",
      material: undefined,
      tokenSet: {
        accessToken: "access-new",
        refreshToken: "refresh-new",
        scope: undefined,
        expiresAt: START + SECOND + HOUR,
      },
    });
  });

  it("without a refresh token, scope or material keeps the old ones [F23]", () => {
    const before = {
      ...next,
      material: { user: 1 },
      tokenSet: { ...next.tokenSet, scope: "read" },
    };
    const got = { tokenSet: { accessToken: "a4" }, issuedAt: START };
    expect(
      concluded(before, ending(by, { type: "granted", grant: got.tokenSet }, { got })),
    ).toMatchObject({
      material: { user: 1 },
      tokenSet: { accessToken: "a4", refreshToken: "r3", scope: "read" },
    });
  });

  it("with all of them takes the new ones [P6]", () => {
    const tokenSet = { accessToken: "a4", refreshToken: "r4", scope: "write" };
    const got = { tokenSet, issuedAt: START, material: { user: 2 } };
    const before = { ...next, material: { user: 1 } };
    expect(
      concluded(before, ending(by, { type: "granted", grant: tokenSet }, { got })),
    ).toMatchObject({
      material: { user: 2 },
      tokenSet,
    });
  });

  it("without a told life has none of the old one's [F17]", () => {
    const got = { tokenSet: { accessToken: "a4" }, issuedAt: START };
    const after = concluded(next, ending(by, { type: "granted", grant: got.tokenSet }, { got }));
    expect(after?.tokenSet.expiresAt).toBeUndefined();
    expect(after?.refreshAt).toBeUndefined();
  });

  it("that cannot be used leaves the outcome open, as trouble does [F70 P2 P17]", () => {
    const unusable: Outcome = { type: "granted", grant: { accessToken: "a b" } };
    expect(concluded(next, ending(by, unusable))).toMatchObject({
      generation: 3,
      intent: { attemptId: "mine", ended: true },
      coolDown: { tries: 1 },
    });
  });
});

describe("a refusal", () => {
  it("ends the refresh token, not the session nor its access token [P9 F36]", () => {
    const { next, by } = begin(session, "mine");
    expect(
      concluded({ ...next, coolDown: { until: START, tries: 4 } }, ending(by, refused)),
    ).toEqual({
      ...session,
      revision: next.revision + 1,
      intent: undefined,
      coolDown: undefined,
      refused: true,
    });
  });
});

describe("an exchange that is not made", () => {
  const unsent = (earlier?: Intent): Conclusion["outcome"] => ({ type: "unsent", earlier });

  it("takes its intent back, and leaves everything else as it is [P10 P21]", () => {
    const { next, by } = begin({ ...session, coolDown: { until: START, tries: 2 } }, "mine");
    expect(concluded(next, ending(by, unsent()))).toEqual({
      ...next,
      revision: next.revision + 1,
      intent: undefined,
    });
  });

  it("leaves what it has taken over, because that one may have been sent [P2 P21]", () => {
    const first = begin(session, "theirs");
    const { next, by } = begin(first.next, "mine");
    expect(concluded(next, ending(by, unsent(first.by)))?.intent).toEqual(first.by);
  });

  it("takes back no other attempt's intent [P8]", () => {
    const { by } = begin(session, "mine");
    const { next } = begin(session, "theirs");
    expect(concluded(next, ending(by, unsent()))).toBeUndefined();
  });
});

describe("trouble", () => {
  const { next, by } = begin(session, "mine");

  it("leaves the outcome open, and sets a cool-down that all share [P17 F14]", () => {
    const after = concluded(next, ending(by, trouble));
    expect(after).toMatchObject({
      generation: 3,
      tokenSet: session.tokenSet,
      revision: next.revision + 1,
      intent: { ...by, ended: true },
      coolDown: { until: START + SECOND + 500, tries: 1 },
    });
  });

  it("that proves that nothing was processed clears the intent in the same write [P5]", () => {
    const after = concluded(next, ending(by, unprocessed));
    expect(after).toMatchObject({ revision: next.revision + 1, coolDown: { tries: 1 } });
    expect(after?.intent).toBeUndefined();
  });

  it("proves nothing of a token that was sent before [P2 P5]", () => {
    const { next: again, by: repeated } = begin(next, "again");
    expect(concluded(again, ending(repeated, unprocessed))).toMatchObject({
      intent: { attemptId: "again", ended: true, repeated: true },
    });
  });

  it("once more rests longer [F14 P18]", () => {
    const before = { ...next, coolDown: { until: START, tries: 3 } };
    expect(concluded(before, ending(by, trouble))?.coolDown).toEqual({
      until: START + SECOND + 4_000,
      tries: 4,
    });
  });

  it("honours what the server says [F14]", () => {
    const outcome: Outcome = { type: "trouble", status: 503, retryAfter: 30 * SECOND };
    expect(concluded(next, ending(by, outcome))?.coolDown?.until).toBe(START + SECOND + 31_500);
  });

  it("without a network leaves the others' cool-down as it is [F55 F12]", () => {
    expect(concluded(next, ending(by, trouble, { isOffline: true }))).toMatchObject({
      intent: { ended: true },
      coolDown: undefined,
    });
    const coolDown = { until: START + MINUTE, tries: 2 };
    expect(
      concluded({ ...next, coolDown }, ending(by, trouble, { isOffline: true }))?.coolDown,
    ).toEqual(coolDown);
  });
});

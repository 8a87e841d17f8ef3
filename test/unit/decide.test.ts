/** What is done in which situation, row by row; every interleaving of them is the model's. */
import { describe, expect, it } from "vitest";
import { decide, type Decision } from "../../src/refresh/decide.ts";
import type { Intent, Renewal, Session, TokenName } from "../../src/types.ts";
import { session as third, START } from "../support/session.ts";

const HOUR = 3_600_000;
const SOFT = START + 0.8 * HOUR;
const HARD = START + HOUR - 30_000;
const END = START + HOUR;

const session: Session = { ...third, refreshAt: SOFT };
const mine: TokenName = { sessionId: "s", generation: 3 };

const strict: Renewal = { rotation: "strict" };
const windowed: Renewal = { rotation: "strict", reuseWindow: 60_000 };
const none: Renewal = { rotation: "none" };

interface Situation {
  readonly session?: Partial<Session> | null;
  readonly renewal?: Renewal | undefined;
  readonly now: number;
  readonly rejected?: TokenName;
  /** How long this context has seen the intent; from its start by default. */
  readonly seen?: number;
  readonly unsent?: string;
  readonly silent?: boolean;
  readonly online?: boolean;
}

function decisionIn({ session: changes, now, ...rest }: Situation): Decision {
  const is = changes === null ? undefined : { ...session, ...changes };
  return decide(
    is,
    rest.rejected,
    "renewal" in rest ? rest.renewal : strict,
    now,
    rest.seen ?? now - (is?.intent?.startedAt ?? now),
    rest.unsent,
    rest.silent ?? false,
    rest.online ?? true,
  );
}

/** An intent that was written at that time. */
const intentAt = (startedAt: number, more: Partial<Intent> = {}): Partial<Session> => ({
  intent: {
    attemptId: "theirs",
    attempt: 3,
    startedAt,
    deadline: startedAt + 15_000,
    repeated: false,
    ...more,
  },
});

type Row = readonly [title: string, situation: Situation, decision: Decision];

function rows(...all: readonly Row[]): void {
  it.each(all)("%s", (_, situation, decision) => {
    expect(decisionIn(situation)).toBe(decision);
  });
}

describe("a token's life", () => {
  rows(
    ["nobody is signed in", { session: null, now: START }, "no_session"],
    ["before the soft time", { now: SOFT - 1 }, "use"],
    ["from the soft time on", { now: SOFT }, "renew"],
    ["before the hard time", { now: HARD - 1 }, "renew"],
    ["from the hard time on", { now: HARD }, "begin"],
    ["F36 past its end", { now: END }, "begin"],
    [
      "past its end, of a life that nobody told",
      {
        session: { tokenSet: { accessToken: "a3", refreshToken: "r3" }, refreshAt: undefined },
        now: END * 2,
      },
      "use",
    ],
    ["F12 without a network, while it is good", { now: HARD, online: false }, "use"],
    ["F12 without a network, past its end", { now: END, online: false }, "wait"],
  );
});

describe("a 401", () => {
  rows(
    ["P12 for this generation", { now: START, rejected: mine }, "begin"],
    ["P12 for an older one", { now: START, rejected: { ...mine, generation: 2 } }, "use"],
    ["P12 for another session", { now: START, rejected: { ...mine, sessionId: "t" } }, "use"],
    [
      "P13 P15 within a minute of the last refresh",
      { session: { renewedAt: START }, now: START + 59_999, rejected: mine },
      "use",
    ],
    [
      "P15 after that minute",
      { session: { renewedAt: START }, now: START + 60_000, rejected: mine },
      "begin",
    ],
    [
      "P15 F16 when the clock was set back behind the last refresh",
      { session: { renewedAt: START + 1 }, now: START, rejected: mine },
      "begin",
    ],
    [
      "P13 F18 after the third strike, within four minutes",
      { session: { renewedAt: START, strikes: 3 }, now: START + 239_999, rejected: mine },
      "use",
    ],
    [
      "P13 F18 after the third strike, later",
      { session: { renewedAt: START, strikes: 3 }, now: START + 240_000, rejected: mine },
      "begin",
    ],
  );
});

describe("what cannot be renewed", () => {
  const lonely = { tokenSet: { accessToken: "a3", expiresAt: END } };
  rows(
    [
      "P9 F36 a refused refresh token, while the access token is good",
      { session: { refused: true }, now: HARD },
      "use",
    ],
    [
      "P9 a refused refresh token, past its end",
      { session: { refused: true }, now: END },
      "sign_in_required",
    ],
    ["no refresh token, past its end", { session: lonely, now: END }, "sign_in_required"],
    [
      "no refresh token where none is needed",
      { session: lonely, now: END, renewal: { ...none, needsRefreshToken: false } },
      "begin",
    ],
    ["a static token, past its end", { now: END, renewal: undefined }, "sign_in_required"],
  );
});

describe("a cool-down", () => {
  const cooling = (ms: number) => ({ coolDown: { until: END + ms, tries: 1 } });
  rows(
    ["P18 F14 past the token's end", { session: cooling(1), now: END }, "wait"],
    ["P18 F14 while it is good", { session: cooling(1), now: HARD }, "use"],
    ["that is over", { session: cooling(0), now: END }, "begin"],
    ["F16 that lies further ahead than any may", { session: cooling(300_001), now: END }, "begin"],
  );
});

describe("somebody's intent, strict rotation", () => {
  const open = intentAt(END);
  const lost = intentAt(END, { lost: true });
  rows(
    ["P1 its exchange is going on", { session: open, now: END + 15_000 }, "wait"],
    ["P1 the same, before the hard time", { session: intentAt(SOFT), now: SOFT + 1 }, "use"],
    ["P1 the same, from the hard time on", { session: intentAt(HARD), now: HARD + 1 }, "wait"],
    [
      "P2 it is lost, and the token is good: an early replay may revoke it",
      { session: intentAt(HARD, { lost: true }), now: HARD + 1 },
      "use",
    ],
    [
      "P2 P7 it is lost, and the token has ended: peers are asked before the last chance",
      { session: lost, now: END + 1 },
      "ask",
    ],
    [
      "P2 it is lost, and nobody claims it",
      { session: lost, now: END + 1, silent: true },
      "recover",
    ],
    [
      "P10 F2 its deadline and the margin have passed",
      { session: open, now: END + 17_001, silent: true },
      "recover",
    ],
    [
      "P10 F16 the clock was set back, and it has been seen for 17 s",
      { session: open, now: START + HOUR, seen: 17_001, silent: true },
      "recover",
    ],
    [
      "P8 it is our own, and no request followed",
      { session: open, now: END, unsent: "theirs" },
      "begin",
    ],
    [
      "P2 the same, but an earlier one was sent",
      { session: intentAt(END, { repeated: true }), now: END, unsent: "theirs", silent: true },
      "recover",
    ],
  );
});

describe("somebody's intent, in a reuse window or without rotation", () => {
  const open = intentAt(END);
  rows(
    [
      "P1 in the window, past the token's end: peers are asked at once",
      { session: open, renewal: windowed, now: END + 1 },
      "ask",
    ],
    [
      "in the window, and nobody is at it",
      { session: open, renewal: windowed, now: END + 1, silent: true },
      "recover",
    ],
    [
      "in the window, while the token is good",
      { session: intentAt(HARD - 9), renewal: windowed, now: HARD - 1 },
      "use-and-ask",
    ],
    [
      "P2 in the window's second half it counts as strict",
      { session: open, renewal: windowed, now: END + 30_000 },
      "ask",
    ],
    [
      "the same, lost, while the token is good",
      { session: intentAt(HARD - 40_000, { lost: true }), renewal: windowed, now: HARD },
      "use",
    ],
    [
      "without rotation, lost",
      { session: intentAt(END, { lost: true }), renewal: none, now: END + 1 },
      "recover",
    ],
    [
      "without rotation, while others are at it",
      { session: open, renewal: none, now: END + 1 },
      "ask",
    ],
  );
});

/** What is done in which situation, row by row; every interleaving of them is the model's. */
import { describe } from "vitest";
import type { Decision } from "../../../src/refresh/decide.ts";
import type { Session } from "../../../src/types.ts";
import { END, HARD, none, SOFT, START } from "./known-sessions.ts";
import { intentAt, rows, serves, waits } from "./decision-row.ts";

const over: Decision = { serves: false, next: "rest", fails: "sign_in_required" };

describe("a token's life", () => {
  const short = { tokenSet: { accessToken: "a3", refreshToken: "r3", expiresAt: START + 120_000 } };
  const seconds = {
    tokenSet: { accessToken: "a3", refreshToken: "r3", expiresAt: START + 3_000 },
    refreshAt: START + 2_400,
  };
  const untold = {
    tokenSet: { accessToken: "a3", refreshToken: "r3" },
    refreshAt: undefined,
  };
  rows(
    [
      "nobody is signed in: callers are told so [P16]",
      { session: null, now: START },
      { serves: false, next: "rest", fails: "no_session" },
    ],
    [
      "before its soft time it is served, and nothing is done [P15]",
      { now: SOFT - 1 },
      serves("rest"),
    ],
    [
      "from its soft time on it is served while it is renewed [P18]",
      { now: SOFT },
      serves("begin"),
    ],
    ["until its hard time it is served [F36]", { now: HARD - 1 }, serves("begin")],
    ["from its hard time on callers wait for the next one [P15]", { now: HARD }, waits("begin")],
    ["past its end it is renewed [P15]", { now: END }, waits("begin")],
    [
      "the leeway of a short life is a tenth of it and a second: still served [P15]",
      { session: { ...short, refreshAt: START }, now: START + 106_999 },
      serves("begin"),
    ],
    [
      "the leeway of a short life is a tenth of it and a second: not served any more [P15]",
      { session: { ...short, refreshAt: START }, now: START + 107_000 },
      waits("begin"),
    ],
    [
      "a life of seconds is renewed before its soft time comes [P15]",
      { session: seconds, now: START + 1_700 },
      waits("begin"),
    ],
    [
      "a life of seconds is served until then [P15]",
      { session: seconds, now: START + 1_699 },
      serves("rest"),
    ],
    [
      "without a soft time nothing is done before its end [P15]",
      { session: { refreshAt: undefined }, now: HARD },
      serves("rest"),
    ],
    [
      "without a soft time it is renewed at its end [P15]",
      { session: { refreshAt: undefined }, now: END },
      waits("begin"),
    ],
    [
      "a life that nobody told has no end [F17 F43]",
      { session: untold, now: END * 2 },
      serves("rest"),
    ],
    [
      "a life that nobody told is renewed by a 401, and served to others meanwhile [F17 F43]",
      { session: untold, now: END, isDemanded: true },
      serves("begin"),
    ],
  );
});

describe("the floor under refreshes that time demands", () => {
  const renewed = { renewedAt: END - 59_999 };
  const short: Partial<Session> = {
    tokenSet: { accessToken: "a3", refreshToken: "r3", expiresAt: START + 100_000 },
    refreshAt: START + 1,
    renewedAt: START,
  };
  rows(
    [
      "within a minute of the commit, by running time, nothing begins [P15]",
      { session: renewed, now: END, generationAge: 59_999 },
      waits("watch"),
    ],
    [
      "a minute after the commit, by running time, it begins [P15]",
      { session: renewed, now: END, generationAge: 60_000 },
      waits("begin"),
    ],
    [
      "while the token is good it is served under the floor, and nothing is done [P15]",
      { session: { renewedAt: SOFT }, now: SOFT + 1, generationAge: 1 },
      serves("rest"),
    ],
    [
      "past the hard time it is served on under the floor, up to its end [P15 F36]",
      { session: { renewedAt: HARD }, now: END - 1, generationAge: 1 },
      serves("rest"),
    ],
    [
      "of a short life it is a tenth: before [P15]",
      { session: short, now: START + 9_999, generationAge: 9_999 },
      serves("rest"),
    ],
    [
      "of a short life it is a tenth: after [P15]",
      { session: short, now: START + 10_000, generationAge: 10_000 },
      serves("begin"),
    ],
    [
      "a commit that lies in the future holds nothing back [P15 F16]",
      { session: { renewedAt: END + 1 }, now: END },
      waits("begin"),
    ],
    [
      "a clock that was set back makes the floor no longer [P15 F16]",
      { session: { renewedAt: END - 1 }, now: END, generationAge: 60_000 },
      waits("begin"),
    ],
    [
      "a clock that was set ahead makes the floor no shorter [P15 F16]",
      { session: { renewedAt: START }, now: END, generationAge: 59_999 },
      waits("watch"),
    ],
    [
      "after a sign-in there is none [P15]",
      { session: { renewedAt: undefined }, now: END, generationAge: 1 },
      waits("begin"),
    ],
  );
});

describe("a 401", () => {
  const isDemanded = true;
  rows(
    [
      "that asks for a refresh begins one, and others are served meanwhile [P12 P13]",
      { now: START, isDemanded },
      serves("begin"),
    ],
    [
      "that is held back changes nothing for others [F42 P13]",
      { now: START, isRejected: true },
      serves("rest"),
    ],
    [
      "less than five seconds after a commit waits [P13]",
      { session: { renewedAt: START }, now: START + 4_999, isDemanded, generationAge: 4_999 },
      serves("watch"),
    ],
    [
      "five seconds after a commit begins a refresh [P13 F43]",
      { session: { renewedAt: START }, now: START + 5_000, isDemanded, generationAge: 5_000 },
      serves("begin"),
    ],
    [
      "five seconds after a commit begins one though time may not yet [P13 P15]",
      { session: { renewedAt: END - 5_000 }, now: END, isDemanded, generationAge: 5_000 },
      waits("begin"),
    ],
    [
      "just after the commit of a token that has ended serves nobody [P13 P15]",
      { session: { renewedAt: END - 1 }, now: END, isDemanded, generationAge: 1 },
      waits("watch"),
    ],
  );
});

describe("what cannot be renewed", () => {
  const lonely = { tokenSet: { accessToken: "a3", expiresAt: END } };
  const refused = { refused: true };
  rows(
    [
      "a refused refresh token is not sent again, and the access token is served [P9 F36]",
      { session: refused, now: HARD },
      serves("rest"),
    ],
    [
      "a refused refresh token serves to the last moment [P9 F36]",
      { session: refused, now: END - 1 },
      serves("rest"),
    ],
    [
      "after a refusal the token's end asks for a sign-in [P9]",
      { session: refused, now: END },
      over,
    ],
    [
      "after a refusal any 401 is the end [P9]",
      { session: refused, now: START, isRejected: true },
      over,
    ],
    [
      "after a refusal a 401 that says nothing of the token ends nothing [P9 F42]",
      { session: refused, now: START, isDemanded: true },
      serves("rest"),
    ],
    [
      "without a refresh token, while it is good [P9]",
      { session: lonely, now: HARD },
      serves("rest"),
    ],
    ["without a refresh token, past its end [P9]", { session: lonely, now: END }, over],
    [
      "a refresh token of no letters is none [F70]",
      {
        session: { tokenSet: { accessToken: "a3", refreshToken: "", expiresAt: END } },
        now: END,
      },
      over,
    ],
    [
      "without a refresh token where none is needed it is renewed [P9]",
      { session: lonely, now: END, renewal: { ...none, needsRefreshToken: false } },
      waits("begin"),
    ],
    ["a static token past its end asks for a sign-in [P9]", { now: END, renewal: undefined }, over],
    [
      "a static token that was rejected goes on being sent [P9]",
      { now: START, renewal: undefined, isRejected: true, isDemanded: true },
      serves("rest"),
    ],
  );
});

describe("what holds a refresh back", () => {
  const cooling = (ms: number): Partial<Session> => ({ coolDown: { until: END + ms, tries: 1 } });
  rows(
    [
      "a cool-down, past the token's end [P18 F14]",
      { session: cooling(1), now: END },
      waits("watch"),
    ],
    [
      "a cool-down, while the token is good [P17 F36]",
      { session: cooling(1), now: END - 1 },
      serves("rest"),
    ],
    [
      "a cool-down, after a 401, while others are served [P18 F14]",
      { session: cooling(0), now: START + 3_599_999, isDemanded: true },
      serves("watch"),
    ],
    ["not a cool-down that is over [P18]", { session: cooling(0), now: END }, waits("begin")],
    ["the longest cool-down [P18]", { session: cooling(300_000), now: END }, waits("watch")],
    [
      "not a cool-down that lies further ahead than any may [F16]",
      { session: cooling(300_001), now: END },
      waits("begin"),
    ],
    ["no network, while the token is good [F12]", { now: HARD, isOnline: false }, serves("rest")],
    [
      "no network, past its end, with nobody there [F12]",
      { now: END, isOnline: false },
      waits("watch"),
    ],
    [
      "not a network that is said to be gone, where a caller waits for a token that has ended [F55]",
      { now: END, isOnline: false, isWanted: true },
      waits("begin"),
    ],
    [
      "not a network that is said to be gone, where a caller waits after a 401 [F55]",
      { now: START, isOnline: false, isWanted: true, isDemanded: true },
      serves("begin"),
    ],
    [
      "no network, after a 401 with nobody there [F12]",
      { now: START, isOnline: false, isDemanded: true },
      serves("watch"),
    ],
    [
      "no network, though a caller waits, while the token is good [F55]",
      { now: END - 1, isOnline: false, isWanted: true },
      serves("rest"),
    ],
    [
      "a rest in memory, even where a caller waits [F55 P18]",
      { now: END, isRested: false, isWanted: true },
      waits("watch"),
    ],
    [
      "nothing that holds the runtime open, even where a caller waits [P10]",
      { now: END, isHeldOpen: false, isWanted: true },
      waits("watch"),
    ],
    [
      "nothing that holds the runtime open, before a replay too [P2]",
      {
        session: intentAt(END - 60_000, { ended: true }),
        now: END,
        isHeldOpen: false,
        wasAsked: true,
      },
      waits("watch"),
    ],
  );
});

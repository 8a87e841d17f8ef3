/** What is done where an intent stands under strict rotation, and with an exchange that is over: its refresh token is spent once. */
import { describe } from "vitest";
import type { Decision } from "../../../src/refresh/decide.ts";
import type { Session } from "../../../src/types.ts";
import { END, HARD, SOFT } from "./known-sessions.ts";
import { intentAt, rows, serves, waits } from "./decision-row.ts";

const stuck: Decision = { serves: true, next: "rest", isStuck: true };

describe("an intent that is going on, strict rotation", () => {
  const open = intentAt(END);
  rows(
    ["it is waited for [P1]", { session: open, now: END + 15_000 }, waits("watch")],
    [
      "it is waited for though peers can be asked [P2]",
      { session: open, now: END + 9_000, canAsk: true },
      waits("watch"),
    ],
    [
      "before the hard time the token is served meanwhile [P1]",
      { session: intentAt(SOFT), now: SOFT + 1 },
      serves("watch"),
    ],
    [
      "from the hard time on callers wait [P1]",
      { session: intentAt(HARD), now: HARD + 1 },
      waits("watch"),
    ],
  );
});

describe("an intent whose outcome nobody knows, strict rotation", () => {
  const lost = (firstSentAt: number): Partial<Session> => intentAt(firstSentAt, { ended: true });
  rows(
    [
      "while the token is good it is served, and nothing is spent [P2]",
      { session: lost(SOFT), now: SOFT + 60_000 },
      stuck,
    ],
    [
      "from the hard time on it is served all the same [P2 F36]",
      { session: lost(SOFT), now: HARD },
      stuck,
    ],
    ["up to its last moment [P2 F36]", { session: lost(SOFT), now: END - 1 }, stuck],
    [
      "a 401 that says little spends nothing [P2]",
      { session: lost(SOFT), now: SOFT + 60_000, isDemanded: true },
      stuck,
    ],
    [
      "a cool-down makes it no less stuck [P2]",
      {
        session: { ...lost(SOFT), coolDown: { until: SOFT + 61_000, tries: 1 } },
        now: SOFT + 60_000,
        isDemanded: true,
      },
      stuck,
    ],
    [
      "at its end peers are asked before the last chance [P2 P7]",
      { session: lost(SOFT), now: END },
      waits("ask"),
    ],
    [
      "at its end, once nobody has claimed it, it is sent again [P2 P10]",
      { session: lost(SOFT), now: END, wasAsked: true },
      waits("recover"),
    ],
    [
      "a 401 that says surely that the token has ended is its end [P2 F43]",
      { session: lost(SOFT), now: SOFT + 60_000, isDemanded: true, isSurelyOver: true },
      waits("ask"),
    ],
    [
      "a 401 that says surely that the token has ended, and nobody claims [P2 F43]",
      {
        session: lost(SOFT),
        now: SOFT + 60_000,
        isDemanded: true,
        isSurelyOver: true,
        wasAsked: true,
      },
      waits("recover"),
    ],
    [
      "what a dead context has sent may be travelling for five seconds: before [P2 F57]",
      { session: lost(END), now: END + 4_999, wasAsked: true },
      waits("watch"),
    ],
    [
      "what a dead context has sent may be travelling for five seconds: after [P2 F57]",
      { session: lost(END), now: END + 5_000, wasAsked: true },
      waits("recover"),
    ],
    [
      "a life that nobody told has no end to wait for [P2 F43]",
      {
        session: {
          ...lost(SOFT),
          tokenSet: { accessToken: "a3", refreshToken: "r3" },
          refreshAt: undefined,
        },
        now: END * 2,
        isDemanded: true,
      },
      stuck,
    ],
  );
});

describe("an exchange is over", () => {
  const open = intentAt(END);
  const deadline = END + 15_000;
  const everywhere = "everywhere";
  rows(
    [
      "17 s after it was seen, by running time: not yet [P10]",
      { session: open, now: END, intentAge: 17_000 },
      waits("watch"),
    ],
    [
      "17 s after it was seen, by running time [P10 F16]",
      { session: open, now: END, intentAge: 17_001 },
      waits("ask"),
    ],
    [
      "17 s after it was seen, whatever its lock says [P10]",
      { session: open, now: END, intentAge: 17_001, isAlive: true },
      waits("ask"),
    ],
    [
      "when its lock is free [F57 P10]",
      { session: open, now: END + 6_000, isAlive: false },
      waits("ask"),
    ],
    [
      "when its lock is free, but a strict token may be travelling [F57 P2]",
      { session: open, now: END + 4_999, isAlive: false },
      waits("watch"),
    ],
    [
      "not while its lock is held [F57 P2]",
      { session: open, now: END + 6_000, isAlive: true, canAsk: true },
      waits("watch"),
    ],
    [
      "by the wall clock, for one that was not seen beginning: not yet [P10]",
      { session: open, now: deadline + 2_000, intentAge: 6_000 },
      waits("watch"),
    ],
    [
      "by the wall clock, for one that was not seen beginning [P10 F2]",
      { session: open, now: deadline + 2_001, intentAge: 6_000 },
      waits("ask"),
    ],
    [
      "not by the wall clock while its lock is held [F57 F60]",
      { session: open, now: deadline + 2_001, intentAge: 6_000, isAlive: true },
      waits("watch"),
    ],
    [
      "not by the wall clock where this context has seen it begin [F60 F16]",
      { session: open, now: deadline + 2_001, intentAge: 6_000, quietAge: 17_000 },
      waits("watch"),
    ],
    [
      "by the wall clock where the last look without it lies too far back [F60 P10]",
      { session: open, now: deadline + 2_001, intentAge: 6_000, quietAge: 17_001 },
      waits("ask"),
    ],
    [
      "by clocks of other machines only five minutes later: not yet [F60 P2]",
      { session: open, now: deadline + 300_000, intentAge: 6_000, shared: everywhere },
      waits("watch"),
    ],
    [
      "by clocks of other machines five minutes later [F60 P10]",
      { session: open, now: deadline + 300_001, intentAge: 6_000, shared: everywhere },
      waits("ask"),
    ],
    [
      "on another machine too, 17 s after it was seen [F60 P10]",
      { session: open, now: END, intentAge: 17_001, shared: everywhere },
      waits("ask"),
    ],
  );
});

/** What is done where an intent stands: whether its refresh token is sent again, and when. */
import { describe } from "vitest";
import type { Decision } from "../../../src/refresh/decide.ts";
import type { Session } from "../../../src/types.ts";
import { END, HARD, none, SOFT, START, windowed } from "./known-sessions.ts";
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
    [
      "it is our own, and no request followed: nothing was spent [P8]",
      { session: open, now: END, isUnsent: true },
      waits("begin"),
    ],
    [
      "it is our own and unsent, but an earlier one was sent: peers are asked [P2]",
      { session: intentAt(END, { repeated: true }), now: END, isUnsent: true },
      waits("ask"),
    ],
    [
      "it is our own and unsent, an earlier one was sent, and nobody claims it [P2]",
      { session: intentAt(END, { repeated: true }), now: END, isUnsent: true, wasAsked: true },
      waits("recover"),
    ],
    [
      "it is our own and unsent, an earlier one was sent, and the token is good [P2]",
      { session: intentAt(SOFT, { repeated: true }), now: SOFT, isUnsent: true },
      stuck,
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
      "our own that was not sent travels nowhere [P2]",
      { session: intentAt(END, { repeated: true }), now: END + 1, isUnsent: true, wasAsked: true },
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

describe("an intent inside a reuse window that is over", () => {
  const lost = (firstSentAt: number): Partial<Session> => intentAt(firstSentAt, { ended: true });
  const renewal = windowed;
  rows(
    [
      "is sent again at once, in the first half [P2]",
      { session: lost(END), renewal, now: END + 1 },
      waits("recover"),
    ],
    [
      "is sent again up to half of the window [P2]",
      { session: lost(END), renewal, now: END + 29_999 },
      waits("recover"),
    ],
    [
      "counts as strict from half of the window on [P2]",
      { session: lost(END), renewal, now: END + 30_000 },
      waits("ask"),
    ],
    [
      "is sent again while the token is good, and that is served [P2 F36]",
      { session: lost(SOFT), renewal, now: SOFT + 29_999 },
      serves("recover"),
    ],
    [
      "in the second half, while the token is good, is stuck [P2]",
      { session: lost(SOFT), renewal, now: SOFT + 30_000 },
      stuck,
    ],
    [
      "is as old as this context's last look without it, where that is more [P2 F16]",
      { session: lost(SOFT), renewal, now: SOFT + 1, quietAge: 30_000 },
      stuck,
    ],
    [
      "is as old as the wall clock says, where that is more [P2 F16]",
      { session: lost(SOFT), renewal, now: SOFT + 30_000, quietAge: 1 },
      stuck,
    ],
    [
      "is as old as it was seen for, where the wall clock was set back [P2 F16]",
      { session: lost(SOFT), renewal, now: SOFT, intentAge: 30_000 },
      stuck,
    ],
    [
      "is closed where the wall clock says that it begins in the future [P2 F16]",
      { session: lost(SOFT), renewal, now: SOFT - 1, isDemanded: true, intentAge: 1 },
      stuck,
    ],
    [
      "is open in spite of such a clock where this context saw it begin [P2 F16]",
      { session: lost(SOFT), renewal, now: SOFT - 1, isDemanded: true, quietAge: 29_999 },
      serves("recover"),
    ],
    [
      "is closed for another machine that did not see it begin [P2 F60]",
      { session: lost(SOFT), renewal, now: SOFT + 1, shared: "everywhere" },
      stuck,
    ],
    [
      "is open for another machine that saw it begin [P2 F60]",
      { session: lost(SOFT), renewal, now: SOFT + 1, shared: "everywhere", quietAge: 29_999 },
      serves("recover"),
    ],
  );
});

describe("an intent inside a reuse window that is going on", () => {
  const open = intentAt(END);
  const renewal = windowed;
  /** Half of it is spent after 15 s, and nearly so after 13. */
  const brief = { rotation: "strict", reuseWindow: 30_000 } as const;
  /** Nearly spent means a tenth of a small window. */
  const tiny = { rotation: "strict", reuseWindow: 10_000 } as const;
  rows(
    [
      "is waited for where nobody can be asked [F45]",
      { session: open, renewal, now: END + 9_000 },
      waits("watch"),
    ],
    [
      "is asked about where somebody can be [F45]",
      { session: open, renewal, now: END + 1, canAsk: true },
      waits("ask"),
    ],
    [
      "is asked about while the token is served [F45]",
      { session: intentAt(SOFT), renewal, now: SOFT + 1, canAsk: true },
      serves("ask"),
    ],
    [
      "is sent again when nobody claims it [F45 P2]",
      { session: open, renewal, now: END + 1, canAsk: true, wasAsked: true },
      waits("recover"),
    ],
    [
      "is not asked about while its lock is held [F57]",
      { session: open, renewal, now: END + 9_000, canAsk: true, isAlive: true },
      waits("watch"),
    ],
    [
      "is sent again at once when its lock is free [F57]",
      { session: open, renewal, now: END + 1, isAlive: false },
      waits("recover"),
    ],
    [
      "is not repeated twice [F45]",
      {
        session: intentAt(END, { repeated: true }),
        renewal,
        now: END + 1,
        canAsk: true,
        wasAsked: true,
      },
      waits("watch"),
    ],
    [
      "is waited for before half of its window is nearly spent [F45]",
      { session: open, renewal: brief, now: END + 12_999 },
      waits("watch"),
    ],
    [
      "is sent again when half of its window is nearly spent [F45 P2]",
      { session: open, renewal: brief, now: END + 13_000 },
      waits("recover"),
    ],
    [
      "is sent again then though its lock is held: the replay is harmless [F45 P2]",
      { session: open, renewal: brief, now: END + 13_000, isAlive: true },
      waits("recover"),
    ],
    [
      "is repeated once though half of its window is nearly spent [F45]",
      { session: intentAt(END, { repeated: true }), renewal: brief, now: END + 13_000 },
      waits("watch"),
    ],
    [
      "is waited for from half of its window on [P2]",
      { session: open, renewal: brief, now: END + 15_000 },
      waits("watch"),
    ],
    [
      "of ten seconds is nearly spent after four: before [F45]",
      { session: open, renewal: tiny, now: END + 3_999 },
      waits("watch"),
    ],
    [
      "of ten seconds is nearly spent after four [F45]",
      { session: open, renewal: tiny, now: END + 4_000 },
      waits("recover"),
    ],
  );
});

describe("an intent without rotation", () => {
  const open = intentAt(END);
  const renewal = none;
  rows(
    [
      "is waited for while it goes on [F45]",
      { session: open, renewal, now: END + 9_000 },
      waits("watch"),
    ],
    [
      "is waited for to its very end [F45]",
      { session: open, renewal, now: END + 17_000 },
      waits("watch"),
    ],
    [
      "is asked about where somebody can be [F45]",
      { session: open, renewal, now: END + 1, canAsk: true },
      waits("ask"),
    ],
    [
      "is sent again when nobody claims it [F45]",
      { session: open, renewal, now: END + 1, wasAsked: true },
      waits("recover"),
    ],
    [
      "is not repeated twice while it goes on [F45]",
      { session: intentAt(END, { repeated: true }), renewal, now: END + 1, wasAsked: true },
      waits("watch"),
    ],
    [
      "is sent again once it is over [P10]",
      { session: open, renewal, now: END + 17_001 },
      waits("recover"),
    ],
    [
      "is sent again at once when its lock is free [F57]",
      { session: open, renewal, now: END + 1, isAlive: false },
      waits("recover"),
    ],
    [
      "is sent again though the token is good, however old it is [P10]",
      { session: intentAt(START, { ended: true }), renewal, now: SOFT },
      serves("recover"),
    ],
    [
      "is waited for by another machine that did not see it begin [F45 F60]",
      { session: open, renewal, now: END + 1, shared: "everywhere" },
      waits("watch"),
    ],
    [
      "is waited for by one whose clock is behind [F45 F16]",
      { session: open, renewal, now: END - 1, isDemanded: true, intentAge: 1 },
      waits("watch"),
    ],
  );
});

/** What is done where an intent stands and its refresh token may be sent again: in a reuse window, and without rotation. */
import { describe } from "vitest";
import type { Decision } from "../../../src/refresh/decide.ts";
import type { Session } from "../../../src/types.ts";
import { END, none, SOFT, START, windowed } from "./known-sessions.ts";
import { intentAt, rows, serves, waits } from "./decision-row.ts";

const stuck: Decision = { serves: true, next: "rest", isStuck: true };

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

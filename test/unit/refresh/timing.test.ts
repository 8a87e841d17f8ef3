/** The durations, and when a session wants looking at. */
import { describe, expect, it } from "vitest";
import {
  AFTER_COMMIT,
  backOff,
  CLAIM,
  EXCHANGE,
  floorOf,
  leewayOf,
  LEAST_EXCHANGE,
  LONGEST_COOL_DOWN,
  MARGIN,
  nextLook,
  STORE,
  TRAVEL,
} from "../../../src/refresh/timing.ts";
import { END, HOUR, intent, MINUTE, SECOND, session, SOFT, START } from "./known-sessions.ts";

describe("durations", () => {
  it.each([
    [HOUR, 30 * SECOND],
    [5 * MINUTE, 30 * SECOND],
    [4 * MINUTE, 25 * SECOND],
    [MINUTE, 7 * SECOND],
    // The server counts whole seconds, and may have begun a second before: half a life is left at least.
    [3 * SECOND, 1.3 * SECOND],
    [SECOND, 0.6 * SECOND],
    [Infinity, 30 * SECOND],
  ])("callers of a token that lives %i ms wait from %i ms before its end on [P15]", (life, ms) => {
    expect(leewayOf(life)).toBe(ms);
  });

  it.each([
    [HOUR, MINUTE],
    [10 * MINUTE, MINUTE],
    [9 * MINUTE, 54 * SECOND],
    [MINUTE, 6 * SECOND],
    [Infinity, MINUTE],
  ])(
    "time refreshes a token that lives %i ms no sooner than %i ms after a commit [P15]",
    (life, ms) => {
      expect(floorOf(life)).toBe(ms);
    },
  );

  it("fit into each other: nobody waits shorter than others hold [F4 F38 P10]", () => {
    const patience = 20 * SECOND;
    expect(EXCHANGE + MARGIN).toBeLessThan(patience);
    expect(LEAST_EXCHANGE).toBeLessThan(EXCHANGE);
    // What a strict token waits for before its last chance ends before its deadline does.
    expect(TRAVEL + CLAIM).toBeLessThan(EXCHANGE);
    expect(STORE).toBeLessThan(EXCHANGE);
    expect(AFTER_COMMIT).toBeLessThan(floorOf(HOUR));
    expect(LONGEST_COOL_DOWN).toBeLessThan(2 ** 31);
  });
});

describe("the next look", () => {
  it("is at the soft time [P18]", () => {
    expect(nextLook(session, START)).toBe(SOFT - START);
  });

  it("is at the token's end, once the soft time has passed [P15]", () => {
    expect(nextLook(session, SOFT)).toBe(END - SOFT);
  });

  it("is at the end of a cool-down, if that comes first [F14]", () => {
    const coolDown = { until: START + MINUTE, tries: 1 };
    expect(nextLook({ ...session, coolDown }, START)).toBe(MINUTE);
  });

  it("is when an intent's deadline and the margin have passed, if that comes first [P10]", () => {
    expect(nextLook({ ...session, intent: intent(START) }, START)).toBe(17 * SECOND);
  });

  it("is never where everything has passed: no loop comes of it [P15]", () => {
    expect(nextLook(session, END)).toBe(Infinity);
    expect(
      nextLook({ ...session, tokenSet: { accessToken: "a3" }, refreshAt: undefined }, START),
    ).toBe(Infinity);
  });
});

describe("a back-off", () => {
  it.each([
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [6, 32_000],
    [7, 60_000],
    [1_100, 60_000],
  ])("after %i tries is at most %i ms, with full jitter [P18 F14]", (tries, most) => {
    expect(backOff(tries, 1)).toBe(most);
    expect(backOff(tries, 0.5)).toBe(most / 2);
    expect(backOff(tries, 0)).toBe(50);
  });

  it("is never shorter than what the server says, and those who wait do not come in step [F14 P18]", () => {
    expect(backOff(1, 0, 10_000)).toBe(10_000);
    expect(backOff(1, 1, 10_000)).toBe(11_000);
    expect(backOff(7, 1, 10_000)).toBe(60_000);
  });

  it("is never longer than five minutes, whatever the server says [P10 F15]", () => {
    expect(backOff(1, 0.5, 10 * HOUR)).toBe(300_000);
    expect(backOff(1, 0.5, Infinity)).toBe(300_000);
  });
});

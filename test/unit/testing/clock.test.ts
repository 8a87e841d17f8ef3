/** `createClock`: time passes when it is told to, and timers fire in their order. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createClock } from "../../../src/testing.ts";

describe("createClock", () => {
  it("stands until it is moved, and fires timers in the order in which they are due", async () => {
    const clock = createClock({ start: 1_000 });
    const fired: string[] = [];
    const note = (name: string) => (): void => void fired.push(`${name} at ${clock.now()}`);
    clock.setTimeout(note("late"), 50);
    clock.setTimeout(note("soon"), 10);
    clock.clearTimeout(clock.setTimeout(note("never"), 5));
    expect(clock.pending()).toEqual([10, 50]);
    await clock.advance(49);
    expect(fired).toEqual(["soon at 1010"]);
    await clock.advance(1);
    expect(fired).toEqual(["soon at 1010", "late at 1050"]);
    expect([clock.now(), clock.running(), clock.pending()]).toEqual([1_050, 50, []]);
  });

  it("a step of the wall clock moves no timer [F16]", async () => {
    const clock = createClock({ start: 0 });
    let fired = false;
    clock.setTimeout(() => (fired = true), 10);
    clock.jump(3_600_000);
    await clock.advance(9);
    expect([fired, clock.now(), clock.running()]).toEqual([false, 3_600_009, 9]);
  });

  it("a timer that is set too far fires at once, as the platforms' do [F15]", async () => {
    const clock = createClock();
    let fired = 0;
    for (const ms of [2 ** 31, Number.NaN, -1]) clock.setTimeout(() => (fired += 1), ms);
    await clock.advance(0);
    expect(fired).toBe(3);
  });

  it("lets time pass until a promise settles, and says when none ever will", async () => {
    const clock = createClock();
    const late = new Promise((resolve) => clock.setTimeout(() => resolve("here"), 86_400_000));
    expect(await clock.until(late)).toBe("here");
    await expect(clock.until(new Promise(() => {}))).rejects.toThrow("no timer is left");
  });

  it("a real wait in the test is waited for by the settle that is given", async () => {
    let settled = 0;
    const clock = createClock({ settle: async () => void settled++ });
    await clock.advance(1);
    expect(settled).toBeGreaterThan(0);
  });

  it("neither goes back nor on for ever by a time that is none", async () => {
    const clock = createClock({ start: 0 });
    const again = (): void => void clock.setTimeout(again, 1_000);
    again();
    for (const ms of [Number.NaN, Infinity, -1])
      await expect(clock.advance(ms)).rejects.toMatchObject({ code: "invalid_option" });
    expect(() => clock.jump(Number.NaN)).toThrow(
      expect.objectContaining({ code: "invalid_option" }),
    );
    expect([clock.now(), clock.running()]).toEqual([0, 0]);
  });

  it("goes on where a test has put fake timers in the place of the platform's", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const clock = createClock();
    const late = new Promise((resolve) => clock.setTimeout(() => resolve("here"), 1_000));
    expect(await clock.until(late)).toBe("here");
  });
});

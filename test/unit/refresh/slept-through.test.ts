/** Time that a context has slept through: what a late timer, and a late answer, are worth. */
import { describe, expect, it } from "vitest";
import { askStore, createKeeper } from "../../../src/refresh/keeper.ts";
import { createLimit } from "../../../src/guard/limit.ts";
import { toRecord } from "../../../src/guard/record.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Clock } from "../../../src/types.ts";
import { type ManualClock, manualClock, settle } from "../../support/clock.ts";
import { SECOND } from "./faulty-parts.ts";
import { named } from "./known-sessions.ts";

/** A context that can sleep: time goes on, and its timers do not. */
function sleeper(): { clock: Clock; manual: ManualClock; sleep(ms: number): void } {
  const manual = manualClock();
  let slept = 0;
  return {
    manual,
    clock: { ...manual, running: () => manual.running() + slept },
    sleep(ms) {
      slept += ms;
    },
  };
}

describe("a limit", () => {
  it("ends when its time is over, with its reason [P10]", async () => {
    const { clock, manual } = sleeper();
    const { signal } = createLimit(clock, 5 * SECOND, { overdue: () => "over" });
    await manual.advance(5 * SECOND - 1);
    expect(signal.aborted).toBe(false);
    await manual.advance(1);
    expect(signal.reason).toBe("over");
  });

  it("that a freeze has made late hears first what has arrived meanwhile, for a second [P10 F7]", async () => {
    const { clock, manual, sleep } = sleeper();
    const { signal } = createLimit(clock, 5 * SECOND);
    sleep(10 * SECOND);
    await manual.advance(5 * SECOND);
    expect(signal.aborted).toBe(false);
    await manual.advance(SECOND - 1);
    expect(signal.aborted).toBe(false);
    await manual.advance(1);
    expect(signal.aborted).toBe(true);
  });

  it("that freezes again before that second is over hears what has arrived all the same [P20 F7]", async () => {
    const { clock, manual, sleep } = sleeper();
    const { signal } = createLimit(clock, 5 * SECOND);
    sleep(10 * SECOND);
    await manual.advance(5 * SECOND);
    sleep(10 * SECOND);
    await manual.advance(SECOND);
    expect(signal.aborted).toBe(false);
    await manual.advance(SECOND);
    expect(signal.aborted).toBe(true);
  });

  it("ends all the same where every timer is late, as in a hidden page [P10 F15]", async () => {
    const { clock, manual, sleep } = sleeper();
    const { signal } = createLimit(clock, 5 * SECOND);
    await manual.advance(4 * SECOND);
    for (let times = 0; times < 4; times++) {
      expect(signal.aborted).toBe(false);
      sleep(60 * SECOND);
      await manual.advance(SECOND);
    }
    expect(signal.aborted).toBe(true);
  });
});

describe("a store's answer", () => {
  const answering = (): { answer: (value: string) => void; ask: () => Promise<string> } => {
    let answer = (_: string): void => {};
    const answered = new Promise<string>((resolve) => (answer = resolve));
    return { answer, ask: () => answered };
  };

  it("is fresh where this context was awake, however long it took [P8]", async () => {
    const { clock, manual } = sleeper();
    const { answer, ask } = answering();
    const got = askStore(clock, ask);
    await manual.advance(4 * SECOND);
    answer("it");
    expect(await got).toEqual({ answer: "it", isFresh: true });
  });

  it("that came while this context slept says so [P8 F7]", async () => {
    const { clock, sleep } = sleeper();
    const { answer, ask } = answering();
    const got = askStore(clock, ask);
    await settle();
    sleep(3 * SECOND);
    answer("it");
    expect(await got).toEqual({ answer: "it", isFresh: false });
  });

  /** A context that sleeps while its store answers, and sees then what it reads. */
  async function sleptOver(isClosed: boolean) {
    const { clock, sleep } = sleeper();
    const { answer, ask } = answering();
    const later = toRecord(named("b"));
    let reads = 0;
    const store = {
      ...memoryStore(),
      read: async () => (reads++ ? later : ask().then(() => undefined)),
    };
    const got = createKeeper(store, "key", { clock, isClosed: () => isClosed }).read();
    await settle();
    sleep(3 * SECOND);
    answer("none");
    return { ...(await got), later, reads, now: clock.running() };
  }

  it("that came while this context slept is no answer: the record is read anew [P4 P16 F58]", async () => {
    const { record, askedAt, later, reads, now } = await sleptOver(false);
    expect(record).toBe(later);
    expect(askedAt).toBe(now);
    expect(reads).toBe(2);
  });

  it("is not asked for anew by a vault that was closed meanwhile [P21 F44]", async () => {
    const { record, reads } = await sleptOver(true);
    expect(record).toBeUndefined();
    expect(reads).toBe(1);
  });
});

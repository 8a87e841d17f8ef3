/** What a context remembers is bounded, however often somebody signs in. */
import { describe, expect, it } from "vitest";
import { createMind } from "../../../src/refresh/mind.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock } from "../../support/clock.ts";
import { session } from "../../support/session.ts";
import { MINUTE } from "./faulty-parts.ts";

describe("a context that signs in again and again", () => {
  it("remembers a bounded number of sessions, and ends the last one all the same [P4]", async () => {
    const clock = manualClock();
    const store = memoryStore();
    const mind = createMind({
      setting: { renewal: undefined, store },
      clock,
      maxStaleness: MINUTE,
      refreshAhead: false,
      world: () => ({ isOnline: true, isHeldOpen: true, canAsk: false, isWanted: false }),
      look() {},
      onNews() {},
    });
    for (let one = 0; one < 1_000; one++) {
      const sessionId = `s-${one}`;
      const change = { type: "begin", session: { ...session, sessionId } } as const;
      const marks = { basis: undefined, madeAt: 0, isFailed: true, mayBeWritten: false };
      mind.learn({ type: "changed", change: { ...change, ...marks } });
      mind.learn({ type: "unpersisted" });
      mind.learn({ type: "helpless" });
      const sessionIds = new Set([sessionId]);
      const at = mind.moment();
      const end = { type: "end", sessionIds, at, mayArrive: undefined, isFailed: false } as const;
      mind.learn({ type: "changed", change: end });
      mind.learn({ type: "settled", changes: mind.known.changes });
    }
    const { met, ended, told } = mind.known;
    for (const names of [met, ended, told]) {
      expect(names.size).toBe(256);
      expect(names.has("s-999")).toBe(true);
    }
    mind.close();
  });
});

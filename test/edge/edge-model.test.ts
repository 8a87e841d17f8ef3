/** The figures that docs/scale.md rests on, from a run of the real code in a model of the edge. */
import { describe, expect, it } from "vitest";
import { type Scenario, simulate } from "./edge-model.ts";

const HOUR = 3_600_000;
const base: Scenario = {
  accounts: 2,
  rate: 0.01,
  places: 5,
  isolates: 4,
  spread: 1,
  kv: true,
  life: 24 * HOUR,
  duration: 24 * HOUR,
};

describe("a day at the edge", () => {
  it("one token call and one alarm per account and life of a token [P1]", async () => {
    const { tokenCalls, alarms, rowsWritten } = await simulate(base);
    expect(tokenCalls).toBe(2);
    expect(alarms).toBe(2);
    // The intent, the new tokens, and the alarms that follow.
    expect(rowsWritten).toBe(2 * 5);
  });

  it("short lives: the alarm alone keeps tokens fresh, nobody calls", async () => {
    const { tokenCalls, requests, objectRequests } = await simulate({
      ...base,
      life: HOUR,
      rate: 1e-9,
    });
    expect({ requests, objectRequests }).toEqual({ requests: 0, objectRequests: 0 });
    // Refreshed at 75 to 80 % of the life: 30 to 32 times a day each.
    expect(tokenCalls).toBeGreaterThanOrEqual(2 * 30);
    expect(tokenCalls).toBeLessThanOrEqual(2 * 33);
  });

  it("an account that is seldom asked for is seldom written to KV", async () => {
    const { kvWrites, requests } = await simulate(base);
    expect(requests).toBeGreaterThan(1_500);
    expect(kvWrites / requests).toBeLessThan(0.02);
  });

  it("a busy account: isolates ask every half minute, KV spares the object, once in minutes it is written", async () => {
    const busy = { ...base, accounts: 1, rate: 50, spread: 5, duration: HOUR / 6 };
    const withKv = await simulate(busy);
    const without = await simulate({ ...busy, kv: false });
    const isolates = 5 * 4;
    expect(without.objectRequests / (isolates * 20)).toBeGreaterThan(0.8);
    expect(without.objectRequests / (isolates * 20)).toBeLessThan(1.2);
    expect(withKv.objectRequests).toBeLessThan(without.objectRequests / 4);
    expect(withKv.kvWrites).toBeLessThanOrEqual(5);
    expect(withKv.warm / withKv.requests).toBeGreaterThan(0.95);
  });

  it("an isolate remembers no more accounts than it may", async () => {
    const crowded = { ...base, accounts: 40, rate: 0.5, places: 1, isolates: 1, duration: 120_000 };
    const roomy = await simulate({ ...crowded, kv: false });
    const tight = await simulate({ ...crowded, kv: false, memory: 10 });
    expect(roomy.warm / roomy.requests).toBeGreaterThan(0.9);
    expect(tight.warm / tight.requests).toBeLessThan(0.5);
    expect(tight.objectRequests).toBeGreaterThan(10 * roomy.objectRequests - 100);
  });
});

/** The figures of docs/scale.md for fleets, from a run of the real code in a model of one. */
import { describe, expect, it } from "vitest";
import { type Scenario, simulate } from "./fleet-model.ts";

const HOUR = 3_600_000;
const base: Scenario = {
  accounts: 3,
  rate: 0.02,
  spread: 8,
  kept: 100,
  channel: true,
  life: 24 * HOUR,
  duration: 24 * HOUR,
};

describe("a day of a fleet", () => {
  it("one token call and two writes for an account and life of a token, however many processes [P1]", async () => {
    const { tokenCalls, writes, requests } = await simulate(base);
    expect(requests).toBeGreaterThan(4_000);
    expect(tokenCalls).toBe(3);
    // The intent, and the new tokens.
    expect(writes).toBe(2 * 3);
  });

  it("without a channel too [P1]", async () => {
    const { tokenCalls, published } = await simulate({ ...base, channel: false });
    expect(published).toBe(0);
    expect(tokenCalls).toBe(3);
  });

  it("an account that one process serves is read every half minute, and served from memory", async () => {
    const busy = { ...base, accounts: 1, rate: 20, spread: 1, duration: HOUR / 6 };
    const { reads, heads, warm, requests } = await simulate(busy);
    expect(warm / requests).toBeGreaterThan(0.95);
    expect((reads + heads) / (600 / 30)).toBeGreaterThan(0.8);
    expect((reads + heads) / (600 / 30)).toBeLessThan(1.3);
  });

  it("an account whose requests go anywhere costs one read each", async () => {
    const scattered = { ...base, spread: 1_000, duration: 4 * HOUR };
    const { reads, heads, requests } = await simulate(scattered);
    expect((reads + heads) / requests).toBeGreaterThan(0.8);
    expect((reads + heads) / requests).toBeLessThan(1.3);
  });

  it("a vault that is opened sends no message: a process tries its connection, once for all [F45]", async () => {
    const crowded = { ...base, accounts: 20, spread: 20, kept: 2, duration: HOUR };
    const { opened, published, trials } = await simulate(crowded);
    expect(opened).toBeGreaterThan(10 * 40);
    expect(published).toBe(0);
    // Forty processes, because the accounts begin one after the other.
    expect(trials).toBeGreaterThan(0);
    expect(trials).toBeLessThanOrEqual(40);
  });

  it("a process keeps no more vaults than it may", async () => {
    const crowded = { ...base, accounts: 20, spread: 20, duration: HOUR };
    const roomy = await simulate(crowded);
    const tight = await simulate({ ...crowded, kept: 2 });
    // Forty processes, because the accounts begin one after the other.
    expect(tight.held).toBeLessThanOrEqual(2 * 40);
    expect(tight.opened).toBeGreaterThan(roomy.opened);
  });
});

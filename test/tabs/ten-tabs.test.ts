/** Ten tabs of one browser, fifty requests each, against a server that punishes every reuse. */
import { describe, expect, it } from "vitest";
import { burstEverywhere, TABS } from "./tab-calls.ts";
import { closeTab } from "./lifeline.ts";
import type { Tally } from "./page-script.ts";
import { HOUR, reaches, setUp, useBrowser } from "./real-tabs.ts";

useBrowser();

const EACH = 50;

const allOk = Array.from({ length: TABS }, () => ({ 200: EACH }));
const resultsOf = (tallies: readonly Tally[]): unknown => tallies.map(({ results }) => results);

describe("ten tabs, fifty requests each, strict rotation", () => {
  it("an expired session: one token call, 500 of 500, no reuse [P1 P2 F1]", async () => {
    const stage = await setUp();
    await stage.openSignedIn(TABS);
    await stage.jump(25 * HOUR);

    const tallies = await burstEverywhere(stage, EACH);

    expect(resultsOf(tallies)).toEqual(allOk);
    expect(stage.api.counters()).toMatchObject({
      tokenCalls: 1,
      refreshed: 1,
      reuseDetections: 0,
      unauthorized: 0,
      maxSendsPerRequestId: 1,
    });
    expect(Object.keys(stage.api.counters().sends)).toHaveLength(TABS * EACH);
  });

  it("all 500 answered 401 first: one token call, each sent twice [P1 P2 P11 P12 F1]", async () => {
    const stage = await setUp();
    const { api } = stage;
    // No time passes for them, because the refresh is held for as long as the last of the 500 takes.
    await stage.openSignedIn(TABS, { still: Date.now() });
    api.expireAccessTokens();
    // Every request has come back with 401 before anybody can have a new token.
    const refresh = api.gate("refresh", "before");

    const bursts = burstEverywhere(stage, EACH);
    await reaches(() => api.counters().unauthorized, TABS * EACH);
    refresh.release();

    expect(resultsOf(await bursts)).toEqual(allOk);
    const { tokenCalls, reuseDetections, unauthorized, sends } = api.counters();
    expect({ tokenCalls, reuseDetections, unauthorized }).toEqual({
      tokenCalls: 1,
      reuseDetections: 0,
      unauthorized: TABS * EACH,
    });
    expect(Object.values(sends)).toEqual(Array.from({ length: TABS * EACH }, () => 2));
  });

  it("without Web Locks and BroadcastChannel the record alone holds them together [P1 P2 F6]", async () => {
    const stage = await setUp();
    await stage.context.addInitScript(() => {
      Object.defineProperty(Navigator.prototype, "locks", { value: undefined });
      Reflect.deleteProperty(window, "BroadcastChannel");
    });
    await stage.openSignedIn(TABS);
    await stage.jump(25 * HOUR);

    expect(resultsOf(await burstEverywhere(stage, EACH))).toEqual(allOk);
    expect(stage.api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("tabs that load into an expired session make one token call [P1 P2]", async () => {
    const stage = await setUp();
    const { api, context } = stage;
    const [first] = await stage.openSignedIn(1);
    await closeTab(first);
    await stage.jump(25 * HOUR);
    const refresh = api.gate("refresh", "before");

    await Promise.all(Array.from({ length: TABS }, () => stage.open()));
    expect(context.pages()).toHaveLength(TABS);
    const bursts = burstEverywhere(stage, EACH);
    await refresh.arrived;
    refresh.release();

    expect(resultsOf(await bursts)).toEqual(allOk);
    expect(api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0, unauthorized: 0 });
  });
});

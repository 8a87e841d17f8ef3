/**
 * The tab that refreshes is closed while the reply is on its way (F39): the server has rotated, and
 * nobody has the new refresh token. What then happens depends on what the server allows.
 */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import type { Gate } from "../apis/gates.ts";
import { fetchOf, resultsOf, TABS } from "./tab-calls.ts";
import type { Config } from "./page-script.ts";
import {
  HOUR,
  reaches,
  releaseToNobody,
  setUp,
  type Stage,
  type StageOptions,
  useBrowser,
} from "./real-tabs.ts";

useBrowser();

interface Scene extends Stage {
  readonly others: readonly Page[];
  readonly gate: Gate;
}

/** Ten tabs; the first is refreshing, its reply is held after the server has rotated. */
async function refreshing(
  { after, ...options }: StageOptions & { after: number },
  config?: Partial<Config>,
): Promise<Scene> {
  const stage = await setUp(options);
  const [first, ...others] = await stage.openSignedIn(TABS, config);
  const gate = stage.api.gate("refresh", "after");
  await stage.jump(after);
  void first.evaluate(() => window.kit.call(() => window.vault.getToken())).catch(() => {});
  await gate.arrived;
  // The first tab is the one that refreshes.
  expect(await eventsOf(first)).toContain("refreshing");
  return { ...stage, others, gate };
}

const eventsOf = (page: Page): Promise<string[]> =>
  page.evaluate(() => window.kit.events.map(({ type }) => type));

const nine = (result: string): string[] => Array.from({ length: TABS - 1 }, () => result);

/** Closes the tab in the middle of its refresh; its reply then goes to nobody. */
async function close(scene: Scene): Promise<void> {
  await scene.context.pages()[0]!.close();
  await releaseToNobody(scene, scene.gate);
}

describe("the refreshing tab is closed in flight", () => {
  it("with a reuse window all nine others live on [F39 P10 P17]", async () => {
    // Their patience ends before the lost attempt's deadline does: it is the window that helps.
    const scene = await refreshing(
      { rotation: "window", reuseWindow: 60_000, after: 25 * HOUR },
      { reuseWindow: 60_000, patience: 12_000 },
    );
    const calls = Promise.all(scene.others.map(fetchOf));
    await close(scene);

    expect(resultsOf(await calls)).toEqual(nine("200"));
    expect(scene.api.counters()).toMatchObject({
      tokenCalls: 2,
      refreshed: 2,
      reuseDetections: 0,
      familiesRevoked: 0,
    });
  });

  it("strict: the access token serves to its end without a replay, then one replay, then all are asked to sign in [F39 F36 P2 P9]", async () => {
    // Past the soft time (75 to 80 % of the life): the token is still good.
    const scene = await refreshing({ after: 20 * HOUR });
    await close(scene);
    // The attempt's deadline passes, which alone is no reason to replay.
    await scene.jump(60_000);
    expect(resultsOf(await Promise.all(scene.others.map(fetchOf)))).toEqual(nine("200"));
    await scene.jump(3 * HOUR);
    expect(resultsOf(await Promise.all(scene.others.map(fetchOf)))).toEqual(nine("200"));
    expect(scene.api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });

    await scene.jump(2 * HOUR);
    expect(resultsOf(await Promise.all(scene.others.map(fetchOf)))).toEqual(
      nine("sign_in_required"),
    );
    // The last chance was taken once, by one tab for all.
    expect(scene.api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 1 });
    for (const page of scene.others) {
      const { status } = await page.evaluate(() => window.vault.snapshot());
      expect(status).toBe("sign-in-required");
    }
    await Promise.all(scene.others.map(fetchOf));
    expect(scene.api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 1 });
  });

  it("strict and expired: nobody hangs, all are asked to sign in within their patience [F39 P10]", async () => {
    // No clock is moved: once the tab's lock shows that it is gone, they wait five seconds for what it
    // may have sent, and one for peers. The default patience of 20 s is enough on an idle machine.
    const scene = await refreshing({ after: 25 * HOUR }, { patience: 60_000 });
    const calls = Promise.all(scene.others.map(fetchOf));
    await close(scene);

    // One whose patience had ended would be told `refresh_failed`.
    expect(resultsOf(await calls)).toEqual(nine("sign_in_required"));
    expect(scene.api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 1 });
  });

  it("strict and expired, little patience: each call settles, the session is kept [P10 P17]", async () => {
    const scene = await refreshing({ after: 25 * HOUR }, { patience: 1_000 });
    const calls = Promise.all(scene.others.map(fetchOf));
    await close(scene);

    expect(resultsOf(await calls)).toEqual(nine("refresh_failed"));
    // They have settled before anybody may send the token again.
    expect(scene.api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    // It is not over before the server has said so: past the attempt's deadline the last chance.
    await scene.jump(20_000);
    await Promise.all(scene.others.map(fetchOf));
    await reaches(() => scene.api.counters().reuseDetections, 1);
    expect(scene.api.counters().tokenCalls).toBe(2);
  });

  it("a tab that is only reloaded while it refreshes is no different [F39 P6]", async () => {
    const scene = await refreshing(
      { rotation: "window", reuseWindow: 60_000, after: 25 * HOUR },
      { reuseWindow: 60_000 },
    );
    const [first] = scene.context.pages();
    await first!.reload();
    await releaseToNobody(scene, scene.gate);

    expect((await fetchOf(first!)).result).toBe("200");
    expect(resultsOf(await Promise.all(scene.others.map(fetchOf)))).toEqual(nine("200"));
    expect(scene.api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 0 });
  });
});

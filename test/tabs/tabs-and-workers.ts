/** What the tests of vaults in workers do to tabs and workers. */
import type { CDPSession, Page } from "playwright";
import { describe, expect, it, onTestFinished } from "vitest";
import { all, fetchAll, fetchOf, TABS } from "./tab-calls.ts";
import { closeTab, hold, lifeline } from "./lifeline.ts";
import type { Config } from "./page-script.ts";
import { HOUR, setUp, type Stage, type StageOptions } from "./real-tabs.ts";

export interface Scene extends Stage {
  readonly first: Page;
  readonly others: readonly Page[];
  /** Moves the clocks of all tabs and of the worker on. */
  jumpAll(ms: number): Promise<void>;
}

/** Ten tabs around one shared worker, signed in; `after` that much time. */
export async function around(
  { after = 25 * HOUR, ...options }: StageOptions & { after?: number } = {},
  config: Partial<Config> = {},
): Promise<Scene> {
  const stage = await setUp(options);
  const [first, ...others] = await stage.openSignedIn(TABS, {
    owner: { kind: "shared" },
    ...config,
  });
  let ahead = 0;
  const scene: Scene = {
    ...stage,
    first,
    others,
    async jumpAll(ms) {
      ahead += ms;
      await stage.jump(ms);
      await jumpWorker(others[0]!, ahead);
    },
  };
  if (after) await scene.jumpAll(after);
  return scene;
}

/** Says to the worker how far its clock is ahead. */
export async function jumpWorker(hand: Page, ahead: number): Promise<void> {
  await hand.evaluate((ahead) => window.tellWorker({ type: "jump", ahead }, "jumped"), ahead);
}

/** Holds the worker, or the server, where a refresh has come to `phase`. */
export async function holdAt(
  { api, others: [hand] }: Scene,
  phase: string,
): Promise<{ arrived: Promise<void>; release: () => Promise<void> }> {
  if (phase.startsWith("server ")) {
    const gate = api.gate("refresh", phase === "server asked" ? "before" : "after");
    return { arrived: gate.arrived, release: async () => gate.release() };
  }
  await hand!.evaluate((phase) => window.tellWorker({ type: "arm", phase }, "armed"), phase);
  return {
    arrived: hand!.evaluate(() => window.workerHeld),
    async release() {
      await hand!.evaluate((phase) => window.tellWorker({ type: "release", phase }), phase);
    },
  };
}

interface Target {
  readonly targetId: string;
  readonly type: string;
  readonly url: string;
  readonly browserContextId?: string;
}

/** What tells one test's workers from another's: an address that stands in theirs. */
type Place = Pick<Stage, "context" | "url">;

/** The workers of this test's tabs, as the DevTools protocol sees them. */
export async function workersOf(
  stage: Place,
  type: "shared_worker" | "service_worker",
): Promise<{ targets: Target[]; session: CDPSession }> {
  const session = await stage.context.browser()!.newBrowserCDPSession();
  onTestFinished(() => session.detach().catch(() => {}));
  const { targetInfos } = (await session.send("Target.getTargets", {
    filter: [{}],
  } as never)) as unknown as { targetInfos: Target[] };
  const mine = encodeURIComponent(stage.url);
  return {
    session,
    targets: targetInfos.filter((one) => one.type === type && one.url.includes(mine)),
  };
}

/**
 * Ends the one worker there is, as a crash would, and waits until it is dead: the server has seen the
 * close of a connection that the worker held. The browser's list is no proof. A shared worker leaves it
 * before it ends, and a service worker stands on it again as soon as it is started for those who wait.
 */
export async function killWorker(
  stage: Place,
  type: "shared_worker" | "service_worker",
): Promise<void> {
  const { targets, session } = await workersOf(stage, type);
  expect(targets).toHaveLength(1);
  const { targetId, url } = targets[0]!;
  const { sessionId } = await session.send("Target.attachToTarget", { targetId });
  const isGone = await lifeline(url, async (address) => {
    const expression = `void (${hold})("${address}")`;
    const message = JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } });
    await session.send("Target.sendMessageToTarget", { sessionId, message });
  });
  // The next worker would wait for a debugger of this one.
  await session.send("Target.detachFromTarget", { sessionId });
  await session.send("Target.closeTarget", { targetId });
  await isGone();
  if (type === "service_worker") return;
  // Pages would be given a shared worker that is still listed.
  const isListed = async (): Promise<boolean> =>
    (await workersOf(stage, type)).targets.some((one) => one.targetId === targetId);
  const message = "the browser lists the dead worker";
  await expect.poll(isListed, { timeout: 30_000, interval: 20, message }).toBe(false);
}

/** Where a refresh may be when the tab that asked for it goes: in its worker, or on the server. */
const phases = [
  "read",
  "intent unwritten",
  "intent written",
  "fence",
  "fence answered",
  "server asked",
  "server answered",
  "headers",
  "reply read",
  "commit unwritten",
  "commit written",
] as const;

/** The tab that asked is closed at each phase of the refresh that it asked for (F39). */
export function closedTab(at: readonly (typeof phases)[number][] = phases): void {
  describe("the tab that asked is closed", () => {
    it.each(at)("at phase '%s': nine of nine alive, one token call [F39 P1 P2]", async (phase) => {
      const scene = await around();
      const { api, first, others } = scene;
      const held = await holdAt(scene, phase);
      void fetchOf(first).catch(() => {});
      await held.arrived;
      const calls = fetchAll(others);

      await closeTab(first);
      await held.release();

      expect(await calls).toEqual(all(others, "200"));
      expect(await fetchAll(others)).toEqual(all(others, "200"));
      expect(api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, reuseDetections: 0 });
    });
  });
}

/** All tabs go while a refresh is in flight, for good or for a moment: the owner outlives them (F39). */
export function allTabsClosed(config: Partial<Config>): void {
  describe("all tabs are closed in flight", () => {
    it.each(["before", "after"] as const)(
      "with the server's gate %s it has rotated: one opened again is alive [F39 P1 P2]",
      async (when) => {
        const stage = await setUp();
        const { api } = stage;
        const pages = await stage.openSignedIn(TABS, config);
        api.expireAccessTokens();
        const gate = api.gate("refresh", when);
        const calls = pages.map((page) => fetchOf(page).catch(() => {}));
        await gate.arrived;
        await Promise.all(pages.map(closeTab));
        await Promise.all(calls);
        gate.release();
        const again = await stage.open(config);
        expect(await fetchOf(again)).toMatchObject({ result: "200" });
        expect(await again.evaluate(() => window.vault.snapshot().generation)).toBe(2);
        expect(api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, reuseDetections: 0 });
      },
    );

    it("the only tab is reloaded: alive [F39 P1 P2]", async () => {
      const stage = await setUp();
      const { api } = stage;
      const [page] = await stage.openSignedIn(1, config);
      api.expireAccessTokens();
      const gate = api.gate("refresh", "after");
      void fetchOf(page).catch(() => {});
      await gate.arrived;
      await page.reload();
      gate.release();
      expect(await fetchOf(page)).toMatchObject({ result: "200" });
      expect(api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, reuseDetections: 0 });
    });
  });
}

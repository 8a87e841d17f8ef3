/** A shared worker runs the vault: what becomes of the tabs when one of them, or the worker, goes. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import type { Config, Ended } from "./page.ts";
import { HOUR, setUp, type Stage, type StageOptions, useBrowser } from "./stage.ts";

useBrowser(["worker-script"]);

const TABS = 10;
const shared: Partial<Config> = { owner: { kind: "shared" } };

const fetchOf = (page: Page): Promise<Ended> =>
  page.evaluate(() => window.kit.call(() => window.vault.fetch(`${window.kit.api}/v1/me`)));

const resultsOf = (ends: readonly Ended[]): string[] => ends.map(({ result }) => result);

interface Scene extends Stage {
  readonly first: Page;
  readonly others: readonly Page[];
  readonly hand: Page;
}

/** Ten tabs around one worker, signed in, and then past the access token's end. */
async function expired(options: StageOptions = {}): Promise<Scene> {
  const stage = await setUp(options);
  const [first, ...others] = await stage.openSignedIn(TABS, shared);
  await stage.jump(25 * HOUR);
  const hand = others[0]!;
  await hand.evaluate((ahead) => window.tellWorker({ type: "jump", ahead }, "jumped"), 25 * HOUR);
  return { ...stage, first, others, hand };
}

/** Holds the worker, or the server, where a refresh has come to `phase`. */
async function holdAt(
  { api, hand }: Scene,
  phase: string,
): Promise<{ arrived: Promise<void>; release: () => Promise<void> }> {
  if (phase.startsWith("server ")) {
    const gate = api.gate("refresh", phase === "server asked" ? "before" : "after");
    return { arrived: gate.arrived, release: async () => gate.release() };
  }
  await hand.evaluate((phase) => window.tellWorker({ type: "arm", phase }, "armed"), phase);
  return {
    arrived: hand.evaluate(() => window.workerHeld),
    release: () => hand.evaluate((phase) => window.tellWorker({ type: "release", phase }), phase),
  };
}

describe("the tab that asked is closed", () => {
  it.each([
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
  ])("F39 P1 P2 at phase '%s': nine of nine alive, one token call", async (phase) => {
    const scene = await expired();
    const { api, first, others } = scene;
    const held = await holdAt(scene, phase);
    void fetchOf(first).catch(() => {});
    await held.arrived;
    const calls = Promise.all(others.map(fetchOf));

    await first.close();
    await held.release();

    expect(resultsOf(await calls)).toEqual(others.map(() => "200"));
    // And all go on: with the new token, and with the one after that.
    expect(resultsOf(await Promise.all(others.map(fetchOf)))).toEqual(others.map(() => "200"));
    expect(api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, reuseDetections: 0 });
  });
});

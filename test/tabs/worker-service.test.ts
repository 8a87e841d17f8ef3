/** A service worker runs the vault: it outlives all tabs, and ends whenever the browser likes. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { all, fetchAll, fetchOf, TABS } from "./tab-calls.ts";
import { closeTab } from "./lifeline.ts";
import type { Config } from "./page-script.ts";
import {
  hasStatus,
  releaseToNobody,
  setUp,
  type Stage,
  type StageOptions,
  useBrowser,
} from "./real-tabs.ts";
import { allTabsClosed, killWorker } from "./tabs-and-workers.ts";

useBrowser(["worker-script"]);

const service: Partial<Config> = { owner: { kind: "service" } };

/** Ten tabs around one service worker, signed in, and then answered 401. */
async function rejected(
  options: StageOptions = {},
  config: Partial<Config> = {},
): Promise<Stage & { pages: [Page, ...Page[]] }> {
  const stage = await setUp(options);
  const pages = await stage.openSignedIn(TABS, { ...service, ...config });
  stage.api.expireAccessTokens();
  return { ...stage, pages };
}

describe("the tab that asked is closed", () => {
  it("with the reply on its way: nine of nine alive, one token call [F39 P1 P2]", async () => {
    const { api, pages } = await rejected();
    const [first, ...others] = pages;
    const gate = api.gate("refresh", "after");
    void fetchOf(first).catch(() => {});
    await gate.arrived;
    const calls = fetchAll(others);
    await closeTab(first);
    gate.release();
    expect(await calls).toEqual(all(others, "200"));
    expect(api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, reuseDetections: 0 });
  });
});

allTabsClosed(service);

describe("the service worker is killed", () => {
  it("at rest: it starts again when it is needed, and idle tabs hear of what it does [P4]", async () => {
    const stage = await setUp();
    const pages = await stage.openSignedIn(3, service);
    for (let n = 0; n < 2; n++) {
      await killWorker(stage, "service_worker");
      expect(await fetchAll(pages)).toEqual(all(pages, "200"));
    }
    await killWorker(stage, "service_worker");
    await pages[0].evaluate(() => window.vault.signOut());
    await Promise.all(pages.map((page) => hasStatus(page, "signed-out")));
    expect(stage.api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
  });

  it("in flight, with a reuse window: no reuse, all alive [F39 P2 P10]", async () => {
    const stage = await rejected(
      { rotation: "window", reuseWindow: 60_000 },
      { reuseWindow: 60_000 },
    );
    const { api, pages } = stage;
    const gate = api.gate("refresh", "after");
    const calls = fetchAll(pages);
    await gate.arrived;
    await killWorker(stage, "service_worker");
    await releaseToNobody(stage, gate);
    expect(await calls).toEqual(all(pages, "200"));
    expect(api.counters()).toMatchObject({ tokenCalls: 2, refreshed: 2, reuseDetections: 0 });
  });

  it("in flight, strict: nobody hangs, one last chance for all [F39 P2 P10]", async () => {
    const stage = await rejected({}, { patience: 60_000 });
    const { api, pages } = stage;
    const gate = api.gate("refresh", "after");
    const calls = fetchAll(pages);
    await gate.arrived;
    await killWorker(stage, "service_worker");
    await releaseToNobody(stage, gate);
    // One whose patience had ended would be told `refresh_failed`.
    expect(await calls).toEqual(all(pages, "sign_in_required"));
    expect(api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 1 });
  });
});

describe("the service worker is updated", () => {
  it("while a refresh is in flight: the old one ends it, the tabs go over [P1 P2 P4]", async () => {
    const stage = await rejected();
    const { api, pages } = stage;
    const gate = api.gate("refresh", "after");
    const calls = fetchAll(pages);
    await gate.arrived;
    // Another script, which skips waiting: the old worker is on its way out.
    await pages[0].evaluate(async (api) => {
      const config = encodeURIComponent(JSON.stringify({ api }));
      await navigator.serviceWorker.register(`/worker-script.js?config=${config}&version=2`, {
        type: "module",
      });
    }, stage.url);
    gate.release();
    expect(await calls).toEqual(all(pages, "200"));
    expect(api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, reuseDetections: 0 });
    await pages[1]!.evaluate(() => window.vault.signOut());
    await Promise.all(pages.map((page) => hasStatus(page, "signed-out")));
  });
});

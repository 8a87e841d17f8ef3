/** A shared worker runs the vault: what becomes of the tabs when one of them, or the worker, goes. */
import { describe, expect, it } from "vitest";
import { all, burstEverywhere, fetchAll, fetchOf, TABS } from "./tab-calls.ts";
import { credentials, hasStatus, HOUR, releaseToNobody, setUp, useBrowser } from "./real-tabs.ts";
import { allTabsClosed, around, closedTab, killWorker, workersOf } from "./tabs-and-workers.ts";

useBrowser(["worker-script"]);

const EACH = 50;

closedTab();
// Chromium's own: elsewhere a shared worker ends with its last tab.
allTabsClosed({ owner: { kind: "shared", extended: true } });

describe("ten tabs, fifty requests each, one worker", () => {
  it.each(["by time", "by 401"])("expired %s: one token call [P1 P2 P11 P12 F1]", async (how) => {
    const scene = await around({ after: how === "by time" ? 25 * HOUR : 0 });
    const { api } = scene;
    expect((await workersOf(scene, "shared_worker")).targets).toHaveLength(1);
    if (how === "by 401") api.expireAccessTokens();
    const refresh = api.gate("refresh", "before");

    const bursts = burstEverywhere(scene, EACH);
    // With one engine for all, the first 401 that it hears of holds back whatever was not sent yet.
    await refresh.arrived;
    refresh.release();

    expect((await bursts).map(({ results }) => results)).toEqual(
      Array.from({ length: TABS }, () => ({ 200: EACH })),
    );
    expect(api.counters()).toMatchObject({
      tokenCalls: 1,
      reuseDetections: 0,
      maxSendsPerRequestId: how === "by time" ? 1 : 2,
    });
    expect(Object.keys(api.counters().sends)).toHaveLength(TABS * EACH);
    const { sends, unauthorized } = api.counters();
    expect(unauthorized > 0).toBe(how === "by 401");
    // Each 401 was healed by one more send, and nothing else was sent again.
    const sent = Object.values(sends).reduce((sum, times) => sum + times, 0);
    expect(sent).toBe(TABS * EACH + unauthorized);
  });
});

describe("a strict content security policy", () => {
  it.each(["shared", "service"] as const)(
    "leaves a %s worker and its pages alone: no blob, no eval, nothing from elsewhere",
    async (kind) => {
      const stage = await setUp();
      const policy = `default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self' ${stage.url}`;
      await stage.context.addInitScript(() => {
        const violations: string[] = [];
        Object.assign(window, { violations });
        addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
          violations.push(`${violatedDirective} ${blockedURI}`),
        );
      });
      const [page] = await stage.openSignedIn(1, { policy, owner: { kind } });
      stage.api.expireAccessTokens();
      expect(await fetchOf(page)).toMatchObject({ result: "200" });
      // The policy is in force.
      const image = "https://elsewhere.test/x.png";
      await page.evaluate((src) => {
        document.body.append(Object.assign(new Image(), { src }));
      }, image);
      await expect
        .poll(() => page.evaluate(() => (window as unknown as { violations: string[] }).violations))
        .toEqual([`img-src ${image}`]);
    },
  );
});

describe("the worker is killed", () => {
  it("at rest: it is started again, and all go on [P4 P10]", async () => {
    const scene = await around({ after: 0 });
    await killWorker(scene, "shared_worker");
    expect(await fetchAll([scene.first, ...scene.others])).toEqual(
      all([scene.first, ...scene.others], "200"),
    );
    expect((await workersOf(scene, "shared_worker")).targets).toHaveLength(1);
    expect(scene.api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
    // What one does then, the others hear.
    await scene.first.evaluate(() => window.vault.signOut());
    await Promise.all(scene.others.map((page) => hasStatus(page, "signed-out")));
  });

  it("in flight, with a reuse window: asked again, no reuse, all alive [F39 P2 P10]", async () => {
    const scene = await around(
      { rotation: "window", reuseWindow: 60_000 },
      { reuseWindow: 60_000 },
    );
    const { api, first, others } = scene;
    const gate = api.gate("refresh", "after");
    const calls = fetchAll([first, ...others]);
    await gate.arrived;

    await killWorker(scene, "shared_worker");
    await releaseToNobody(scene, gate);

    expect(await calls).toEqual(all([first, ...others], "200"));
    expect(api.counters()).toMatchObject({ tokenCalls: 2, refreshed: 2, reuseDetections: 0 });
  });

  it("in flight, strict, the access token still good: it serves on, no replay [F39 P2 P10]", async () => {
    const scene = await around({ after: 20 * HOUR });
    const { api, first, others } = scene;
    const gate = api.gate("refresh", "after");
    void fetchOf(first);
    await gate.arrived;

    await killWorker(scene, "shared_worker");
    await releaseToNobody(scene, gate);

    expect(await fetchAll([first, ...others])).toEqual(all([first, ...others], "200"));
    expect(api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("in flight, strict and expired: nobody hangs, one last chance for all [F39 P2 P10]", async () => {
    const scene = await around({}, { patience: 60_000 });
    const { api, first, others } = scene;
    const gate = api.gate("refresh", "after");
    const calls = fetchAll([first, ...others]);
    await gate.arrived;

    await killWorker(scene, "shared_worker");
    await releaseToNobody(scene, gate);

    // One whose patience had ended would be told `refresh_failed`.
    expect(await calls).toEqual(all([first, ...others], "sign_in_required"));
    expect(api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 1 });
  });

  it("during a sign-in: it rejects, and the password is not sent again [P10 S4]", async () => {
    const stage = await setUp();
    const page = await stage.open({ owner: { kind: "shared" } });
    const gate = stage.api.gate("token", "before");
    const call = page.evaluate(
      (given) => window.kit.call(() => window.vault.signIn(given)),
      credentials,
    );
    await gate.arrived;
    await killWorker(stage, "shared_worker");
    await releaseToNobody(stage, gate, "token");
    expect(await call).toMatchObject({ result: "sign_in_failed" });
    expect(stage.api.counters().byPath["POST /api/v1/auth/token"]).toBe(1);
  });
});

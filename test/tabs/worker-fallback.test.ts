/** Where the worker cannot be had, the page runs the vault itself; the record holds all together. */
import { describe, expect, it } from "vitest";
import { all, fetchAll, fetchOf, signIn } from "./tab-calls.ts";
import {
  credentials,
  hasStatus,
  HOUR,
  reaches,
  releaseToNobody,
  setUp,
  type Stage,
  useBrowser,
} from "./real-tabs.ts";
import type { Owner } from "./worker-page.ts";
import { holdAt, killWorker, around } from "./tabs-and-workers.ts";

useBrowser(["worker-script", "worker-mute-or-newer"]);

const shared: Owner = { kind: "shared", timeout: 1_000 };

/** Takes shared workers from the pages that are opened from now on. */
const withoutWorkers = ({ context }: Stage): Promise<unknown> =>
  context.addInitScript(() => {
    Object.assign(window, {
      SharedWorker: () => {
        throw new DOMException("Denied", "SecurityError");
      },
    });
  });

describe.each<[string, Partial<Owner>]>([
  ["whose script is missing", { script: "/nowhere.js" }],
  ["whose script is no script", { script: "/" }],
  ["that never answers", { strange: "silent" }],
  ["of a newer version", { strange: "newer" }],
  ["that refuses this version", { strange: "refusing" }],
  ["that talks nonsense", { strange: "nonsense" }],
  ["of somebody else's", { strange: "text" }],
])("a worker %s", (_, owner) => {
  it("with a fallback the page runs the vault, and its session is everybody's [P10 S10]", async () => {
    const stage = await setUp();
    const page = await stage.open({ owner: { ...shared, ...owner, fallback: true } });
    expect(await signIn(page)).toMatchObject({ result: "ok" });
    expect(await page.evaluate(() => window.vault.snapshot().status)).toBe("signed-in");
    expect(await fetchOf(page)).toMatchObject({ result: "200" });
    const other = await stage.open({ owner: { kind: "shared" } });
    await hasStatus(other, "signed-in");
    expect(await fetchOf(other)).toMatchObject({ result: "200" });
  });

  it("without one, every call rejects with a typed error, and the status says so [P10]", async () => {
    const stage = await setUp();
    const page = await stage.open({ owner: { ...shared, ...owner } });
    for (const ended of [await signIn(page), await fetchOf(page)])
      expect(ended.result).toBe("worker_unavailable");
    await hasStatus(page, "unavailable");
    expect(stage.api.counters().requests).toBe(0);
  });
});

it("a script that fails is noticed when it fails, whatever the timeout [P10]", async () => {
  const stage = await setUp();
  // This test has less time than that.
  const owner = { ...shared, script: "/nowhere.js", fallback: true, timeout: HOUR };
  const page = await stage.open({ owner });
  expect(await signIn(page)).toMatchObject({ result: "ok" });
});

describe("no shared workers at all", () => {
  it("half of the tabs have one, half have not: one token call, no reuse [P1 P2 F1 F6]", async () => {
    const stage = await setUp();
    const having = await stage.openSignedIn(5, { owner: { ...shared, fallback: true } });
    await withoutWorkers(stage);
    const lacking = [];
    for (let n = 0; n < 5; n++)
      lacking.push(await stage.open({ owner: { ...shared, fallback: true } }));
    await Promise.all(lacking.map((page) => hasStatus(page, "signed-in")));
    const pages = [...having, ...lacking];
    stage.api.expireAccessTokens();
    // All ask with the ended token before anybody hears of a 401: the API holds back its answers.
    const answers = stage.api.gate("api", "before", "always");
    let sent = 0;
    stage.context.on("request", (request) => {
      if (request.method() === "GET" && request.url().endsWith("/v1/me")) sent++;
    });
    const calls = fetchAll(pages);
    await reaches(() => sent, pages.length);
    const refresh = stage.api.gate("refresh", "before");
    answers.release();
    await refresh.arrived;
    await reaches(() => stage.api.counters().unauthorized, pages.length);
    refresh.release();

    expect(await calls).toEqual(all(pages, "200"));
    expect(stage.api.counters()).toMatchObject({
      tokenCalls: 1,
      reuseDetections: 0,
      unauthorized: pages.length,
      byPath: { "GET /v1/me": 2 * pages.length },
    });
    // Whoever signs out, everybody is signed out; and in again.
    await lacking[0]!.evaluate(() => window.vault.signOut());
    await Promise.all(pages.map((page) => hasStatus(page, "signed-out")));
    await having[0].evaluate((given) => window.vault.signIn(given), credentials);
    await Promise.all(pages.map((page) => hasStatus(page, "signed-in")));
    expect(await fetchAll(pages)).toEqual(all(pages, "200"));
  });

  it("a tab with an engine of its own asks, and is closed: the worker goes on [P1 P2 F39]", async () => {
    const stage = await setUp({ rotation: "window", reuseWindow: 60_000 });
    const config = { reuseWindow: 60_000, owner: { ...shared, fallback: true } };
    const having = await stage.openSignedIn(3, config);
    await withoutWorkers(stage);
    const lacking = await stage.open(config);
    await hasStatus(lacking, "signed-in");
    stage.api.expireAccessTokens();
    const gate = stage.api.gate("refresh", "after");
    void fetchOf(lacking).catch(() => {});
    await gate.arrived;
    const calls = fetchAll(having);
    await lacking.close();
    await releaseToNobody(stage, gate);
    expect(await calls).toEqual(all(having, "200"));
    expect(stage.api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 0 });
  });

  it("a sandboxed frame: the vault lives in its memory, and says so [P16]", async () => {
    const stage = await setUp();
    // The page's script keeps its clock there, which a sandbox forbids.
    await stage.context.addInitScript(() => {
      if (window.origin === "null")
        Object.defineProperty(window, "sessionStorage", { value: { getItem: () => null } });
    });
    const page = await stage.open({ owner: { ...shared, fallback: true } });
    await page.evaluate(async () => {
      const frame = document.createElement("iframe");
      frame.setAttribute("sandbox", "allow-scripts");
      frame.src = location.href;
      document.body.append(frame);
      await new Promise((resolve) => frame.addEventListener("load", resolve));
    });
    const frame = page.frames()[1]!;
    expect(await signIn(frame)).toMatchObject({ result: "ok" });
    expect(await frame.evaluate(() => window.vault.snapshot())).toMatchObject({
      status: "signed-in",
      persisted: false,
    });
    expect(await fetchOf(frame)).toMatchObject({ result: "200" });
  });

  it("a worker that is killed and cannot be had again: the page takes over [P10 F39]", async () => {
    const scene = await around({ after: 0 }, { owner: { ...shared, fallback: true } });
    const { api, first, others } = scene;
    const pages = [first, ...others];
    await Promise.all(
      pages.map((page) => page.evaluate(() => Object.assign(window, { SharedWorker: undefined }))),
    );
    await killWorker(scene, "shared_worker");
    api.expireAccessTokens();
    expect(await fetchAll(pages)).toEqual(all(pages, "200"));
    expect(api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
  });
});

describe("what a worker holds on to", () => {
  it("one caller's abort changes nothing for the others [P14]", async () => {
    const scene = await around();
    const { api, first, others } = scene;
    const held = await holdAt(scene, "server asked");
    await first.evaluate(() => {
      const { kit, vault } = window;
      const controller = new AbortController();
      const { signal } = controller;
      const call = kit.call(() => vault.fetch(`${kit.api}/v1/me`, { signal }));
      Object.assign(window, { controller, call });
    });
    await held.arrived;
    const calls = fetchAll(others);
    const aborted = await first.evaluate(() => {
      const { controller, call } = window as unknown as {
        controller: AbortController;
        call: Promise<unknown>;
      };
      controller.abort();
      return call;
    });
    expect(aborted).toMatchObject({ result: "AbortError" });
    await held.release();
    expect(await calls).toEqual(all(others, "200"));
    expect(api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("accounts do not see each other; each signs out alone [P4 S11]", async () => {
    const stage = await setUp();
    const ada = await stage.open({ owner: { kind: "shared", account: "ada" } });
    const bob = await stage.open({ owner: { kind: "shared", account: "bob" } });
    await signIn(ada);
    expect(await fetchOf(bob)).toMatchObject({ result: "no_session" });
    await signIn(bob);
    expect(await bob.evaluate(() => window.vault.accounts())).toEqual(["ada", "bob"]);
    await bob.evaluate(() => window.vault.removeAccount("ada"));
    await hasStatus(ada, "signed-out");
    expect(await fetchOf(bob)).toMatchObject({ result: "200" });
    expect(await bob.evaluate(() => window.vault.accounts())).toEqual(["bob"]);
  });
});

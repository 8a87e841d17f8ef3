/** Isolation: a service worker attaches the tokens, pages use plain `fetch` and get none. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import type { Echo } from "../apis/replies.ts";
import { fetchOf, TABS } from "./tab-calls.ts";
import { hardReload } from "./browsers.ts";
import { closeTab } from "./lifeline.ts";
import { credentials, hasStatus, setUp, type Stage, useBrowser } from "./real-tabs.ts";
import { isolated, plain, stranger } from "./worker-requests.ts";
import { killWorker } from "./tabs-and-workers.ts";

useBrowser(["worker-script"]);

const statusOf = async (page: Page, url: string): Promise<number> =>
  (await plain(page, url)).status;

/** Notes all that reaches the page's script by messages, and all that it keeps. */
const listen = ({ context }: Stage): Promise<unknown> =>
  context.addInitScript(() => {
    const heard: string[] = [];
    Object.assign(window, { heard });
    for (const proto of [MessagePort.prototype, BroadcastChannel.prototype]) {
      const { set } = Object.getOwnPropertyDescriptor(proto, "onmessage")!;
      Object.defineProperty(proto, "onmessage", {
        set(listener: (event: MessageEvent) => void) {
          set!.call(this, (event: MessageEvent) => {
            heard.push(JSON.stringify(event.data));
            listener.call(this, event);
          });
        },
      });
    }
    navigator.serviceWorker?.addEventListener("message", (event) =>
      heard.push(JSON.stringify(event.data)),
    );
  });

describe("a page under isolation", () => {
  it("plain fetch gets the token in the worker, from the first load on [S1 S7]", async () => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1, isolated);
    const got = await plain(page, `${stage.url}/v1/echo`);
    expect(got).toMatchObject({ status: 200, type: "cors" });
    expect(got.body).toMatchObject({ authorization: true, tokenIndex: 1 });
    expect(await fetchOf(page)).toMatchObject({ result: "200" });
  });

  it("401s are healed there: ten tabs, one token call, none sent more than twice [P1 P2 P11]", async () => {
    const stage = await setUp();
    const pages = await stage.openSignedIn(TABS, isolated);
    stage.api.expireAccessTokens();
    const gate = stage.api.gate("refresh", "before");
    const calls = Promise.all(
      pages.map((page, n) => statusOf(page, `${stage.url}/v1/echo?n=${n}`)),
    );
    await gate.arrived;
    gate.release();
    expect(await calls).toEqual(pages.map(() => 200));
    // Those that come while it refreshes wait, and are sent once.
    expect(stage.api.counters()).toMatchObject({
      tokenCalls: 1,
      reuseDetections: 0,
      maxSendsPerRequestId: 2,
    });
  });

  it.each(["text", "blob", "form", "params", "buffer"])(
    "a body arrives as it was, the second time too: %s [P11 F20]",
    async (kind) => {
      const stage = await setUp();
      const [page] = await stage.openSignedIn(1, isolated);
      const post = (): Promise<{ status: number; body: Echo }> =>
        page.evaluate(
          async ([url, kind]) => {
            const form = new FormData();
            form.append("field", "value");
            form.append("file", new Blob([new Uint8Array(70_000).fill(7)]), "seven");
            const bodies: Record<string, BodyInit> = {
              text: "a text",
              blob: new Blob([new Uint8Array(300_000).fill(9)], { type: "application/x-nine" }),
              form,
              params: new URLSearchParams({ a: "b" }),
              buffer: new Uint8Array([1, 2, 3]),
            };
            const response = await fetch(`${url}/v1/echo?n=1`, {
              method: "POST",
              body: bodies[kind]!,
            });
            return { status: response.status, body: await response.json() };
          },
          [stage.url, kind] as const,
        );
      const before = await post();
      expect(before).toMatchObject({ status: 200, body: { authorization: true, tokenIndex: 1 } });
      stage.api.expireAccessTokens();
      const after = await post();
      expect(after).toMatchObject({ status: 200, body: { authorization: true, tokenIndex: 2 } });
      expect(stage.api.counters()).toMatchObject({ unauthorized: 1, maxSendsPerRequestId: 3 });
      expect(after.body.bytes).toBe(before.body.bytes);
      // A form's boundary is drawn anew for each request.
      if (kind !== "form") expect(after.body.sha256).toBe(before.body.sha256);
      const { "content-type": type, "content-length": length } = after.body.headers;
      expect(type?.slice(0, 20)).toBe(before.body.headers["content-type"]?.slice(0, 20));
      expect(length).toBe(String(after.body.bytes));
    },
  );

  it("others are left alone: unlisted, with Authorization, no-cors [S1 S6]", async () => {
    const stage = await setUp();
    const other = await stranger();
    const [page] = await stage.openSignedIn(1, isolated);
    expect(await statusOf(page, `${other.url}/x`)).toBe(200);
    expect(other.seen.some((headers) => headers.has("authorization"))).toBe(false);
    const own = await plain(page, `${stage.url}/v1/echo`, {
      headers: { authorization: "Bearer mine" },
    });
    expect(own.status).toBe(401);
    expect(stage.api.counters().tokenCalls).toBe(0);
    await page.evaluate((url) => fetch(url, { mode: "no-cors" }), `${stage.url}/v1/echo?n=bare`);
    expect(stage.api.counters()).toMatchObject({ unauthorized: 2, tokenCalls: 0 });
    // A navigation to the API itself, too.
    const tab = await stage.context.newPage();
    expect((await tab.goto(`${stage.url}/v1/me`))!.status()).toBe(401);
  });

  it("a redirect to another origin arrives without the token; within the origin it stays [S2]", async () => {
    const stage = await setUp();
    const other = await stranger();
    const [page] = await stage.openSignedIn(1, isolated);
    stage.api.fault("api", { redirect: `${other.url}/landed` });
    const got = await plain(page, `${stage.url}/v1/echo`);
    expect(got).toMatchObject({ status: 200, redirected: true, body: { authorization: false } });
    expect(other.seen.length).toBeGreaterThan(0);
    for (const headers of other.seen) {
      expect(headers.has("authorization")).toBe(false);
      expect(headers.get("access-control-request-headers") ?? "").not.toContain("authorization");
    }
    stage.api.fault("api", { redirect: `${stage.url}/v1/echo?n=again` });
    expect(await plain(page, `${stage.url}/v1/echo`)).toMatchObject({
      status: 200,
      redirected: true,
      body: { authorization: true },
    });
    // A caller's own mode is kept.
    stage.api.fault("api", { redirect: `${stage.url}/v1/echo` });
    expect(await plain(page, `${stage.url}/v1/echo`, { redirect: "manual" })).toMatchObject({
      type: "opaqueredirect",
    });
  });

  it("no token in anything that the page is given, sent, shown or keeps [S4 S7]", async () => {
    const stage = await setUp({ cors: { expose: ["authorization", "www-authenticate", "date"] } });
    await listen(stage);
    const [page, other] = await stage.openSignedIn(2, isolated);
    const got = [];
    for (let n = 0; n < 2; n++) {
      got.push(await plain(page, `${stage.url}/v1/echo`));
      // The vault's own fetch goes the same way.
      got.push(await fetchOf(page));
      stage.api.expireAccessTokens();
    }
    expect(stage.secrets).toHaveLength(4);
    const seen = await page.evaluate(async () => {
      const { vault, kit } = window;
      const ends = [
        await kit.call(() => vault.getToken()),
        await kit.call(() => vault.getToken({ rejected: "x" })),
        await kit.call(() => vault.authorization()),
      ];
      return {
        ends,
        snapshot: vault.snapshot(),
        events: kit.events,
        heard: (window as unknown as { heard: string[] }).heard,
        kept: JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
        databases: await kit.dumpDatabases(),
      };
    });
    expect(seen.ends.map(({ result }) => result)).toEqual([
      "invalid_option",
      "invalid_option",
      "invalid_option",
    ]);
    // Enough was heard for the search to mean something.
    expect(seen.heard.join()).toContain("signed-in");
    expect(seen.events.map(({ type }) => type)).toContain("refreshed");
    const text = JSON.stringify([got, seen, await other!.evaluate(() => window.kit.events)]);
    for (const secret of [...stage.secrets, credentials.password]) {
      expect(text).not.toContain(secret);
      for (const part of secret.split(".")) if (part.length > 20) expect(text).not.toContain(part);
    }
  });

  it("nobody signed in: the worker says so in a reply, and asks nobody [P10]", async () => {
    const stage = await setUp();
    const page = await stage.open(isolated);
    await hasStatus(page, "signed-out");
    const got = await plain(page, `${stage.url}/v1/echo`);
    expect(got).toMatchObject({ status: 401, body: { error: { code: "no_session" } } });
    expect(stage.api.counters().requests).toBe(0);
  });
});

describe("the worker under isolation comes and goes", () => {
  it("killed and started again: the session and the tokens are there", async () => {
    const stage = await setUp();
    const pages = await stage.openSignedIn(3, isolated);
    await killWorker(stage, "service_worker");
    for (const page of pages) expect(await statusOf(page, `${stage.url}/v1/me`)).toBe(200);
    expect(stage.api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
  });

  it("all tabs closed while it heals: one opened again is alive [F39 P1 P2]", async () => {
    const stage = await setUp();
    const pages = await stage.openSignedIn(TABS, isolated);
    stage.api.expireAccessTokens();
    const gate = stage.api.gate("refresh", "after");
    const calls = pages.map((page) => plain(page, `${stage.url}/v1/me`).catch(() => {}));
    await gate.arrived;
    await Promise.all(pages.map(closeTab));
    await Promise.all(calls);
    gate.release();
    const again = await stage.open(isolated);
    await hasStatus(again, "signed-in");
    expect(await statusOf(again, `${stage.url}/v1/me`)).toBe(200);
    expect(stage.api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("updated while it heals: the old one ends that, and the pages go over [P1 P2]", async () => {
    const stage = await setUp();
    const { api, url } = stage;
    const pages = await stage.openSignedIn(3, isolated);
    api.expireAccessTokens();
    const gate = api.gate("refresh", "after");
    const calls = pages.map((page, n) => statusOf(page, `${url}/v1/echo?n=${n}`));
    await gate.arrived;
    // Another script, which skips waiting: its turn comes when the old one has no event left.
    const config = encodeURIComponent(JSON.stringify({ api: url, isolated: true }));
    await pages[0].evaluate(async (script) => {
      const changed = new Promise((resolve) => {
        navigator.serviceWorker.addEventListener("controllerchange", resolve);
      });
      Object.assign(window, { changed });
      await navigator.serviceWorker.register(script, { type: "module" });
    }, `/worker-script.js?config=${config}&version=2`);
    const during = pages.map((page) => statusOf(page, `${url}/v1/me`));
    gate.release();
    expect(await Promise.all(calls)).toEqual(pages.map(() => 200));
    expect(await Promise.all(during)).toEqual(pages.map(() => 200));
    expect(api.counters()).toMatchObject({
      tokenCalls: 1,
      refreshed: 1,
      reuseDetections: 0,
      maxSendsPerRequestId: 2,
    });
    await pages[0].evaluate(() => (window as unknown as { changed: Promise<unknown> }).changed);
    for (const page of pages)
      expect((await plain(page, `${url}/v1/echo`)).body).toMatchObject({ tokenIndex: 2 });
  });

  it("without it nothing degrades: not controlled, every call says so", async () => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1, isolated);
    await page.close();
    await stage.context.addInitScript(() => {
      const { serviceWorker } = navigator;
      Object.defineProperty(serviceWorker, "register", {
        value: () => Promise.reject(new DOMException("Denied", "SecurityError")),
      });
    });
    const next = await stage.open(isolated);
    expect(await fetchOf(next)).toMatchObject({ result: "worker_unavailable" });
    await hasStatus(next, "unavailable");
  });

  it("a page that is not controlled, as after a hard reload, is claimed", async () => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1, isolated);
    await hardReload(page);
    await hasStatus(page, "signed-in");
    expect(await statusOf(page, `${stage.url}/v1/me`)).toBe(200);
  });
});

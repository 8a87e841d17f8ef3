/** The network goes away and comes back, or the server does. No session is lost over it. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { fetchOf, tokenOf } from "./tab-calls.ts";
import { setOnline } from "./set-online.ts";
import type { Ended } from "./page-script.ts";
import { credentials, hasStatus, HOUR, reaches, setUp, useBrowser } from "./real-tabs.ts";

useBrowser();

const statusOf = (page: Page): Promise<string> =>
  page.evaluate(() => window.vault.snapshot().status);

describe("offline", () => {
  it("a valid token is still served, and a request fails as fetch does [F13 P17]", async () => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1);
    await setOnline(stage.context, false);

    expect(await tokenOf(page)).toMatchObject({ result: "ok" });
    expect(await fetchOf(page)).toMatchObject({ result: "TypeError", message: "Failed to fetch" });
    expect(await statusOf(page)).toBe("signed-in");

    await setOnline(stage.context, true);
    expect(await fetchOf(page)).toMatchObject({ result: "200" });
    expect(stage.api.counters().tokenCalls).toBe(0);
  });

  it("a refresh that falls due reaches nobody; back online there is one [F12 F13 P17]", async () => {
    const stage = await setUp();
    const { api, context } = stage;
    const pages = await stage.openSignedIn(3, { patience: 1_000 });
    await setOnline(context, false);

    // Due, but the token is good: it is served.
    await stage.jump(20 * HOUR);
    for (const page of pages) expect(await tokenOf(page)).toMatchObject({ result: "ok" });
    // At its end: the typed error of a refresh that cannot be had, and the session stays.
    await stage.jump(5 * HOUR);
    for (const page of pages) {
      expect(await tokenOf(page)).toMatchObject({ result: "refresh_failed" });
      expect(await statusOf(page)).toBe("signed-in");
    }
    expect(api.counters().tokenCalls).toBe(0);

    // Nobody calls: coming back is enough.
    await setOnline(context, true);
    await reaches(() => api.counters().refreshed, 1);
    for (const page of pages) expect(await fetchOf(page)).toMatchObject({ result: "200" });
    expect(api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0, unauthorized: 0 });
  });

  it("a call that waits offline is served when the network is back in time [P10 F12]", async () => {
    const stage = await setUp();
    const { api, context } = stage;
    const [page] = await stage.openSignedIn(1);
    await setOnline(context, false);
    await stage.jump(25 * HOUR);
    // The call is under way when this returns.
    const waiting = await page.evaluateHandle(() => ({
      end: window.kit.call(() => window.vault.getToken()),
    }));
    expect(api.counters().tokenCalls).toBe(0);
    await setOnline(context, true);

    expect(await waiting.evaluate(({ end }) => end)).toMatchObject({ result: "ok" });
    expect(api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("signing out works offline [S14]", async () => {
    const stage = await setUp();
    const pages = await stage.openSignedIn(3);
    await setOnline(stage.context, false);

    await pages[0].evaluate(() => window.vault.signOut());

    await Promise.all(pages.map((page) => hasStatus(page, "signed-out")));
    await setOnline(stage.context, true);
    await pages[1]!.reload();
    await hasStatus(pages[1]!, "signed-out");
  });
});

describe("the server is down", () => {
  it("a sign-in fails with a typed error that says what to do, and works afterwards [P17 S4]", async () => {
    const stage = await setUp();
    const page = await stage.open();
    await hasStatus(page, "signed-out");
    await stage.stopApi();
    const signIn = (): Promise<Ended> =>
      page.evaluate((given) => window.kit.call(() => window.vault.signIn(given)), credentials);

    const failed = await signIn();

    expect(failed.result).toBe("sign_in_failed");
    expect(failed.message).toContain("Try again");
    expect(failed.message).not.toContain(credentials.password);
    await stage.startApi();
    expect(await signIn()).toMatchObject({ result: "ok" });
  });

  it("a refresh that falls due is tried again until it is back; the session stays [P17 F13]", async () => {
    const stage = await setUp();
    const { api } = stage;
    const [page] = await stage.openSignedIn(1, { patience: 1_000 });
    await stage.stopApi();
    expect(await fetchOf(page)).toMatchObject({ result: "TypeError" });
    await stage.jump(25 * HOUR);

    expect(await fetchOf(page)).toMatchObject({ result: "refresh_failed" });
    expect(await statusOf(page)).toBe("signed-in");

    await stage.startApi();
    await expect.poll(() => fetchOf(page), { timeout: 30_000 }).toMatchObject({ result: "200" });
    expect(api.counters()).toMatchObject({ refreshed: 1, reuseDetections: 0 });
  });
});

/** A login as users have it: in a real Chromium, through the login page of a server that we did not write. */
import { describe, expect, it } from "vitest";
import { answerPopup, logIn, outcomeOf, setUpLogin, statusOf, useSite } from "./oauth-stage.ts";

useSite();

const places = [
  ["the page", "page"],
  ["a shared worker", "shared"],
  ["an isolated service worker", "isolated"],
] as const;

describe.each(places)("a login by redirect, with the vault in %s", (_, runBy) => {
  it("signs in, cleans the URL, restores the place, and outlives a reload", async () => {
    const stage = await setUpLogin({ runBy });
    const referrers: string[] = [];
    stage.context.on("request", (request) => {
      if (!request.url().startsWith(stage.site))
        referrers.push(request.headers()["referer"] ?? "none");
    });
    const page = await stage.openSignedIn();
    expect(await page.evaluate(() => window.signIn.seen)).toBe(`${stage.site}/callback`);
    const here = new URL(page.url());
    expect(here.pathname + here.hash).toBe("/vms#third");
    expect(here.searchParams.get("page")).toBe("2");
    const profile = await page.evaluate(() => window.signIn.vault.snapshot().profile);
    expect(profile).toMatchObject({ sub: "ada", iss: stage.issuer, aud: "tabs" });
    await page.evaluate(() => void (window.signIn.isDone = true));
    expect(await page.evaluate(() => window.signIn.work())).toEqual({ sent: 3, failed: [] });
    expect(await page.evaluate(() => window.signIn.userInfo())).toEqual({ sub: "ada" });
    await page.reload();
    expect(await outcomeOf(page)).toBe("none");
    await expect.poll(() => statusOf(page)).toBe("signed-in");
    // No other host has seen the code.
    expect(referrers.length).toBeGreaterThan(3);
    expect(referrers.filter((one) => one.includes("code="))).toEqual([]);
    expect(stage.told).toMatchObject({ logins: 1, errors: [], reuses: 0 });
  });

  it("that is denied says so, and nobody is signed in", async () => {
    const stage = await setUpLogin({ runBy });
    const page = await stage.open();
    await page.evaluate(() => window.signIn.begin());
    await page.locator("a", { hasText: "Cancel" }).click();
    await page.waitForURL(`${stage.site}/**`);
    expect(await outcomeOf(page)).toBe("denied");
    expect(new URL(page.url()).pathname).toBe("/vms");
    await expect.poll(() => statusOf(page)).toBe("signed-out");
    expect(stage.told.logins).toBe(0);
  });
});

describe("an isolated service worker", () => {
  it("refreshes in time, with rotation, and gives the page no token [S1 P1]", async () => {
    const stage = await setUpLogin({ runBy: "isolated", life: 10 });
    const page = await stage.openSignedIn();
    const working = page.evaluate(() => window.signIn.work());
    await expect.poll(() => stage.told.refreshes, { timeout: 60_000 }).toBe(2);
    await page.evaluate(() => void (window.signIn.isDone = true));
    expect((await working).failed).toEqual([]);
    const asked = page.evaluate(() => window.signIn.vault.getToken());
    await expect(asked).rejects.toThrow("tokens stay in the worker");
    expect(stage.told).toMatchObject({ logins: 1, errors: [], reuses: 0 });
  });
});

describe("a callback", () => {
  it("that is opened twice, in another tab too, is told as used, and spends nothing", async () => {
    const stage = await setUpLogin();
    let callback = "";
    stage.context.on("request", (request) => {
      if (request.url().includes("/callback?")) callback = request.url();
    });
    const page = await stage.openSignedIn();
    const other = await stage.open(callback);
    expect(await outcomeOf(other)).toBe("stale: used");
    expect(other.url()).toBe(`${stage.site}/callback`);
    await page.goto(callback);
    expect(await outcomeOf(page)).toBe("stale: used");
    await expect.poll(() => statusOf(page)).toBe("signed-in");
    expect(stage.told).toMatchObject({ logins: 1, errors: [], reuses: 0 });
  });

  it("that is opened a day later is told as expired, and spends nothing", async () => {
    const stage = await setUpLogin();
    const page = await stage.open();
    await page.evaluate(() => window.signIn.begin());
    // The page's script does not come, as if the machine had been shut in that moment.
    await page.route("**/oauth-page.js", (route) => route.abort());
    await logIn(page);
    const callback = page.url();
    expect(callback).toContain("code=");
    await page.unroute("**/oauth-page.js");
    await page.addInitScript(() => {
      const { now } = Date;
      Date.now = () => now() + 86_400_000;
    });
    await page.goto(callback);
    expect(await outcomeOf(page)).toBe("stale: expired");
    expect(page.url()).toBe(`${stage.site}/callback`);
    expect(stage.told).toMatchObject({ logins: 0, errors: [] });
  });

  it("of somebody else's login is unknown here (CSRF on the callback)", async () => {
    const stage = await setUpLogin();
    const mallory = await setUpLogin();
    let callback = "";
    mallory.context.on("request", (request) => {
      if (request.url().includes("/callback?")) callback = request.url();
    });
    await mallory.openSignedIn("mallory");
    const page = await stage.open(callback);
    expect(await outcomeOf(page)).toBe("stale: unknown");
    await expect.poll(() => statusOf(page)).toBe("signed-out");
    expect(stage.told).toMatchObject({ logins: 0, errors: [] });
  });

  it("that is reloaded while it is completed is told as interrupted", async () => {
    const stage = await setUpLogin();
    const page = await stage.open();
    await page.evaluate(() => window.signIn.begin());
    let letGo = (): void => {};
    stage.gate = new Promise<void>((resolve) => (letGo = resolve));
    const arrived = new Promise<void>((resolve) => (stage.arrived = resolve));
    await logIn(page);
    await arrived;
    expect(page.url()).toBe(`${stage.site}/callback`);
    await page.reload();
    expect(await outcomeOf(page)).toBe("stale: interrupted");
    letGo();
    // Once told, it is over: the next login is as any other.
    await page.evaluate(() => window.signIn.begin());
    await logIn(page);
    expect(await outcomeOf(page)).toBe("signed-in");
  });

  it("is not come back to by the back button", async () => {
    const stage = await setUpLogin();
    const page = await stage.openSignedIn();
    await page.goBack();
    // The server's page, which has nothing to ask any more; whatever it does, the session stays.
    await page.goForward();
    await page.waitForFunction(() => "signIn" in window);
    expect(page.url()).not.toContain("code=");
    expect(await outcomeOf(page)).toMatch(/^(none|signed-in)$/);
    await expect.poll(() => statusOf(page)).toBe("signed-in");
    expect(stage.told).toMatchObject({ logins: 1, reuses: 0 });
  });

  it("in each of two tabs completes that tab's own login", async () => {
    const stage = await setUpLogin();
    const pages = [await stage.open("/one"), await stage.open("/two")];
    for (const page of pages) await page.evaluate(() => window.signIn.begin());
    for (const page of pages) await page.locator("form").first().waitFor();
    for (const page of pages.toReversed()) {
      await logIn(page);
      expect(await outcomeOf(page)).toBe("signed-in");
    }
    expect(pages.map((page) => new URL(page.url()).pathname)).toEqual(["/one", "/two"]);
    expect(stage.told).toMatchObject({ logins: 2, reuses: 0 });
  });
});

describe("token leak by referrer or history", () => {
  it("no history entry, no URL and no other host's referrer shows a code or a token", async () => {
    const stage = await setUpLogin();
    const seen: string[] = [];
    stage.context.on("request", (request) => {
      const isOurs = request.url().startsWith(stage.site);
      // The callback itself has the code, and its page loads the application's script.
      if (!isOurs) seen.push(request.url(), request.headers()["referer"] ?? "");
    });
    const page = await stage.openSignedIn();
    expect(await page.evaluate(() => window.signIn.userInfo())).toEqual({ sub: "ada" });
    const browser = await stage.context.newCDPSession(page);
    const { entries } = await browser.send("Page.getNavigationHistory");
    const urls = entries.map(({ url }) => url);
    expect(urls.filter((url) => url.startsWith(stage.site)).length).toBeGreaterThan(0);
    const leak = /[?&#](code|state|access_token|id_token|refresh_token)=/;
    expect(urls.filter((url) => url.startsWith(stage.site) && leak.test(url))).toEqual([]);
    // The login page's own URL has the state, as it must.
    const elsewhere = seen.filter((url) => !url.startsWith(`${stage.issuer}/auth`));
    expect(elsewhere.length).toBeGreaterThan(5);
    expect(elsewhere.filter((url) => leak.test(url))).toEqual([]);
  });
});

describe("a server that insists on pushed requests (RFC 9126)", () => {
  it("gets the login itself, and the browser carries a name alone", async () => {
    const stage = await setUpLogin({ isPushed: true });
    await stage.openSignedIn();
    const asked = stage.told.answered.find((line) => line.startsWith("GET /auth?")) ?? "";
    const names = [...new URLSearchParams(asked.slice(asked.indexOf("?"))).keys()];
    expect(names.toSorted()).toEqual(["client_id", "request_uri"]);
    expect(stage.told).toMatchObject({ logins: 1, errors: [] });
  });
});

describe.each(places)("a step-up, with the vault in %s", (_, runBy) => {
  it("asks the user by a popup, and the call is sent once more [P11]", async () => {
    const stage = await setUpLogin({ runBy });
    const page = await stage.openSignedIn();
    const opened = stage.context.waitForEvent("page");
    const status = page.evaluate(() => window.signIn.stepUp("/fresh"));
    const popup = await opened;
    // `max_age=0`: the user has to show who it is, though the server knows the browser.
    await popup.locator("input[name=login]").waitFor();
    await answerPopup(popup);
    expect(await status).toBe(200);
    expect(stage.told).toMatchObject({ logins: 2, errors: [], reuses: 0 });
  });
});

describe.each(places)("signing out, with the vault in %s", (_, runBy) => {
  it("ends the session here, its tokens, and the login at the server [S14]", async () => {
    const stage = await setUpLogin({ runBy });
    const page = await stage.openSignedIn();
    const other = await stage.open();
    await expect.poll(() => statusOf(other)).toBe("signed-in");
    await page.evaluate(() => window.signIn.end());
    await page.locator("button[name=logout]").waitFor();
    // The grant had ended before the page was left.
    const ends = stage.told.answered.filter((line) => /revocation|session.end/.test(line));
    expect(ends.map((line) => line.replace(/\?.*/, ""))).toEqual([
      "POST /token/revocation",
      "GET /session/end",
    ]);
    expect(ends[1]).toMatch(/id_token_hint=[\w-]+\.[\w-]+\.[\w-]+/);
    await page.locator("button[name=logout]").click();
    await page.waitForURL(`${stage.site}/**`);
    await page.waitForFunction(() => "signIn" in window);
    for (const one of [page, other]) await expect.poll(() => statusOf(one)).toBe("signed-out");
    await page.evaluate(() => window.signIn.begin());
    await page.locator("input[name=login]").waitFor();
  });
});

/** What people, networks and servers do wrong: a typed error with a code, and the session intact. */
import { describe, expect, it } from "vitest";
import type { Fault } from "../apis/faults.ts";
import { fetchOf, signIn } from "./tab-calls.ts";
import type { Ended } from "./page-script.ts";
import { credentials, hasStatus, HOUR, setUp, useBrowser } from "./real-tabs.ts";

useBrowser();

describe("people", () => {
  it("a wrong password, and no session: codes, advice, no secret [S4 S7]", async () => {
    const stage = await setUp();
    const page = await stage.open();
    const password = "incorrect horse";

    const refused = await signIn(page, { ...credentials, password });

    expect(refused.result).toBe("credentials_refused");
    expect(refused.message).toContain("Check them");
    expect(refused.message).not.toContain(password);
    expect(await fetchOf(page)).toMatchObject({ result: "no_session" });
    await hasStatus(page, "signed-out");
    expect(stage.api.counters().byPath["GET /v1/me"]).toBeUndefined();
  });

  it("a padded or broken token is not taken, and the session that stands stays [S5]", async () => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1);
    for (const accessToken of [" abc", "abc\n", "Bearer abc", "", "tökén", undefined]) {
      const ended = await page.evaluate(
        (token) => window.kit.call(() => window.vault.adopt({ accessToken: token as string })),
        accessToken,
      );
      expect(ended.result).toBe("invalid_token");
      if (accessToken) expect(ended.message).not.toContain(accessToken);
    }
    expect(await fetchOf(page)).toMatchObject({ result: "200" });
  });

  it("an http origin is refused, loopback only on request [S3]", async () => {
    const stage = await setUp();
    const page = await stage.open();
    const made = (dangerouslyAllowLoopbackHttp: boolean): Promise<Ended> =>
      page.evaluate(
        (allowed) =>
          window.kit.call(async () =>
            window.makeVault({ dangerouslyAllowLoopbackHttp: allowed, account: "other" }).close(),
          ),
        dangerouslyAllowLoopbackHttp,
      );
    expect(await made(true)).toMatchObject({ result: "ok" });
    const refused = await made(false);
    expect(refused.result).toBe("invalid_option");
    expect(refused.message).toContain("https");
  });
});

describe("whatever answers a refresh, it is no refusal", () => {
  const strange: [string, Fault][] = [
    ["a 429 [F14]", { status: 429, headers: { "retry-after": "1" } }],
    ["a captive portal's page", { captivePortal: true }],
    ["a reply that is no JSON", { nonsense: "unparsable" }],
    ["members of the wrong types", { nonsense: "wrong-types" }],
    ["null", { nonsense: "null" }],
    ["a firewall's 403", { status: 403, body: "<h1>Forbidden</h1>" }],
    ["a 401 that is no JSON", { status: 401, body: "<h1>Proxy log-in</h1>" }],
    ["a 502 without CORS headers", { status: 502, noCors: true }],
    ["a redirect", { redirect: "/api/v1/auth/elsewhere" }],
  ];

  it.each(strange)("%s: it is tried again, and the call served [P17 S10]", async (_, fault) => {
    const stage = await setUp();
    const { api } = stage;
    const [page] = await stage.openSignedIn(1);
    await stage.jump(25 * HOUR);
    api.fault("refresh", fault);

    expect(await fetchOf(page)).toMatchObject({ result: "200" });
    expect(api.counters()).toMatchObject({ tokenCalls: 2, refreshed: 1, reuseDetections: 0 });
    // Where the reply was a redirect, the refresh token did not go along.
    expect(api.counters().byPath["POST /api/v1/auth/elsewhere"]).toBeUndefined();
  });

  it("a refusal is one: sign_in_required, once for all tabs, and a new sign-in heals it [P9]", async () => {
    const stage = await setUp();
    const { api } = stage;
    const pages = await stage.openSignedIn(3);
    api.revokeFamilies();
    await stage.jump(25 * HOUR);

    const ends = await Promise.all(pages.map(fetchOf));

    expect(ends.map(({ result }) => result)).toEqual(pages.map(() => "sign_in_required"));
    expect(ends[0]?.message).toContain("Sign in again");
    expect(api.counters().tokenCalls).toBe(1);
    const events = await Promise.all(
      pages.map((page) =>
        page.evaluate(() => window.kit.events.filter(({ type }) => type === "refused").length),
      ),
    );
    expect(events).toEqual([1, 1, 1]);
    expect(await signIn(pages[1]!, credentials)).toMatchObject({ result: "ok" });
    await Promise.all(pages.map((page) => hasStatus(page, "signed-in")));
    expect(await fetchOf(pages[2]!)).toMatchObject({ result: "200" });
  });

  it("nonsense at the sign-in is no session and no crash [S10 P17]", async () => {
    const stage = await setUp();
    const page = await stage.open();
    for (const fault of [{ nonsense: "wrong-types" }, { captivePortal: true }] as const) {
      stage.api.fault("token", fault);
      expect(await signIn(page, credentials)).toMatchObject({ result: "sign_in_failed" });
      await hasStatus(page, "signed-out");
    }
    expect(await signIn(page, credentials)).toMatchObject({ result: "ok" });
  });
});

describe("what a 401 is not about", () => {
  it("a server that always answers 401: sent twice, refreshed once, then returned [P11 P13 F18]", async () => {
    const stage = await setUp();
    const { api } = stage;
    const [page] = await stage.openSignedIn(1);
    api.fault("api", { status: 401, times: "always" });

    const { results } = await page.evaluate(() => window.kit.burst(50));
    const more = await page.evaluate(() => window.kit.burst(50, 50));

    expect([results, more.results]).toEqual([{ 401: 50 }, { 401: 50 }]);
    expect(api.counters()).toMatchObject({ tokenCalls: 1, maxSendsPerRequestId: 2 });
    // The session is intact.
    api.clearFaults();
    expect(await fetchOf(page)).toMatchObject({ result: "200" });
  });

  it("a 403 is a response, and nothing is refreshed [P12]", async () => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1);
    stage.api.set({ ipBlocked: true });
    expect(await fetchOf(page)).toMatchObject({ result: "403" });
    expect(stage.api.counters().tokenCalls).toBe(0);
  });
});

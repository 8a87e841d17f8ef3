/**
 * Application Insights, the real one: it wraps `fetch` and replaces the headers of each init that it is
 * handed, to add W3C tracing (F68). A retry, and what follows a redirect, have the token and the caller's
 * headers all the same.
 */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { setUp, type Stage, useBrowser } from "./real-tabs.ts";

useBrowser(["insights-page"]);

/** A page whose `fetch` is the tool's from here on. */
async function traced(): Promise<{ stage: Stage; page: Page }> {
  const allowHeaders = ["authorization", "content-type", "traceparent", "x-own"];
  const stage = await setUp({ cors: { allowHeaders } });
  const [page] = await stage.openSignedIn(1);
  const plain = await page.evaluate(() => fetch.toString());
  await page.addScriptTag({ url: "/insights-page.js", type: "module" });
  await page.evaluate((endpoint) => window.startInsights(endpoint), `${stage.url}/public/`);
  // It has wrapped it, or nothing is tried here.
  expect(await page.evaluate(() => fetch.toString())).not.toBe(plain);
  return { stage, page };
}

/** What the API has seen of a call through the vault. */
const call = (page: Page, url: string, init: object): Promise<Record<string, unknown>> =>
  page.evaluate(
    async ([url, init]) => {
      const response = await window.vault.fetch(url, init);
      return { status: response.status, ...(await response.json()) };
    },
    [url, init] as const,
  );

describe("under Application Insights with W3C tracing", () => {
  it.each([
    ["an object", { "x-own": "kept" }],
    ["a list", [["x-own", "kept"]]],
  ])(
    "a retry has the new token, the caller's headers in %s, and the tool's [F68 P11]",
    async (_, headers) => {
      const { stage, page } = await traced();
      stage.api.expireAccessTokens();
      const init = { method: "POST", body: "the body", headers };
      const seen = await call(page, `${stage.url}/v1/echo?n=1`, init);
      expect(seen).toMatchObject({
        status: 200,
        method: "POST",
        body: "the body",
        tokenIndex: 2,
        headers: { "x-own": "kept", traceparent: expect.stringMatching(/^00-[\da-f]{32}-/) },
      });
      expect(stage.api.counters()).toMatchObject({ tokenCalls: 1, sends: { 1: 2 } });
    },
  );

  it("a redirect within the origin keeps the token and the caller's headers [F68 S2]", async () => {
    const { stage, page } = await traced();
    stage.api.fault("api", { redirect: `${stage.url}/v1/echo?n=2`, status: 307 });
    const init = { method: "POST", body: "the body", headers: { "x-own": "kept" } };
    const seen = await call(page, `${stage.url}/v1/echo?n=1`, init);
    expect(seen).toMatchObject({
      status: 200,
      body: "the body",
      tokenIndex: 1,
      headers: { "x-own": "kept", traceparent: expect.any(String) },
    });
    expect(stage.api.counters().sends).toEqual({ 1: 1, 2: 1 });
  });
});

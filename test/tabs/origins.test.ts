/** Where the token goes in a real browser, and where it does not: other origins and redirects. */
import type { Page } from "playwright";
import { describe, expect, it, onTestFinished } from "vitest";
import { cors } from "../apis/cors.ts";
import { json } from "../apis/replies.ts";
import { serve } from "../apis/sockets.ts";
import { setUp, useBrowser } from "./real-tabs.ts";

useBrowser();

interface Stranger {
  /** The origin. */
  readonly url: string;
  /** The headers of the requests that came, preflights too. */
  readonly seen: { readonly method: string; readonly path: string; readonly headers: Headers }[];
}

/** A server on another port, and so of another origin, that notes what it gets. */
async function startStranger(): Promise<Stranger> {
  const seen: Stranger["seen"] = [];
  const answer = cors(async () => json(200, { stranger: true }));
  const served = await serve((request) => {
    const { method, headers, url } = request;
    seen.push({ method, headers, path: new URL(url).pathname });
    return answer(request);
  });
  onTestFinished(() => served.close());
  return { url: served.url, seen };
}

/** What a page gets from `vault.fetch`. */
const fetchFrom = (page: Page, url: string, init: RequestInit = {}): Promise<unknown> =>
  page.evaluate(
    async ([url, init]) => {
      const response = await window.vault.fetch(url, init as object);
      return { status: response.status, url: response.url, body: await response.json() };
    },
    [url, init] as const,
  );

describe("another origin", () => {
  it("gets a bare request, exactly as fetch would send it [S1]", async () => {
    const stage = await setUp();
    const stranger = await startStranger();
    const [page] = await stage.openSignedIn(1);

    const reply = await fetchFrom(page, `${stranger.url}/anything`);

    expect(reply).toMatchObject({ status: 200, body: { stranger: true } });
    await page.evaluate((url) => fetch(url), `${stranger.url}/anything`);
    const [byVault, byFetch] = stranger.seen;
    // No preflight went ahead: nothing was added.
    expect(stranger.seen.map(({ method }) => method)).toEqual(["GET", "GET"]);
    expect([...byVault!.headers]).toEqual([...byFetch!.headers]);
    expect(byVault!.headers.has("authorization")).toBe(false);
  });

  it("is not reached by a URL that only looks like the API's [S1]", async () => {
    const stage = await setUp();
    const stranger = await startStranger();
    const [page] = await stage.openSignedIn(1);
    const { host } = new URL(stranger.url);
    // Userinfo that reads like the API's origin; fetch itself turns it down.
    const ended = await page.evaluate(
      (url) => window.kit.call(() => window.vault.fetch(url)),
      `${stage.url}@${host}/x`,
    );
    expect(ended.result).toBe("TypeError");
    // Another name for the same server is another origin.
    const port = new URL(stage.url).port;
    expect(await fetchFrom(page, `http://localhost:${port}/public/echo`)).toMatchObject({
      body: { authorization: false },
    });
    expect(await fetchFrom(page, `${stage.url}/public/echo`)).toMatchObject({
      body: { authorization: true },
    });
    expect(stranger.seen).toEqual([]);
  });
});

describe("a redirect from the API to another origin", () => {
  it.each([301, 302, 303, 307, 308])("does not carry the token: %i [S2]", async (status) => {
    const stage = await setUp();
    const stranger = await startStranger();
    const [page] = await stage.openSignedIn(1);
    stage.api.fault("api", { status, redirect: `${stranger.url}/landed` });

    const reply = await fetchFrom(page, `${stage.url}/v1/echo`, { method: "POST", body: "b" });

    expect(reply).toMatchObject({ status: 200, url: `${stranger.url}/landed` });
    expect(stranger.seen.length).toBeGreaterThan(0);
    for (const { headers } of stranger.seen) {
      expect(headers.has("authorization")).toBe(false);
      for (const value of headers.values()) {
        for (const secret of stage.secrets) expect(value).not.toContain(secret);
      }
    }
    expect(stage.api.counters()).toMatchObject({ tokenCalls: 0, unauthorized: 0 });
  });

  it("inside the API's origin keeps it [S2]", async () => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1);
    stage.api.fault("api", { redirect: "/v1/echo?landed" });

    const reply = await fetchFrom(page, `${stage.url}/v1/vms`);

    expect(reply).toMatchObject({ status: 200, body: { authorization: true, tokenIndex: 1 } });
  });

  it("of a refresh is refused: the refresh token stays where it is [S2]", async () => {
    const stage = await setUp();
    const stranger = await startStranger();
    const [page] = await stage.openSignedIn(1);
    stage.api.expireAccessTokens();
    stage.api.fault("refresh", { status: 307, redirect: `${stranger.url}/landed` });

    expect(await fetchFrom(page, `${stage.url}/v1/echo`)).toMatchObject({ status: 200 });
    expect(stage.api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 0 });
    expect(stranger.seen).toEqual([]);
  });
});

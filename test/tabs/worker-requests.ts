/** What a service worker makes of a page's requests under isolation, in whichever browser. */
import type { Page } from "playwright";
import { describe, expect, it, onTestFinished } from "vitest";
import { cors } from "../apis/cors.ts";
import { type Echo, echo, json, readCall } from "../apis/replies.ts";
import { serve } from "../apis/sockets.ts";
import type { Config } from "./page-script.ts";
import { bareAddress, credentials, hasStatus, setUp, type Stage } from "./real-tabs.ts";

export const isolated: Partial<Config> = { owner: { kind: "service", isolated: true } };

/** What plain `fetch` gives, in values. */
export interface Got {
  readonly status: number;
  readonly type: string;
  readonly redirected: boolean;
  readonly headers: Record<string, string>;
  readonly body: Echo;
  /** What it rejects with. */
  readonly error?: string;
}

export const plain = (page: Page, url: string, init: RequestInit = {}): Promise<Got> =>
  page.evaluate(
    async ([url, init]) => {
      try {
        const response = await fetch(url, init as RequestInit);
        const { status, type, redirected } = response;
        const headers = Object.fromEntries(response.headers);
        const body = await response.json().catch(() => undefined);
        return { status, type, redirected, headers, body };
      } catch (error) {
        return { error: (error as Error).name } as Got;
      }
    },
    [url, init] as const,
  );

/** A server of another origin that notes what it gets; `refuses` answers each with 401. */
export async function stranger(refuses = false): Promise<{ url: string; seen: Headers[] }> {
  const seen: Headers[] = [];
  const answer = async (request: Request): Promise<Response> =>
    refuses ? json(401, { error: "no" }) : echo(await readCall(request), undefined);
  const served = await serve((request) => {
    seen.push(request.headers);
    return cors(answer)(request);
  });
  onTestFinished(() => served.close());
  return { url: served.url, seen };
}

async function open(): Promise<Stage & { page: Page; echo: string }> {
  const stage = await setUp();
  const [page] = await stage.openSignedIn(1, isolated);
  return { ...stage, page, echo: `${stage.url}/v1/echo` };
}

export function requestsUnderIsolation(): void {
  describe("a token in a header of its own", () => {
    it("is attached beside an Authorization of the page's, and reaches no other origin by a redirect [S2 S6]", async () => {
      const header = "X-API-Key";
      const stage = await setUp({
        shown: { header },
        cors: { allowHeaders: ["authorization", "content-type", header] },
      });
      const other = await stranger();
      const [page] = await stage.openSignedIn(1, {
        owner: { kind: "service", isolated: true, header },
      });
      const echo = `${stage.url}/v1/echo`;
      const own = { headers: { authorization: "Bearer own" } };
      expect(await plain(page, echo, own)).toMatchObject({
        status: 200,
        body: { authorization: true, tokenIndex: 1 },
      });
      expect((await plain(page, echo, { headers: { [header]: "own" } })).status).toBe(401);
      for (const redirect of [`${other.url}/landed`, echo]) {
        stage.api.fault("api", { redirect });
        expect(await plain(page, echo)).toEqual({ error: "TypeError" });
      }
      expect(other.seen).toEqual([]);
      expect(await plain(page, echo)).toMatchObject({ status: 200, body: { tokenIndex: 1 } });
    });
  });

  describe("redirects of requests with a body", () => {
    it.each([307, 308])(
      "%i within the origin: the same bytes, and the token [S2]",
      async (status) => {
        const { page, api, echo } = await open();
        api.fault("api", { redirect: `${echo}?n=landed`, status });
        const got = await plain(page, echo, { method: "POST", body: "the body" });
        expect(got).toMatchObject({
          status: 200,
          redirected: true,
          body: { method: "POST", body: "the body", authorization: true, tokenIndex: 1 },
        });
      },
    );

    it("303 within the origin: a GET without a body, and the token [S2]", async () => {
      const { page, api, echo } = await open();
      api.fault("api", { redirect: `${echo}?n=landed`, status: 303 });
      const got = await plain(page, echo, { method: "POST", body: "the body" });
      expect(got).toMatchObject({ status: 200, body: { method: "GET", bytes: 0, tokenIndex: 1 } });
    });

    it("to another origin: the bytes, and no token, healed before or not [S2]", async () => {
      const { page, api, echo } = await open();
      const other = await stranger();
      for (const expired of [false, true]) {
        if (expired) {
          api.expireAccessTokens();
          api.fault("api", { status: 401, body: {} });
        }
        api.fault("api", { redirect: `${other.url}/landed` });
        const got = await plain(page, echo, { method: "POST", body: "the body" });
        expect(got).toMatchObject({
          status: 200,
          redirected: true,
          body: { method: "POST", body: "the body", authorization: false },
        });
      }
      expect(api.counters().tokenCalls).toBe(1);
      expect(other.seen.length).toBeGreaterThan(1);
      for (const headers of other.seen) {
        expect(headers.has("authorization")).toBe(false);
        expect(headers.get("access-control-request-headers") ?? "").not.toContain("authorization");
      }
    });

    describe.each([301, 302, 303, 307, 308])("after a %i", (status) => {
      it.each(["GET", "POST", "PUT"])(
        "%s: a 401 of an unlisted host refreshes nothing, ends nothing and is not sent again [F62 S18]",
        async (method) => {
          const { page, api, echo } = await open();
          const other = await stranger(true);
          api.fault("api", { redirect: `${other.url}/landed`, status });
          const body = method === "GET" ? {} : { body: "pay" };
          const got = await plain(page, `${echo}?n=near`, { method, ...body });
          expect(got).toMatchObject({ status: 401, redirected: true, body: { error: "no" } });
          expect(api.counters()).toMatchObject({ tokenCalls: 0, sends: { near: 1 } });
          expect(other.seen.length).toBeGreaterThan(0);
          expect(other.seen.some((headers) => headers.has("authorization"))).toBe(false);
          expect(await page.evaluate(() => window.vault.snapshot().status)).toBe("signed-in");
          expect(api.counters().tokenCalls).toBe(0);
        },
      );
    });

    it("a POST that has become a GET is not sent again, and its 401 is the answer [F62 S18 P11]", async () => {
      const { page, api, echo } = await open();
      api.expireAccessTokens();
      api.fault("api", { redirect: `${echo}?n=landed`, status: 302 });
      const got = await plain(page, `${echo}?n=near`, { method: "POST", body: "pay" });
      expect(got).toMatchObject({ status: 401, redirected: true });
      expect(api.counters().sends).toEqual({ near: 1, landed: 1 });
    });

    it("a 401 at the redirect's end is the answer: what the chain made of it is hidden [S18 P11]", async () => {
      const { page, api, url } = await open();
      api.expireAccessTokens();
      api.fault("api", { redirect: `${url}/v1/echo?n=landed`, times: 1 });
      const got = await plain(page, `${url}/v1/echo`, { method: "PUT", body: "the body" });
      expect(got).toMatchObject({ status: 401 });
      expect(api.counters().reuseDetections).toBe(0);
      // The next call finds a fresh token.
      expect(await plain(page, `${url}/v1/echo`, { method: "PUT", body: "more" })).toMatchObject({
        status: 200,
        body: { body: "more", tokenIndex: 2 },
      });
    });
  });

  describe("requests of all kinds", () => {
    it("HEAD: its 401 is healed, and nothing comes but headers [P12]", async () => {
      const { page, api, echo } = await open();
      api.expireAccessTokens();
      const got = await plain(page, `${echo}?n=1`, { method: "HEAD" });
      expect(got).toMatchObject({ status: 200, body: undefined });
      expect(api.counters()).toMatchObject({ tokenCalls: 1, sends: { 1: 2 } });
      expect(api.counters().byPath).toMatchObject({ "HEAD /v1/echo": 2 });
    });

    it("a range is asked for at both sends [P12]", async () => {
      const { page, api, echo } = await open();
      api.expireAccessTokens();
      const got = await plain(page, `${echo}?n=1`, { headers: { range: "bytes=0-3" } });
      expect(got).toMatchObject({ status: 200, body: { headers: { range: "bytes=0-3" } } });
      expect(api.counters().sends).toEqual({ 1: 2 });
    });

    it("XMLHttpRequest is healed as fetch is [P12]", async () => {
      const { page, api, echo } = await open();
      api.expireAccessTokens();
      const got = await page.evaluate(
        (url) =>
          new Promise<string>((resolve) => {
            const request = new XMLHttpRequest();
            request.open("POST", url);
            request.onload = () => resolve(request.responseText);
            request.onerror = () => resolve('"error"');
            request.send("the body");
          }),
        `${echo}?n=1`,
      );
      expect(JSON.parse(got)).toMatchObject({ body: "the body", tokenIndex: 2 });
      expect(api.counters().sends).toEqual({ 1: 2 });
    });

    it("a page's abort reaches the API's connection, and its refresh goes on (P14)", async () => {
      const { page, api, echo } = await open();
      api.expireAccessTokens();
      const gate = api.gate("refresh", "before");
      await page.evaluate((url) => {
        const controller = new AbortController();
        const call = fetch(url, { signal: controller.signal }).catch(({ name }) => name);
        Object.assign(window, { controller, call });
      }, echo);
      await gate.arrived;
      const name = await page.evaluate(() => {
        const { controller, call } = window as unknown as {
          controller: AbortController;
          call: Promise<string>;
        };
        controller.abort();
        return call;
      });
      expect(name).toBe("AbortError");
      gate.release();
      expect(await plain(page, echo)).toMatchObject({ status: 200, body: { tokenIndex: 2 } });
      expect(api.counters().tokenCalls).toBe(1);
    });

    it("without a network it is fetch's TypeError, and the session is kept [F13]", async () => {
      const stage = await open();
      const { page, echo } = stage;
      await stage.stopApi();
      expect(await plain(page, echo)).toEqual({ error: "TypeError" });
      expect(await plain(page, echo, { method: "POST", body: "x" })).toEqual({
        error: "TypeError",
      });
      await stage.startApi();
      expect(await plain(page, echo)).toMatchObject({ status: 200 });
      expect(await page.evaluate(() => window.vault.snapshot().status)).toBe("signed-in");
    });

    it("a reply without CORS is fetch's TypeError as well", async () => {
      const { page, api, echo } = await open();
      api.fault("api", { noCors: true });
      expect(await plain(page, echo)).toEqual({ error: "TypeError" });
      expect(await plain(page, echo)).toMatchObject({ status: 200 });
    });

    it("what fetch keeps to itself it keeps: cache, credentials, redirect mode, integrity", async () => {
      const { page, api, echo } = await open();
      // Only for the page's own origin, says Fetch.
      expect(await plain(page, echo, { cache: "only-if-cached" })).toEqual({ error: "TypeError" });
      expect(api.counters().byPath).not.toHaveProperty("GET /v1/echo");
      expect(await plain(page, echo, { cache: "no-store" })).toMatchObject({ status: 200 });
      // No `Access-Control-Allow-Credentials` comes back.
      expect(await plain(page, echo, { credentials: "include" })).toEqual({ error: "TypeError" });
      expect(await plain(page, echo, { integrity: "sha256-AAAA" })).toEqual({ error: "TypeError" });
      api.fault("api", { redirect: `${echo}?n=1` });
      expect(await plain(page, echo, { redirect: "error" })).toEqual({ error: "TypeError" });
      expect(api.counters().sends).toEqual({});
    });
  });

  describe("an API on the page's own origin", () => {
    /** The pages' files and the API on one origin, the whole of which is the provider's. */
    async function home(): Promise<{ stage: Stage; page: Page; url: string }> {
      const stage = await setUp();
      const served = await serve(async (request) => {
        const { pathname, search } = new URL(request.url);
        // Some browsers ask for an icon, and in their own time.
        return /^\/([\w-]+\.(js|ico))?$/.test(pathname)
          ? fetch(bareAddress() + pathname + search)
          : stage.api.fetch(request);
      });
      onTestFinished(() => served.close());
      const page = await stage.context.newPage();
      const config = encodeURIComponent(JSON.stringify({ api: served.url, ...isolated }));
      await page.goto(`${served.url}/?config=${config}`);
      return { stage, page, url: served.url };
    }

    it("its files load as ever, signed in or not; what script fetches gets the token [S1]", async () => {
      const { stage, page, url } = await home();
      await hasStatus(page, "signed-out");
      // Controlled from the start, so that its module comes through the worker.
      for (let n = 0; n < 2; n++) {
        await page.reload();
        await hasStatus(page, n ? "signed-in" : "signed-out");
        expect(await page.evaluate(() => !!navigator.serviceWorker.controller)).toBe(true);
        await page.evaluate((given) => window.vault.signIn(given), credentials);
      }
      expect(await plain(page, `${url}/v1/echo`)).toMatchObject({ body: { authorization: true } });
      stage.api.expireAccessTokens();
      const body = { method: "POST", body: "the body" };
      expect(await plain(page, `${url}/v1/echo?n=1`, body)).toMatchObject({
        type: "basic",
        body: { body: "the body", tokenIndex: 3 },
      });
      expect(stage.api.counters().sends).toEqual({ 1: 2 });
      // Modes that are the own origin's alone.
      const mode = { mode: "same-origin" } as const;
      expect(await plain(page, `${url}/v1/echo`, mode)).toMatchObject({ status: 200 });
      const cached = { ...mode, cache: "only-if-cached" } as const;
      expect(await plain(page, `${url}/v1/echo`, cached)).not.toMatchObject({ status: 200 });
      // A navigation to the API goes as it is.
      const tab = await stage.context.newPage();
      expect((await tab.goto(`${url}/v1/me`))!.status()).toBe(401);
    });

    it("a module script of the API's origin gets no token [S1]", async () => {
      const { page, url, stage } = await home();
      await page.evaluate((given) => window.vault.signIn(given), credentials);
      const before = stage.api.counters().unauthorized;
      const loaded = await page.evaluate(
        (src) =>
          new Promise<string>((resolve) => {
            const script = Object.assign(document.createElement("script"), { type: "module", src });
            script.onload = () => resolve("loaded");
            script.onerror = () => resolve("error");
            document.head.append(script);
          }),
        `${url}/v1/echo`,
      );
      expect(loaded).toBe("error");
      expect(stage.api.counters().unauthorized).toBe(before + 1);
    });
  });
}

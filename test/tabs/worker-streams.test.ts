/** Streaming bodies under isolation, which Chromium sends over HTTP/2 alone. */
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { chromium, type Page } from "playwright";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { cors } from "../apis/cors.ts";
import type { Echo } from "../apis/replies.ts";
import { createVmcloudApi, type VmcloudApi } from "../apis/vmcloud.ts";
import { selfSigned } from "../support/certificate.ts";
import { bareAddress, credentials, useBrowser } from "./real-tabs.ts";
import { isolated } from "./worker-requests.ts";

useBrowser(["worker-script"]);

declare global {
  interface Window {
    /** Waits until the server has got so many pieces of the body that is being sent. */
    hasGot: (count: number) => Promise<void>;
  }
}

interface Scene {
  readonly api: VmcloudApi;
  readonly page: Page;
  /** The pieces in which each POST to `/v1/…` came. */
  readonly pieces: string[][];
}

/** The API over HTTP/2, and a page of its own browser, which takes any certificate. */
async function setUp(): Promise<Scene> {
  const api = createVmcloudApi();
  const handler = cors(api.fetch);
  const pieces: string[][] = [];
  /** What has come of the body that is being sent. */
  let coming: readonly Buffer[] = [];
  const server = createSecureServer(selfSigned(), (incoming, reply) => {
    const { method, headers, url } = incoming;
    const own: Buffer[] = [];
    const isStreamed = method === "POST" && url.startsWith("/v1/");
    if (isStreamed) coming = own;
    incoming.on("data", (piece) => own.push(Buffer.from(piece)));
    incoming.on("end", async () => {
      if (isStreamed) pieces.push(own.map(String));
      const named = Object.entries(headers).filter(([name]) => !name.startsWith(":"));
      const answer = await handler(
        new Request(`https://api.test${url}`, {
          method,
          headers: named.map(([name, value]) => [name, String(value)]),
          ...(method === "POST" && { body: Buffer.concat(own) }),
        }),
      );
      reply.writeHead(answer.status, Object.fromEntries(answer.headers));
      reply.end(Buffer.from(await answer.arrayBuffer()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const options = inject("chromium");
  const browser = await chromium.launch({
    ...options,
    args: [...options.args, "--ignore-certificate-errors"],
  });
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  await page.exposeFunction("hasGot", async (count: number) => {
    const message = "pieces of the body that have come";
    await expect.poll(() => coming.length, { interval: 10, message }).toBeGreaterThanOrEqual(count);
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await page.goto(
    `${bareAddress()}/?config=${encodeURIComponent(JSON.stringify({ api: url, ...isolated }))}`,
  );
  return { api, page, pieces };
}

/** Sends three pieces by plain `fetch`, and more kilobytes behind them. */
const send = (page: Page, kilobytes = 0): Promise<{ status: number; body: Echo }> =>
  page.evaluate(async (kilobytes) => {
    const pieces = ["one ", "two ", "three", ..."x".repeat(kilobytes)].map((piece) =>
      piece === "x" ? "x".repeat(1_024) : piece,
    );
    let sent = 0;
    const body = new ReadableStream({
      async pull(controller) {
        // Each is made when the one before it has come, so that they do not travel as one.
        if (sent > 0 && pieces.length >= kilobytes) await window.hasGot(sent);
        sent += 1;
        const piece = pieces.shift();
        if (piece) controller.enqueue(new TextEncoder().encode(piece));
        else controller.close();
      },
    });
    const init = { method: "POST", body, duplex: "half" };
    const response = await fetch(`${window.kit.api}/v1/echo?n=1`, init);
    return { status: response.status, body: await response.json() };
  }, kilobytes);

describe("a streaming body under isolation", () => {
  it("goes on in pieces, with the token [P11]", async () => {
    const { page, pieces } = await setUp();
    await page.evaluate((given) => window.vault.signIn(given), credentials);
    const { status, body } = await send(page);
    expect({ status, index: body.tokenIndex }).toEqual({ status: 200, index: 1 });
    expect(body.body).toBe("one two three");
    expect(pieces).toHaveLength(1);
    expect(pieces[0]!.length).toBeGreaterThan(1);
  });

  it.each([0, 900])(
    "its 401 is healed: the same bytes once more, though the page has sent them once (%i kB) [P11 F20 F21]",
    async (kilobytes) => {
      const { api, page, pieces } = await setUp();
      await page.evaluate((given) => window.vault.signIn(given), credentials);
      api.expireAccessTokens();
      const { status, body } = await send(page, kilobytes);
      expect({ status, index: body.tokenIndex }).toEqual({ status: 200, index: 2 });
      const [first, second, ...others] = pieces.map((one) => one.join(""));
      expect(others).toEqual([]);
      expect(first).toBe(`one two three${"x".repeat(kilobytes * 1_024)}`);
      expect(second).toBe(first);
      expect(api.counters()).toMatchObject({ tokenCalls: 1, sends: { 1: 2 } });
    },
  );

  it("its 401 is the answer where nothing renews [P11]", async () => {
    const { api, page, pieces } = await setUp();
    await page.evaluate(() => window.vault.adopt({ accessToken: "none-of-theirs" }));
    expect((await send(page)).status).toBe(401);
    expect(pieces.map((one) => one.join(""))).toEqual(["one two three"]);
    expect(api.counters()).toMatchObject({ tokenCalls: 0, sends: { 1: 1 } });
  });
});

/** docs/testing.md in a real Chromium: pages that are signed in without a password, over a fake API. */
import { symlinkSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { type Browser, type BrowserContext, chromium } from "playwright";
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from "vitest";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { type FakeApi, fakeApi, signInPages } from "../../src/testing.ts";
import { serve, type Served } from "../apis/sockets.ts";
import { programOf, root, workshop } from "../support/programs.ts";
import { launch } from "./browsers.ts";

/** An application: it shows the names of machines, or who is signed out. */
const APPLICATION = `
  import { createVault, isVaultError } from "tokenkeep/browser";
  import { vmcloud } from "tokenkeep/providers/vmcloud";
  const account = new URLSearchParams(location.search).get("account") ?? "default";
  const vault = createVault({ provider: vmcloud(), account });
  window.vault = vault;
  const show = (text) => document.body.append(Object.assign(document.createElement("li"), { textContent: text }));
  try {
    const response = await vault.fetch("https://api.vmcloud.com/v1/vms");
    for (const { name } of (await response.json()).vms) show(name);
  } catch (error) {
    show(isVaultError(error) ? error.code : String(error));
  }
`;

const { folder, save, remove } = workshop();
let browser: Browser;
let site: Served;

beforeAll(async () => {
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction");
  const { outputFiles } = await build({
    stdin: { contents: APPLICATION, resolveDir: root },
    tsconfig: path.join(root, "tsconfig.json"),
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  const script = outputFiles[0]?.text ?? "";
  site = await serve(async ({ url }) =>
    url.endsWith(".js")
      ? new Response(script, { headers: { "content-type": "text/javascript; charset=utf-8" } })
      : new Response(`<!doctype html><body><script type="module" src="/app.js"></script>`, {
          headers: { "content-type": "text/html; charset=utf-8" },
        }),
  );
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
  remove();
});

/** Signed in, over an API of its own. */
async function signedIn(account?: string): Promise<{ api: FakeApi; context: BrowserContext }> {
  const api = fakeApi({
    origin: "https://api.vmcloud.com",
    refreshUrl: "/api/v1/auth/refresh",
    write: ({ accessToken, refreshToken }) => ({ token: accessToken, refresh_token: refreshToken }),
    answer: () => Response.json({ vms: [{ name: "db-1" }] }),
  });
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  await context.route(`${api.origin}/**`, api.route);
  const options = { url: site.url, provider: vmcloud(), tokens: api.grant() };
  await signInPages(context, account === undefined ? options : { ...options, account });
  return { api, context };
}

/** What a new tab shows first. */
async function shown(context: BrowserContext, query = ""): Promise<string | null> {
  const page = await context.newPage();
  await page.goto(site.url + query);
  return page.locator("li").first().textContent();
}

describe("pages that are signed in", () => {
  it("the program of the documentation, word for word", async () => {
    const program = programOf("docs/testing.md", "With Playwright")
      .replaceAll("http://localhost:5173", site.url)
      .replace("chromium.launch()", `chromium.launch(${JSON.stringify(inject("chromium"))})`);
    const { text } = await import(/* @vite-ignore */ pathToFileURL(save(program)).href);
    expect(text).toBe("db-1");
    expect(chromium.name()).toBe("chromium");
  });

  it("the session is stored and sealed as the page's own: a second tab and a reload find it", async () => {
    const { api, context } = await signedIn();
    expect([await shown(context), await shown(context)]).toEqual(["db-1", "db-1"]);
    const [page] = context.pages();
    await page!.reload();
    expect(await page!.locator("li").first().textContent()).toBe("db-1");
    expect(await page!.evaluate(() => window.vault.snapshot())).toMatchObject({
      status: "signed-in",
      persisted: true,
    });
    expect(api.counts).toMatchObject({ requests: 3, refreshes: 0 });
  });

  it("the token is refreshed once in two tabs, and the new one stored [P1]", async () => {
    const { api, context } = await signedIn();
    api.expire();
    expect(await Promise.all([shown(context), shown(context)])).toEqual(["db-1", "db-1"]);
    expect(await shown(context)).toBe("db-1");
    expect(api.counts).toMatchObject({ refreshes: 1, reuses: 0 });
  });

  it("a sign-out in the page ends it, and the API hears of a lost session", async () => {
    const { api, context } = await signedIn();
    api.revoke();
    expect(await shown(context)).toBe("sign_in_required");
    await context.pages()[0]!.evaluate(() => window.vault.signOut());
    expect(await shown(context)).toBe("no_session");
  });

  it("another account is signed in beside the first, and no other", async () => {
    const { context } = await signedIn("bob");
    expect(await shown(context, "?account=bob")).toBe("db-1");
    expect(await shown(context)).toBe("no_session");
  });

  it("a lost reply is a network error of the page's", async () => {
    const { api, context } = await signedIn();
    api.loseReply({ on: "request" });
    expect(await shown(context)).toContain("Failed to fetch");
  });

  it("no page of the sign-in stays open, and no script there can read the key [S9]", async () => {
    const { context } = await signedIn();
    expect(context.pages()).toEqual([]);
    await shown(context);
    const extractable = await context.pages()[0]!.evaluate(async () => {
      const request = indexedDB.open("tokenkeep");
      const db = await new Promise<IDBDatabase>((resolve) => {
        request.onsuccess = () => resolve(request.result);
      });
      const all = db.transaction("records").objectStore("records").getAll();
      await new Promise((resolve) => (all.onsuccess = resolve));
      return all.result.flatMap((record) => (record.keys ? [record.keys.seal.extractable] : []));
    });
    expect(extractable).toEqual([false]);
  });
});

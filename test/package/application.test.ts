/** The packed file in an empty Vite application: type-checked, built, and run in Chromium. */
import { cpSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { type Browser, chromium, type Page } from "playwright";
import { build, createServer, type InlineConfig } from "vite";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { cors } from "../apis/cors.ts";
import { serve, type Served } from "../apis/serve.ts";
import { ada, createVmcloudApi } from "../apis/vmcloud.ts";
import { compile } from "./compile.ts";
import { install, installed, manifest, newFolder, packTokenkeep, root } from "./pack.ts";
import { serveFolder } from "./servers.ts";

const folder = newFolder();
const app = path.join(folder, "app");
const api = createVmcloudApi();
const open: { close(): Promise<void> }[] = [];
const packages = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];
let browser: Browser;
let server: Served;
let site: Served;

beforeAll(async () => {
  await install(app, await packTokenkeep(folder), packages);
  cpSync(path.join(import.meta.dirname, "app"), app, { recursive: true });
  browser = await chromium.launch({ ...inject("chromium"), headless: true });
  server = await serve(cors(api.fetch));
  open.push(browser, server);
});
afterAll(async () => {
  await Promise.all(open.map((one) => one.close()));
  rmSync(folder, { recursive: true, force: true });
});

/** What the compiler says of an application, and of the declarations that it reads. */
const check = (name: string, main: string, options: object): Promise<string> =>
  compile({ folder: app, name, main, options });

/** What the application wrote into the page, and what went wrong there. */
async function visit(
  page: Page,
  parameters: Record<string, string>,
  address: string = site.url,
): Promise<unknown> {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  const query = new URLSearchParams({ api: server.url, ...parameters });
  await page.goto(`${address}/?${query}`);
  await page.waitForFunction(() => document.querySelector("output")!.value !== "");
  expect(errors).toEqual([]);
  const text = await page.evaluate(() => document.querySelector("output")!.value);
  return text.startsWith("{") ? (JSON.parse(text) as unknown) : text;
}

const found = {
  status: 200,
  persisted: true,
  problem: 404,
  wretch: ada.email,
  webhook: true,
  provider: "clary-jwt",
};

const settingsOf = (): InlineConfig => ({
  root: app,
  configFile: false,
  logLevel: "error",
  define: { API: JSON.stringify(server.url) },
});

/** A page of the application as Vite builds it. */
async function serveBuilt(input: string): Promise<Served> {
  const outDir = path.join(app, `built-${input}`);
  await build({
    ...settingsOf(),
    build: { outDir, rolldownOptions: { input: path.join(app, input) } },
    worker: { format: "es" },
  });
  const served = await serveFolder(outDir, input);
  open.push(served);
  return served;
}

/** A page of the application in Vite's development server, which optimises its dependencies. */
async function serveInDevelopment(input: string): Promise<{ url: string }> {
  const developed = await createServer({
    ...settingsOf(),
    server: { port: 0, host: "127.0.0.1", hmr: false, watch: null },
    plugins: [
      {
        name: "first-page",
        configureServer: ({ middlewares }) =>
          void middlewares.use((request, _, next) => {
            request.url = request.url?.replace(/^\/\?/, `/${input}?`);
            next();
          }),
      },
    ],
  });
  open.push(developed);
  await developed.listen();
  return { url: developed.resolvedUrls!.local[0]!.replace(/\/$/, "") };
}

describe("the packed file in an application", () => {
  it("is installed with nothing else", () => {
    expect(installed(app)).toEqual([...packages, manifest.name].sort());
  });

  it.each<[string, object]>([
    ["Bundler", { module: "ESNext", moduleResolution: "Bundler" }],
    ["NodeNext", { module: "NodeNext", moduleResolution: "NodeNext" }],
    [
      "Vite's template",
      {
        module: "ESNext",
        moduleResolution: "Bundler",
        lib: ["ES2022", "DOM", "DOM.Iterable"],
        verbatimModuleSyntax: true,
        skipLibCheck: true,
      },
    ],
  ])("is type-checked, its declarations too, by %s", async (name, more) => {
    const main = readFileSync(path.join(app, "main.ts"), "utf8");
    expect(await check(name, main, more)).toBe("");
    const wrong = main.replace("vault.fetch(", "vault.get(");
    expect(await check(`${name}-wrong`, wrong, more)).toContain("Property 'get' does not exist");
  });

  it("is type-checked for Node, whose types have not all that the DOM's have", async () => {
    const program = `
      import { createVault } from "tokenkeep";
      import { vmcloud } from "tokenkeep/providers/vmcloud";
      import { encrypted, keyring } from "tokenkeep/stores/encrypted";
      import { memoryStore } from "tokenkeep/stores/memory";
      import { verifyWebhook } from "tokenkeep/webhook";
      declare const key: import("node:crypto").webcrypto.CryptoKey;
      const store = encrypted(memoryStore(), keyring({ k1: key }));
      const vault = createVault({ provider: vmcloud(), store });
      export const send: typeof fetch = vault.fetch;
      export const hook = await verifyWebhook(new Request("https://x.test"), { secret: "s" });
      await vault.fetch("https://x.test", { method: "POST", body: () => new Blob(["x"]).stream() });
    `;
    const more = {
      ...{ module: "NodeNext", moduleResolution: "NodeNext", lib: ["ES2022", "ESNext.Disposable"] },
      ...{ types: ["node"], typeRoots: [path.join(root, "node_modules/@types")] },
    };
    expect(await check("node", program, more)).toBe("");
    // Where libraries are not checked, what a name does not say is any.
    const lax = { ...more, skipLibCheck: true };
    const wrong = program.replace(/body: .*(?= \}\);)/, "body: 7");
    expect(await check("node-body", wrong, lax)).toContain("Type 'number' is not assignable");
    expect(await check("node-key", program.replace("k1: key", "k1: 7"), lax)).toContain("number");
  });

  it("is built by Vite, signs in, gets a 200; after a reload and an expiry it heals a 401", async () => {
    site = await serveBuilt("index.html");
    const page = await browser.newPage();
    expect(await visit(page, {})).toBe("no_session");
    expect(await visit(page, { email: ada.email, password: ada.password })).toEqual(found);
    expect(api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0, unauthorized: 0 });
    api.expireAccessTokens();
    expect(await visit(page, {})).toEqual(found);
    expect(api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
  });

  it.each<[string, (input: string) => Promise<{ url: string }>]>([
    ["built by Vite", serveBuilt],
    ["by Vite's development server, with its optimiser", serveInDevelopment],
  ])("runs its vault in a worker: %s [P1 F39]", async (_, start) => {
    const { url } = await start("owned.html");
    const context = await browser.newContext();
    const { signIns, tokenCalls } = api.counters();
    const first = await context.newPage();
    const user = { email: ada.email, password: ada.password };
    expect(await visit(first, user, url)).toEqual({ status: 200, fellBack: false, generation: 1 });
    api.expireAccessTokens();
    // Another tab of the same worker, and one that can have none.
    const second = await context.newPage();
    expect(await visit(second, {}, url)).toEqual({ status: 200, fellBack: false, generation: 2 });
    await context.addInitScript("delete globalThis.SharedWorker");
    const third = await context.newPage();
    expect(await visit(third, {}, url)).toEqual({ status: 200, fellBack: true, generation: 2 });
    expect(api.counters()).toMatchObject({
      signIns: signIns + 1,
      tokenCalls: tokenCalls + 1,
      reuseDetections: 0,
    });
    await context.close();
  });
});

/**
 * The programs of README.md, docs/browser.md and docs/worker.md, word for word, from the packed file:
 * built by Vite, and run in real browsers against test servers under the APIs' own names.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Browser, type BrowserContext, chromium, firefox, type Page } from "playwright";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { cors } from "../apis/cors.ts";
import { serve, type Served } from "../apis/serve.ts";
import { ada, createVmcloudApi, type VmcloudApi } from "../apis/vmcloud.ts";
import { type AcmeApi, createAcmeApi } from "../support/acme-api.ts";
import { programOf, programsOf } from "../support/programs.ts";
import { install, manifest, newFolder, packTokenkeep } from "./pack.ts";
import { serveFolder, serveProxy } from "./servers.ts";

const folder = newFolder();
const app = path.join(folder, "app");
const open: { close(): Promise<void> }[] = [];
let site: Served;
let proxy: Served;
let api: VmcloudApi;
let acme: AcmeApi;

const [inWorker = "", ofPage = ""] = programsOf("docs/worker.md", "Set up");
const programs = {
  browser: programOf("docs/browser.md"),
  worker: ofPage,
  own: programOf("README.md", "Six lines for your own API"),
};
const SIGN_IN = /^await vault\.signIn\(.*\n/m;

/** Of the test's own, behind the program: what came. */
const TELL = "document.title = String(response.status);\n";

beforeAll(async () => {
  await install(app, await packTokenkeep(folder), Object.keys(manifest.dependencies));
  const source = path.join(app, "src");
  mkdirSync(source);
  writeFileSync(path.join(source, "vault.worker.ts"), inWorker);
  const input: string[] = [];
  for (const [name, program] of Object.entries(programs)) {
    // "After a reload the session is there again: call `vault.fetch` without signing in."
    const pages = { [name]: program, [`${name}-again`]: program.replace(SIGN_IN, "") };
    for (const [page, code] of Object.entries(pages)) {
      writeFileSync(path.join(source, `${page}.ts`), code + TELL);
      const file = path.join(app, `${page}.html`);
      const script = `<script type="module" src="./src/${page}.ts"></script>`;
      writeFileSync(file, `<!doctype html><title></title>${script}`);
      input.push(file);
    }
  }
  const outDir = path.join(app, "built");
  const rolldownOptions = { input };
  await build({
    root: app,
    configFile: false,
    logLevel: "error",
    build: { outDir, rolldownOptions },
  });
  site = await serveFolder(outDir);
  const server = await serve(cors((request) => api.fetch(request)));
  const another = await serve(cors((request) => acme.fetch(request)));
  proxy = await serveProxy({ "api.vmcloud.com": server.url, "api.acme.example": another.url });
  open.push(site, server, another, proxy);
});
afterAll(async () => {
  await Promise.all(open.map((one) => one.close()));
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  api = createVmcloudApi();
  acme = createAcmeApi((value) => value === "Bearer one");
});

const launch = {
  chromium: () => {
    const options = inject("chromium");
    const args = [...options.args, "--ignore-certificate-errors"];
    return chromium.launch({ ...options, args, proxy: { server: proxy.url, bypass: "127.0.0.1" } });
  },
  firefox: () => {
    const { firefoxUserPrefs, ...options } = inject("firefox");
    const { hostname, port } = new URL(proxy.url);
    const preferences = {
      ...firefoxUserPrefs,
      "network.proxy.type": 1,
      "network.proxy.ssl": hostname,
      "network.proxy.ssl_port": Number(port),
    };
    return firefox.launch({ ...options, firefoxUserPrefs: preferences });
  },
};

describe.each(["chromium", "firefox"] as const)(
  "the programs of the documentation in %s",
  (which) => {
    let browser: Browser;
    let context: BrowserContext;
    beforeAll(async () => {
      browser = await launch[which]();
    });
    afterAll(() => browser?.close());
    beforeEach(async () => {
      context = await browser.newContext({ ignoreHTTPSErrors: true });
      const { email, password } = ada;
      const given = { email, password, credentials: { email, password } };
      await context.addInitScript((names) => Object.assign(globalThis, names), given);
    });
    afterEach(() => context.close());

    /** Runs a program to its end: what it got, and what the page itself asked the API for. */
    async function visit(page: Page, name: string): Promise<{ status: string; asked: string[] }> {
      const asked: string[] = [];
      const note = (request: { url(): string }): void => {
        const { hostname, pathname } = new URL(request.url());
        if (hostname === "api.vmcloud.com") asked.push(pathname);
      };
      page.on("request", note);
      let fault: ((error: Error) => void) | undefined;
      const failed = new Promise<never>((_, reject) => page.once("pageerror", (fault = reject)));
      await page.goto(`${site.url}/${name}.html`);
      await Promise.race([page.waitForFunction(() => document.title !== ""), failed]);
      page.off("pageerror", fault!).off("request", note);
      return { status: await page.title(), asked };
    }

    async function runs(name: string, page: Page): Promise<string[]> {
      const first = await visit(page, name);
      expect(first.status).toBe("200");
      expect(api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0, unauthorized: 0 });
      api.expireAccessTokens();
      const again = await visit(page, `${name}-again`);
      expect(again.status).toBe("200");
      expect(api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
      return [...first.asked, ...again.asked];
    }

    it("the README's six lines: 200; after a reload the session is there, and heals a 401", async () => {
      const page = await context.newPage();
      expect((await visit(page, "own")).status).toBe("200");
      acme.accepts = (value) => value === "Bearer two";
      expect((await visit(page, "own-again")).status).toBe("200");
      const { email, password } = ada;
      expect(acme.seen).toEqual([
        ["POST", "/login", { email, password }],
        ["GET", "/things", "Bearer one"],
        ["GET", "/things", "Bearer one"],
        ["POST", "/refresh", { refresh_token: "first" }],
        ["GET", "/things", "Bearer two"],
      ]);
    });

    it("in a browser: 200; after a reload the session is there, and heals a 401", async () => {
      expect(await runs("browser", await context.newPage())).toContain("/api/v1/auth/token");
    });

    it("in a worker: the same, and the page itself asks for no token [F39]", async () => {
      const asked = await runs("worker", await context.newPage());
      expect(new Set(asked)).toEqual(new Set(["/v1/vms"]));
    });

    it("in a worker, where there is none: the page runs the vault itself", async () => {
      await context.addInitScript(() => Reflect.deleteProperty(globalThis, "SharedWorker"));
      expect(await runs("worker", await context.newPage())).toContain("/api/v1/auth/refresh");
    });
  },
);

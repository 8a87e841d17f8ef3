/**
 * Rendering on a server (F73): what is for pages is imported, made and used in Node, which has no DOM,
 * and React's page from there is taken over by a browser. All of it from the packed file, as React
 * and docs/state.md want it.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { transformSync } from "esbuild";
import { type Browser, chromium, type Page } from "playwright";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { Served } from "../apis/serve.ts";
import { programOf } from "../support/programs.ts";
import { findNodes, type Node } from "./nodes.ts";
import { install, manifest, newFolder, packTokenkeep, runQuietly } from "./pack.ts";
import { serveFolder } from "./servers.ts";

const folder = newFolder();
const app = path.join(folder, "app");
const source = path.join(app, "src");
const nodes = findNodes();

const save = (name: string, code: string): void => writeFileSync(path.join(source, name), code);

const MAKE_VAULT = `
  import { createVault } from "tokenkeep/browser";
  import { vmcloud } from "tokenkeep/providers/vmcloud";
  export const vault = createVault({ provider: vmcloud() });
`;

/** How an application makes its vault. No worker is there, nor IndexedDB. */
const vaults: Readonly<Record<string, string>> = {
  "tokenkeep/browser": MAKE_VAULT,
  "connectVault, by a shared worker": `
    import { connectVault } from "tokenkeep/worker";
    export const vault = connectVault(
      () => new SharedWorker(new URL("./vault.worker.js", import.meta.url), { type: "module" }),
    );
  `,
  "connectVault, by a service worker": `
    import { connectVault } from "tokenkeep/worker";
    export const vault = connectVault(async () => {
      await navigator.serviceWorker.register("/vault.worker.js", { type: "module" });
      return navigator.serviceWorker.ready;
    });
  `,
  "connectVault, with a fallback": `
    import { connectVault } from "tokenkeep/worker";
    export const vault = connectVault(
      () => new SharedWorker(new URL("./vault.worker.js", import.meta.url), { type: "module" }),
      { fallback: () => import("./vault.worker.js") },
    );
  `,
};

const WORKER = `
  import { vmcloud } from "tokenkeep/providers/vmcloud";
  import { serveVault } from "tokenkeep/worker";
  export const vault = serveVault({ provider: vmcloud() });
`;

/** What becomes of the vault when nothing is left to do: an unhandled rejection would end it earlier. */
const SHOW = `
  const first = vault.snapshot();
  vault.subscribe(() => {});
  const last = () => vault.snapshot().status;
  process.on("exit", () => console.log(JSON.stringify([first.status, last()])));
`;

const USE = `
  const codes = [];
  const note = ({ code }) => codes.push(code);
  await vault.fetch("https://api.vmcloud.com/v1/vms").catch(note);
  await vault.getToken().catch(note);
  void vault.signOut();
  process.on("exit", () => console.log(JSON.stringify(codes)));
`;

beforeAll(async () => {
  const react = ["react", "react-dom", "scheduler"];
  const dependencies = [...Object.keys(manifest.dependencies), ...react];
  await install(app, await packTokenkeep(folder), dependencies);
  mkdirSync(source);
  save("vault.worker.js", WORKER);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program to its own end: it prints nothing but what is given back. */
async function start(node: Node, name: string, code: string): Promise<unknown> {
  save(name, code);
  return JSON.parse(await runQuietly(node.file, [name], source));
}

describe.each(nodes)("in Node $version", (node) => {
  it.each(Object.entries(vaults))(
    "%s is made and asked for a snapshot: unavailable, and the process ends by itself [F73]",
    async (_, vault) => {
      expect(await start(node, "show.js", vault + SHOW)).toEqual(["loading", "unavailable"]);
    },
  );

  it.each(Object.entries(vaults))(
    "%s is used: its calls reject with a vault error, and nobody has to wait for a sign-out [F73]",
    async (_, vault) => {
      const code = expect.stringMatching(/^(store|worker)_unavailable$/);
      expect(await start(node, "use.js", vault + USE)).toEqual([code, code]);
    },
  );
});

describe("React's page from a server", () => {
  const ofState = programOf("docs/state.md", "React");
  const hooks = {
    state: ofState,
    // What comes to mind first: by the time of the hydration it says more than it said on the server.
    changing: ofState.replace("() => first", "vault.snapshot"),
  };
  /** Of each Node: the page at first, the page later on, and the status then. */
  const rendered: string[][] = [];
  let site: Served;
  let browser: Browser;

  const SERVER = `
    import { createElement } from "react";
    import { renderToString } from "react-dom/server";
    import { useSession, vault } from "./session.js";
    const App = () => createElement("p", null, useSession().status);
    const early = renderToString(createElement(App));
    await vault.getToken().catch(() => {});
    console.log(JSON.stringify([early, renderToString(createElement(App)), vault.snapshot().status]));
  `;

  /** Takes the page over when the vault knows already, which a page cannot rule out. */
  const client = (session: string): string => `
    import { createElement } from "react";
    import { hydrateRoot } from "react-dom/client";
    import { useSession, vault } from "./${session}.js";
    const App = () => createElement("p", null, useSession().status);
    const faults = (globalThis.faults = []);
    globalThis.vault = vault;
    console.error = (...words) => void faults.push(words.join(" "));
    if (location.search) await vault.adopt({ accessToken: "token" });
    else await new Promise((known) => vault.subscribe(({ status }) => status === "signed-in" && known()));
    hydrateRoot(document.querySelector("div"), createElement(App), {
      onRecoverableError: (error) => void faults.push(String(error)),
    });
    document.title = "taken over";
  `;

  beforeAll(async () => {
    for (const [name, hook] of Object.entries(hooks))
      save(`${name}.js`, transformSync(`${MAKE_VAULT}\n${hook}`, { loader: "ts" }).code);
    save("session.js", 'export { useSession, vault } from "./state.js";');
    for (const node of nodes) {
      rendered.push((await start(node, "server.js", SERVER)) as string[]);
    }
    const [[html] = []] = rendered;
    for (const name of Object.keys(hooks)) {
      save(`client-${name}.js`, client(name));
      const script = `<script type="module" src="./src/client-${name}.js"></script>`;
      const file = path.join(app, `${name}.html`);
      writeFileSync(file, `<!doctype html><title></title><div>${html}</div>${script}`);
    }
    const outDir = path.join(app, "built");
    await build({
      root: app,
      configFile: false,
      logLevel: "error",
      // React warns in development only.
      mode: "development",
      define: { "process.env.NODE_ENV": '"development"' },
      build: {
        outDir,
        target: "esnext",
        rolldownOptions: {
          input: Object.keys(hooks).map((name) => path.join(app, `${name}.html`)),
        },
      },
    });
    site = await serveFolder(outDir);
    browser = await chromium.launch({ ...inject("chromium"), headless: true });
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  /** What the page complained about, once it shows that somebody is signed in. */
  async function takeOver(page: Page, address: string): Promise<string[]> {
    await page.goto(`${site.url}/${address}`);
    await page.waitForFunction(() => document.title !== "");
    await page.waitForFunction(() => document.querySelector("p")?.textContent === "signed-in");
    return page.evaluate(() => (globalThis as unknown as { faults: string[] }).faults);
  }

  it("is the same from each Node, before and after the vault has found no store [F73]", () => {
    const page = "<p>loading</p>";
    expect(rendered).toEqual(nodes.map(() => [page, page, "unavailable"]));
  });

  it("is taken over without a complaint by the hook of docs/state.md, and follows the session [F73]", async () => {
    const page = await browser.newPage();
    expect(await takeOver(page, "state.html?adopt")).toEqual([]);
    expect(await takeOver(page, "state.html")).toEqual([]);
    await page.evaluate(() => {
      void (globalThis as unknown as { vault: { signOut(): Promise<void> } }).vault.signOut();
    });
    await page.waitForFunction(() => document.querySelector("p")?.textContent === "signed-out");
    await page.close();
  });

  it("is complained about where the first snapshot is not the server's [F73]", async () => {
    const page = await browser.newPage();
    const [fault = ""] = await takeOver(page, "changing.html?adopt");
    expect(fault).toContain("Hydration failed");
    await page.close();
  });
});

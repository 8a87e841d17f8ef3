/**
 * The demo's Worker, in real workerd with KV and Durable Objects on this machine, on the page's own
 * server: `/worker` is its route.
 */
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import path from "node:path";
import { cloudflare } from "@cloudflare/vite-plugin";
import type { Plugin, ViteDevServer } from "vite";
import type { Crowd } from "../app/crowd.ts";
import type * as Visitors from "../worker-visitor.ts";
import { type Bindings, bindingsOf, type Five } from "./bindings.ts";

/** Where the Worker answers, on the page's server. */
const ROUTE = "/worker";

/** The Worker's variables and secrets: what signs its visitors' sessions is among them. */
let bindings: Bindings | undefined;

/** Loads by Vite, as the page is: `tokenkeep/…` leads to the sources, and nothing needs to be built. */
let load: ((file: string) => Promise<unknown>) | undefined;

/** What a login gives a visitor. */
async function sessionOf(account: string): Promise<string> {
  if (!bindings || !load) return "";
  const visitors = (await load("/worker-visitor.ts")) as typeof Visitors;
  return visitors.sessionOf(account, bindings);
}

/**
 * Sends one request for each visitor, all at once. Here and not in the page, because a browser opens
 * six connections to a server, and two hundred visitors have two hundred.
 */
export async function sendCrowd(
  origin: string,
  api: string,
  account: string,
  count: number,
): Promise<Crowd> {
  const start = Date.now();
  const statuses: Record<string, number> = {};
  // They all work for one customer, who has one account with the API.
  const headers = { authorization: `Bearer ${await sessionOf(account)}` };
  const visit = async (visitor: number): Promise<void> => {
    const url = new URL(ROUTE, origin);
    url.search = String(new URLSearchParams({ api, visitor: String(visitor) }));
    const status = await fetch(url, { headers }).then(
      async (response) => (await response.arrayBuffer(), response.status),
      () => 0,
    );
    statuses[status] = (statuses[status] ?? 0) + 1;
  };
  await Promise.all(Array.from({ length: count }, (_, index) => visit(index + 1)));
  return { statuses, took: Date.now() - start };
}

/** Whatever Vite has not answered: a page of the demo's, or nothing that is there. */
async function sendPage(vite: ViteDevServer, url: string, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(url, "http://localhost");
  const name = pathname === "/" ? "/index.html" : pathname;
  const file = /^\/\w+\.html$/.test(name) && path.join(vite.config.root, name);
  const html = file && (await readFile(file, "utf8").catch(() => ""));
  response.writeHead(html ? 200 : 404, {
    "content-type": "text/html",
    "cache-control": "no-cache",
  });
  response.end(html ? await vite.transformIndexHtml(url, html) : "There is no such page");
}

/** The Worker's side of Vite; `apis` are there when Vite asks for the configuration. */
export function demoWorker(apis: () => Five): Plugin[] {
  // Nothing leaves this machine, and nothing is written outside this folder.
  process.env["WRANGLER_SEND_METRICS"] = "false";
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";
  process.env["WRANGLER_WRITE_LOGS"] = "false";
  process.env["MINIFLARE_REGISTRY_PATH"] = path.join(import.meta.dirname, "../.wrangler/registry");
  let vars: Record<string, string> = {};

  return [
    {
      name: "demo:worker-secrets",
      apply: "serve",
      async config() {
        bindings = await bindingsOf(apis());
        vars = { ...bindings };
      },
    },
    {
      // The Worker's plugin would answer for the pages, under other names.
      name: "demo:pages",
      apply: "serve",
      configureServer(vite) {
        load = (file) => vite.ssrLoadModule(file);
        return () => {
          vite.middlewares.use((request, response, fail) => {
            sendPage(vite, request.url ?? "/", response).catch(fail);
          });
        };
      },
    },
    ...cloudflare({
      configPath: "./wrangler.jsonc",
      config: () => ({ vars, assets: { run_worker_first: [ROUTE] } }),
      // A new key at each start opens no old session: nothing is kept.
      persistState: false,
      inspectorPort: false,
      remoteBindings: false,
    }),
  ];
}

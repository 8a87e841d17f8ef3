/**
 * The demo's part of Vite's development server: starts and ends the APIs, tells the page where they
 * are, and answers `/backstage/…` on the page's own origin, which is how the buttons reach behind the APIs.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { faults, type Hosted, hostAll, REUSE_WINDOW } from "./hosted.ts";

/** What the page is told of an API. */
export interface Whereabouts {
  /** The API's origin. */
  readonly url: string;
  /** Milliseconds; 0 while rotation is strict. */
  readonly reuseWindow: number;
}

export function demoApis(): Plugin {
  let apis: Hosted[] = [];
  const strict = new Set<string>();

  const whereabouts = (): Record<string, Whereabouts> =>
    Object.fromEntries(
      apis.map(({ id, url }) => [id, { url, reuseWindow: strict.has(id) ? 0 : REUSE_WINDOW }]),
    );

  /** What a button does to an API; `false` if there is no such thing. */
  function act(api: Hosted, what: string, query: URLSearchParams): boolean {
    const fault = faults[query.get("kind") ?? ""];
    if (what === "expire") api.expire();
    else if (what === "revoke") api.revoke();
    else if (what === "fault" && fault) api.fault(fault);
    else if (what === "rotation" && api.strict) {
      const isStrict = query.get("kind") === "strict";
      api.strict(isStrict);
      if (isStrict) strict.add(api.id);
      else strict.delete(api.id);
    } else return false;
    api.log.act(query.get("kind") ?? what);
    return true;
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const [, id, what = ""] = pathname.split("/");
    const api = apis.find((one) => one.id === id);
    // Another site may send here, too: its requests say where they come from.
    const own = (request.headers["sec-fetch-site"] ?? "same-origin") === "same-origin";
    const isLog = request.method === "GET" && what === "log";
    const isAct = request.method === "POST";
    if (!own || !api || !(isLog || (isAct && act(api, what, searchParams)))) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(isLog ? api.log.since(Number(searchParams.get("since"))) : {}));
  }

  return {
    name: "demo:apis",
    apply: "serve",
    async configureServer(vite) {
      apis = await hostAll();
      vite.httpServer?.once("close", () => apis.forEach((api) => void api.close()));
      vite.middlewares.use("/backstage", answer);
    },
    transformIndexHtml: () => [
      {
        tag: "script",
        attrs: { type: "application/json", id: "apis" },
        children: JSON.stringify(whereabouts()),
        injectTo: "head",
      },
    ],
  };
}

/**
 * The demo's API: VMCloud's test server on an origin of its own, started and ended with Vite's
 * development server. What the page shows in numbers is counted here, so it holds for all tabs.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { cors } from "../test/apis/cors.ts";
import type { Handler } from "../test/apis/replies.ts";
import { serve, type Served } from "../test/apis/sockets.ts";
import { createVmcloudApi } from "../test/apis/vmcloud.ts";

/** A day of VMCloud's, shortened: an hour of a token's life passes in a second. */
const LIFE = 24_000;

/** Taken if it is free, so that the session outlives a restart of the page, and not of the API. */
const PREFERRED_PORT = 5199;

/** What `GET /demo/counters` answers. */
export interface DemoCounters {
  /** Requests for data that arrived; one that was sent twice is one. */
  readonly requests: number;
  /** Calls to the refresh endpoint. */
  readonly refreshes: number;
  /** Requests that were answered 401 and then, sent once more, 200. */
  readonly healed: number;
}

/** Starts the API, tells the page where it is, and answers `/demo/…` on the page's own origin. */
export function vmcloudApi(): Plugin {
  const api = createVmcloudApi({ life: LIFE, rotation: "strict" });
  const { handler, tally } = counting(api.fetch);
  let served: Served | undefined;

  const counters = (): DemoCounters => ({ ...tally(), refreshes: api.counters().tokenCalls });

  function answer(request: IncomingMessage, response: ServerResponse): void {
    // Another site may send here, too: its requests say where they come from.
    const from = request.headers["sec-fetch-site"] ?? "same-origin";
    const call = from === "same-origin" && `${request.method} ${request.url}`;
    if (call === "POST /expire") api.expireAccessTokens();
    else if (call !== "GET /counters") {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(counters()));
  }

  return {
    name: "demo:vmcloud-api",
    apply: "serve",
    async configureServer(vite) {
      const open = cors(handler, { expose: ["retry-after", "date"] });
      const api = await serve(open, { port: PREFERRED_PORT }).catch(() => serve(open));
      served = api;
      vite.httpServer?.once("close", () => void api.close());
      vite.middlewares.use("/demo", answer);
      const printUrls = vite.printUrls.bind(vite);
      vite.printUrls = () => {
        printUrls();
        vite.config.logger.info(`  ➜  API:     ${api.url}/`);
      };
    },
    transformIndexHtml: () => [
      { tag: "meta", attrs: { name: "api", content: served?.url ?? "" }, injectTo: "head" },
    ],
  };
}

/** Follows each request by its `n`, which is the same when it is sent again. */
function counting(handle: Handler): {
  handler: Handler;
  tally: () => Pick<DemoCounters, "requests" | "healed">;
} {
  const seen = new Set<string>();
  const refused = new Set<string>();
  let healed = 0;
  return {
    async handler(request) {
      const reply = await handle(request);
      const n = new URL(request.url).searchParams.get("n");
      if (n === null) return reply;
      seen.add(n);
      if (reply.status === 401) refused.add(n);
      else if (reply.ok && refused.delete(n)) healed += 1;
      return reply;
    },
    tally: () => ({ requests: seen.size, healed }),
  };
}

/**
 * The demo's part of Vite's development server: starts and ends the APIs, tells the page where they
 * are, and answers `/backstage/…` on the page's own origin: how the buttons reach behind the APIs.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import { CROWD } from "../app/crowd.ts";
import { createBehind } from "./behind.ts";
import type { Five, Known } from "./bindings.ts";
import { demoWorker, sendCrowd } from "./edge.ts";
import { EDGE, type Hosted, hostAll } from "./hosted.ts";
import { createWebhooks, type Webhooks } from "./webhooks.ts";

/** What the page is told of an API. */
export interface Whereabouts {
  /** The API's origin. */
  readonly url: string;
  /** Milliseconds; 0 while rotation is strict. */
  readonly reuseWindow: number;
}

export function demoApis(): Plugin[] {
  let apis: Hosted[] = [];
  let origin = (): string => "";
  /** By either of its names: an API with cookies answers to no other page. */
  const isPage = (asked: string): boolean =>
    [origin(), origin().replace("127.0.0.1", "localhost")].includes(`${asked}/`);
  let webhooks: Webhooks | undefined;
  /** So many come to the Worker for its API of this kind, as one account. */
  const visit = ({ id }: Hosted, account: string, count: number): Promise<object> =>
    sendCrowd(origin(), id.slice(EDGE.length), account, count);
  const behind = createBehind<Hosted>({
    apis: () => apis,
    // What the Worker signs in with.
    isHidden: (id) => id.startsWith(EDGE),
    webhook: async (kind) => webhooks?.send(kind) ?? {},
    more(api, what, kind) {
      if (what === "visitor") api.refuse(false);
      const count = { visitor: 1, visitors: CROWD }[what];
      return count === undefined ? undefined : visit(api, kind, count);
    },
  });

  const whereabouts = (): Record<string, Whereabouts> =>
    Object.fromEntries(
      apis
        .filter(({ id }) => !id.startsWith(EDGE))
        .map(({ id, url }) => [id, { url, reuseWindow: behind.reuseWindow(id) }]),
    );

  async function reply(request: IncomingMessage): Promise<object | undefined> {
    const { method = "GET", headers, url = "/" } = request;
    // Another site may send here, too: its requests say where they come from.
    if ((headers["sec-fetch-site"] ?? "same-origin") !== "same-origin") return undefined;
    return behind.reply(method, url);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await reply(request);
    response.writeHead(body ? 200 : 404, {
      "content-type": "application/json",
      "cache-control": "no-store",
    });
    response.end(JSON.stringify(body ?? { error: "There is no such thing" }));
  }

  const backstage: Plugin = {
    name: "demo:apis",
    apply: "serve",
    async config() {
      apis = await hostAll(isPage);
    },
    configureServer(vite) {
      origin = () => vite.resolvedUrls?.local[0] ?? "";
      vite.httpServer?.once("close", () => apis.forEach((api) => void api.close()));
      webhooks = createWebhooks(vite);
      vite.middlewares.use("/backstage", (request, response, fail) => {
        answer(request, response).catch(fail);
      });
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
  const edge = (id: string): Known => {
    const { url, credentials } = apis.find((one) => one.id === EDGE + id)!;
    return { url, credentials: () => credentials("ada") };
  };
  const five = (): Five => ({
    vmcloud: edge("vmcloud"),
    artos: edge("artos"),
    "clary-jwt": edge("clary-jwt"),
    simplismart: edge("simplismart"),
    qovery: edge("qovery"),
  });
  return [backstage, ...demoWorker(five)];
}

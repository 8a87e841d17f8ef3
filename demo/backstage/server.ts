/**
 * The demo's part of Vite's development server: starts and ends the APIs, tells the page where they
 * are, and answers `/backstage/…` on the page's own origin: how the buttons reach behind the APIs.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import type { Gate } from "../../test/apis/gates.ts";
import { CROWD } from "../app/crowd.ts";
import type { Five, Known } from "./bindings.ts";
import { demoWorker, sendCrowd } from "./edge.ts";
import { EDGE, faults, type Hosted, hostAll, REUSE_WINDOW } from "./hosted.ts";
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
  /** Strict rotation is what many servers have. */
  const strict = new Set<string>(["vmcloud", "cookie", "oauth"]);
  const gates = new Map<string, Gate>();
  let webhooks: Webhooks | undefined;

  const whereabouts = (): Record<string, Whereabouts> =>
    Object.fromEntries(
      apis
        .filter(({ id }) => !id.startsWith(EDGE))
        .map(({ id, url }) => [id, { url, reuseWindow: strict.has(id) ? 0 : REUSE_WINDOW }]),
    );

  /** So many come to the Worker for its API of this kind, as one account. */
  const visit = ({ id }: Hosted, account: string, count: number): Promise<object> =>
    sendCrowd(origin(), id.slice(EDGE.length), account, count);

  /** What a button does to an API; `undefined` if there is no such thing. */
  async function act(api: Hosted, what: string, kind: string): Promise<object | undefined> {
    const fault = faults[kind];
    if (what === "expire") await api.expire();
    else if (what === "revoke") await api.revoke();
    else if (what === "fault" && fault) api.fault(fault);
    else if (what === "hold") gates.set(api.id, api.hold());
    else if (what === "arrived") await gates.get(api.id)?.arrived;
    else if (what === "release") gates.get(api.id)?.release();
    else if (what === "webhook") return webhooks?.send(kind);
    else if (what === "visitor") {
      api.refuse(false);
      return visit(api, kind, 1);
    } else if (what === "visitors") return visit(api, kind, CROWD);
    else if (what === "rotation" && api.strict) {
      api.strict(kind === "strict");
      if (kind === "strict") strict.add(api.id);
      else strict.delete(api.id);
    } else return undefined;
    api.log.act(kind || what);
    return {};
  }

  async function reply(request: IncomingMessage): Promise<object | undefined> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const [, id, what = ""] = pathname.split("/");
    const api = apis.find((one) => one.id === id);
    // Another site may send here, too: its requests say where they come from.
    const own = (request.headers["sec-fetch-site"] ?? "same-origin") === "same-origin";
    if (!own || !api) return undefined;
    if (request.method === "POST") return act(api, what, searchParams.get("kind") ?? "");
    if (what === "log") return api.log.since(Number(searchParams.get("since")));
    // What the Worker signs in with is for no page.
    if (what !== "credentials" || api.id.startsWith(EDGE)) return undefined;
    return api.credentials(searchParams.get("account") === "grace" ? "grace" : "ada");
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

/**
 * The demo as a part of the site, where no server of its own runs: the same APIs and buttons, in a service
 * worker. What the page, its frames and the vault's worker send to an API's origin ends here.
 */
import { apis as presets, type ApiName } from "../../test/apis/apis.ts";
import { hexSignature } from "../../test/support/webhooks.ts";
import { LIFE, presetApi } from "../backstage/api.ts";
import { createBehind } from "../backstage/behind.ts";
import type { Whereabouts } from "../backstage/server.ts";
import { receive } from "../paste/webhook.ts";

/** What of a service worker's scope is used here; the page's types do not have it. */
interface Scope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: string, listener: (event: ScopeEvent) => void): void;
}
interface ScopeEvent {
  readonly request: Request;
  respondWith(reply: Promise<Response>): void;
  waitUntil(work: Promise<unknown>): void;
}
const scope = globalThis as unknown as Scope;

const apis = (Object.keys(presets) as ApiName[]).map((id) => ({
  ...presetApi(id, LIFE),
  // Nobody can own such a name (RFC 2606 §2), and nothing is sent there.
  url: `https://${id}.example`,
}));

const secret = crypto.randomUUID();
/** Sends a webhook to its receiver, which is here, too. */
async function webhook(kind: string): Promise<object> {
  const body = JSON.stringify({ id: crypto.randomUUID(), type: "vm.started", vm: "vm-1" });
  const signature = await hexSignature({ secret, body });
  const request = new Request("https://receiver.example/hooks/vmcloud", {
    method: "POST",
    headers: { "x-webhook-signature": signature },
    // A forger has seen a signature, and puts another machine under it.
    body: kind === "forged" ? body.replace("vm-1", "vm-2") : body,
  });
  const response = await receive(request, secret);
  return { status: response.status, ...((await response.json()) as object) };
}

const behind = createBehind({ apis: () => apis, webhook });

function whereabouts(): Record<string, Whereabouts> {
  const told = apis.map(({ id, url }) => [id, { url, reuseWindow: behind.reuseWindow(id) }]);
  return Object.fromEntries(told) as Record<string, Whereabouts>;
}

async function backstage(method: string, path: string): Promise<Response> {
  const body = path === "/apis" ? whereabouts() : await behind.reply(method, path);
  if (!body) return Response.json({ error: "There is no such thing" }, { status: 404 });
  return Response.json(body, { headers: { "cache-control": "no-store" } });
}

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
// A page that was loaded past its service worker asks for it.
scope.addEventListener("message", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin } = new URL(request.url);
  const api = apis.find(({ url }) => url === origin);
  const place = `${scope.registration.scope}backstage`;
  if (api) event.respondWith(api.handler(request));
  else if (request.url.startsWith(`${place}/`))
    event.respondWith(backstage(request.method, request.url.slice(place.length)));
});

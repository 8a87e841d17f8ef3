/**
 * Cookie APIs on real sockets, for tests that run in a browser: `/cookies/new` starts one, `/cookies/<id>` says
 * what it was asked and who is signed in there.
 */
import { type CookieApi, createCookieApi } from "./cookies.ts";
import { type Handler, json } from "./replies.ts";
import { serve, type Served } from "./sockets.ts";

export interface CredentialsOptions {
  /** Whose pages may ask; all by default. */
  readonly allows?: (origin: string) => boolean;
  /** Response headers that script may read; none by default. */
  readonly expose?: readonly string[];
}

/** CORS for requests with cookies, which take no wildcard (Fetch §3.3.2). */
export const withCredentials =
  (handler: Handler, { allows = () => true, expose = [] }: CredentialsOptions = {}): Handler =>
  async (request) => {
    const origin = request.headers.get("origin");
    const isAsked = request.method === "OPTIONS";
    const reply = isAsked ? new Response(null, { status: 204 }) : await handler(request);
    if (origin === null || !allows(origin)) return reply;
    const { headers } = reply;
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-allow-credentials", "true");
    headers.set("access-control-allow-methods", "GET, POST");
    headers.set("access-control-allow-headers", "authorization, content-type, x-csrf");
    if (expose.length > 0) headers.set("access-control-expose-headers", expose.join(", "));
    headers.append("vary", "Origin");
    return reply;
  };

/** What a test in a browser learns of an API. */
export interface CookieReport {
  readonly calls: CookieApi["calls"];
  readonly users: readonly string[];
  readonly reuses: number;
}

export interface CookieServers {
  answer(action: string): Promise<Response>;
  close(): Promise<unknown>;
}

export function createCookieServers(): CookieServers {
  const started: { readonly api: CookieApi; readonly served: Served }[] = [];
  async function answer(action: string): Promise<Response> {
    if (action === "new") {
      // Clocks of the tests run ahead; tokens live on here.
      const api = createCookieApi({ attributes: "Path=/; SameSite=Lax" });
      const served = await serve(withCredentials(api.fetch), { keepAlive: false });
      const id = started.push({ api, served }) - 1;
      return json(201, { id, url: served.url });
    }
    const one = started[Number(action)];
    if (!one) return json(404, { error: "No such API" });
    const { calls, users, reuses } = one.api;
    return json(200, { calls, users: users(), reuses: reuses() } satisfies CookieReport);
  }
  return { answer, close: () => Promise.all(started.map(({ served }) => served.close())) };
}

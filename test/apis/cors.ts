/** CORS around a handler, as browsers ask for it (Fetch standard §3.3): preflights and headers. */
import { isWithoutCors } from "./faults.ts";
import type { Handler } from "./replies.ts";

/** Read anew at each call, so that a test can change them. */
export interface CorsOptions {
  /** Response headers that script may read; default none, so that `Retry-After` is hidden. */
  expose?: readonly string[];
  /** Request headers that may be sent; default `authorization` and `content-type`. */
  allowHeaders?: readonly string[];
  /** How long a browser may keep a preflight's answer, seconds; default 600. */
  maxAge?: number;
  /** Whether there is CORS at all; with `false`, preflights go to the handler. Default true. */
  enabled?: boolean;
}

export function cors(handler: Handler, options: CorsOptions = {}): Handler {
  return async (request) => {
    const origin = request.headers.get("origin");
    if (origin === null || options.enabled === false) return handler(request);
    if (request.method === "OPTIONS" && request.headers.has("access-control-request-method")) {
      return preflight(origin, options);
    }
    const reply = await handler(request);
    if (isWithoutCors(reply)) return reply;
    allow(reply.headers, origin);
    const { expose = [] } = options;
    if (expose.length > 0) reply.headers.set("access-control-expose-headers", expose.join(", "));
    return reply;
  };
}

function preflight(origin: string, options: CorsOptions): Response {
  // Authorization has to be named: a wildcard does not cover it.
  const { allowHeaders = ["authorization", "content-type"], maxAge = 600 } = options;
  const reply = new Response(null, { status: 204 });
  allow(reply.headers, origin);
  reply.headers.set("access-control-allow-methods", "GET, POST, PUT, DELETE");
  reply.headers.set("access-control-allow-headers", allowHeaders.join(", "));
  reply.headers.set("access-control-max-age", String(maxAge));
  return reply;
}

/** Without `Allow-Credentials`: tokens travel in a header, cookies never. */
function allow(headers: Headers, origin: string): void {
  headers.set("access-control-allow-origin", origin);
  headers.append("vary", "Origin");
}

/**
 * What every test API does with HTTP: a call read whole, and replies in JSON and HTML.
 * Web APIs only, so that it runs in Node, Deno, Bun and workerd alike.
 */

/** A fetch handler, runtime-neutral. It rejects with `DroppedReply` where a connection dies. */
export type Handler = (request: Request) => Promise<Response>;

/** A request that has arrived in full. */
export interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Reads a request to its end: a call counts as arrived when its last byte has. */
export async function readCall(request: Request): Promise<Call> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  return { method: request.method, url: new URL(request.url), headers: request.headers, bytes };
}

/** The body as text, as far as it is UTF-8. */
export function textOf(call: Call): string {
  return new TextDecoder().decode(call.bytes);
}

/** A JSON reply. Nothing that an API with tokens says should be kept by a cache (RFC 6749 §5.1). */
export function json(status: number, value: unknown, headers: HeadersInit = {}): Response {
  const reply = new Response(JSON.stringify(value), { status, headers });
  reply.headers.set("content-type", "application/json");
  reply.headers.set("cache-control", "no-store");
  return reply;
}

/** An HTML reply: what firewalls and captive portals send. */
export function html(status: number, text: string): Response {
  const page = `<!doctype html><title>${text}</title><h1>${text}</h1>`;
  return new Response(page, { status, headers: { "content-type": "text/html; charset=utf-8" } });
}

/** The body of a JSON request, or the status with which such a body is turned down. */
export function readObject(call: Call): Readonly<Record<string, unknown>> | 400 | 415 {
  const essence = (call.headers.get("content-type") ?? "").split(";", 1)[0] ?? "";
  if (essence.trim().toLowerCase() !== "application/json") return 415;
  let value: unknown;
  try {
    value = JSON.parse(textOf(call));
  } catch {
    return 400;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return 400;
  return value as Record<string, unknown>;
}

/**
 * What the server saw, as JSON: the body as text, its length and SHA-256 (so that binary bodies can
 * be compared), and every header but the token, of which only the ordinal is told.
 */
export async function echo(call: Call, tokenIndex: number | undefined): Promise<Response> {
  const headers = Object.fromEntries(call.headers);
  delete headers["authorization"];
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", call.bytes));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const seen: Echo = {
    method: call.method,
    headers,
    authorization: call.headers.has("authorization"),
    tokenIndex: tokenIndex ?? null,
    body: textOf(call),
    bytes: call.bytes.length,
    sha256,
  };
  return json(200, seen);
}

/** The JSON of an echo reply. */
export interface Echo {
  readonly method: string;
  /** Lower-case names; `authorization` is left out. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether there was an Authorization header. */
  readonly authorization: boolean;
  /** Which of this API's access tokens came, counted from 1; `null` for none or another's. */
  readonly tokenIndex: number | null;
  readonly body: string;
  readonly bytes: number;
  /** Of the body, in hex. */
  readonly sha256: string;
}

/**
 * `vault.fetch`: `fetch` with a token, where the token may go, and one more try after a 401.
 */
import type { Policy } from "./policy.ts";
import { parseChallenge } from "./problem.ts";
import type { AccessToken, TokenNeed, TokenSource } from "./types.ts";

/** What `vault.fetch` takes beyond `RequestInit`. */
export interface VaultRequestInit extends Omit<RequestInit, "body"> {
  /** A function makes a stream anew for a second send; without one, a stream is sent once. */
  readonly body?: BodyInit | null | (() => BodyInit);
  /** Holds the runtime open for a refresh that outlives the response: `event.waitUntil`. */
  readonly waitUntil?: (promise: Promise<unknown>) => void;
}

/** `fetch`, with the two additions of {@link VaultRequestInit}. */
export type VaultFetch = (
  input: string | URL | Request,
  init?: VaultRequestInit,
) => Promise<Response>;

/** One request, as it can be sent and, if its body allows, sent again. */
export interface Outgoing {
  readonly input: string | Request;
  readonly init: RequestInit | undefined;
  /** The same bytes once more; `undefined` for a stream that nobody can make anew. */
  readonly again: () => Outgoing | undefined;
}

/** One send, redirects included. */
export type Send = (outgoing: Outgoing, authorization: string) => Promise<Response>;

export interface FetchOptions {
  readonly source: TokenSource;
  readonly policy: Policy;
  readonly authorization: (token: AccessToken) => string;
  readonly fetch: typeof fetch;
  readonly send: Send;
  /** A static token cannot be renewed: its 401 is the answer. */
  readonly returns401: boolean;
  readonly onRetry: (token: AccessToken) => void;
}

const isRequest = (input: unknown): input is Request =>
  typeof Request === "function" && input instanceof Request;

/** A caller's own `Authorization` wins and switches the vault off for that request (S6). */
function hasAuthorization(headers: HeadersInit | undefined): boolean {
  if (!headers) return false;
  if (headers instanceof Headers) return headers.has("authorization");
  const names = Symbol.iterator in headers ? [...headers].map(([name]) => name) : headers;
  if (Array.isArray(names)) return names.some(isAuthorization);
  for (const name in names) if (isAuthorization(name)) return true;
  return false;
}

const isAuthorization = (name: unknown): boolean =>
  String(name).length === 13 && String(name).toLowerCase() === "authorization";

/** The caller's headers and ours, as a plain object where that is possible: it costs least. */
export function withAuthorization(headers: HeadersInit | undefined, value: string): HeadersInit {
  if (!headers) return { authorization: value };
  if (headers instanceof Headers) {
    const copy: Record<string, string> = {};
    headers.forEach((text, name) => {
      copy[name] = text;
    });
    copy["authorization"] = value;
    return copy;
  }
  if (Symbol.iterator in headers) return [...headers, ["authorization", value]];
  return { ...headers, authorization: value };
}

/** A body that will be the same at a second send, whatever its owner does to it meanwhile. */
function lasting(body: BodyInit): BodyInit | undefined {
  if (body instanceof Blob) return body;
  if (body instanceof ArrayBuffer) return body.slice(0);
  if (ArrayBuffer.isView(body))
    return new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength).slice();
  if (body instanceof URLSearchParams) return new URLSearchParams(body);
  if (body instanceof FormData) {
    const copy = new FormData();
    body.forEach((value, name) => copy.append(name, value as string));
    return copy;
  }
  return undefined;
}

function fromInit(input: string | Request, init: VaultRequestInit | undefined): Outgoing {
  const body = init?.body;
  if (typeof body === "function") {
    const made = { ...init, body: body(), duplex: "half" } as RequestInit;
    return { input, init: made, again: () => fromInit(input, init) };
  }
  const sent = init as RequestInit | undefined;
  if (!body || typeof body === "string") {
    const same: Outgoing = { input, init: sent, again: () => same };
    return same;
  }
  const copy = lasting(body);
  return {
    input,
    init: sent,
    again: () => (copy ? fromInit(input, { ...init, body: copy }) : undefined),
  };
}

/** A request's body is a stream: it is cloned before it is sent, and the clone is sent again. */
function fromRequest(request: Request, init: VaultRequestInit | undefined): Outgoing {
  // Firefox does not show a request's body; the other engines say when there is none.
  if (init?.body != null || request.body === null || /^(GET|HEAD)$/.test(request.method))
    return fromInit(request, init);
  const spare = request.clone();
  return {
    input: request,
    init: init as RequestInit | undefined,
    again: () => fromRequest(spare, init),
  };
}

/** Sends once, the token in `Authorization`. Redirects are the runtime's. */
export function sendWith(fetch_: typeof fetch): Send {
  return ({ input, init }, authorization) => {
    if (typeof input === "string")
      return fetch_(
        input,
        init
          ? { ...init, headers: withAuthorization(init.headers, authorization) }
          : { headers: { authorization } },
      );
    const { referrer, referrerPolicy } = input;
    return fetch_(input, {
      // Fetch resets these two when anything else is given along.
      ...(referrer !== "about:client" && { referrer }),
      ...(referrerPolicy && { referrerPolicy }),
      ...init,
      headers: withAuthorization(init?.headers ?? input.headers, authorization),
    });
  };
}

/** A challenge that no refresh can meet: RFC 6750 §3.1, RFC 9470 §3. */
function isBeyondRefresh(response: Response): boolean {
  const error = parseChallenge(response.headers.get("www-authenticate"))?.["error"];
  return error === "insufficient_scope" || error === "insufficient_user_authentication";
}

export function createFetch(options: FetchOptions): VaultFetch {
  const { source, policy, authorization, send } = options;

  /** After a 401: one more try with a newer token, if there is one and the body allows it. */
  async function heal(
    response: Response,
    token: AccessToken,
    outgoing: Outgoing,
    init: VaultRequestInit | undefined,
  ): Promise<Response> {
    const { input } = outgoing;
    if (options.returns401 || isBeyondRefresh(response)) return response;
    const need = {
      rejected: token,
      signal: init?.signal ?? (typeof input === "string" ? undefined : input.signal),
      waitUntil: init?.waitUntil,
    };
    const next = outgoing.again();
    if (!next) {
      // The call after this one will find a fresh token.
      const refresh = Promise.resolve(source.getToken({ ...need, signal: undefined }));
      init?.waitUntil?.(refresh.catch(() => {}));
      refresh.catch(() => {});
      return response;
    }
    const newer = await source.getToken(need);
    if (newer.sessionId === token.sessionId && newer.generation === token.generation)
      return response;
    response.body?.cancel().catch(() => {});
    options.onRetry(newer);
    return send(next, authorization(newer));
  }

  return async (input, init) => {
    const request = isRequest(input) ? input : undefined;
    const target = request ? request.url : typeof input === "string" ? input : String(input);
    const href = policy(target);
    if (
      href === undefined ||
      request?.mode === "navigate" ||
      (init?.mode ?? request?.mode) === "no-cors" ||
      (init?.headers ? hasAuthorization(init.headers) : request?.headers.has("authorization"))
    )
      return options.fetch(input, fromInit("", init).init);

    const outgoing = request ? fromRequest(request, init) : fromInit(href, init);
    const got = source.getToken(init as TokenNeed | undefined);
    const token = "accessToken" in got ? got : await got;
    const response = await send(outgoing, authorization(token));
    return response.status === 401 ? heal(response, token, outgoing, init) : response;
  };
}

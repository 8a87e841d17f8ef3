/**
 * `vault.fetch`: `fetch` with a token, where the token may go, and one more try after a 401.
 */
import type { Policy } from "./policy.ts";
import type { AccessToken, TokenSource } from "./types.ts";

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

/** What can be sent: a URL with a body that lasts, or a request that holds its bytes. */
export type Sendable = readonly [input: string | Request, init: RequestInit | undefined];

/** One send, redirects included. The headers hold the token. */
export type Send = (
  sendable: Sendable,
  headers: Record<string, string>,
  /** What gives the same bytes once more, for a redirect that wants them. */
  again: () => Sendable | undefined,
) => Promise<Response>;

/** By shape: a frame's `Request` is no instance of ours, and `fetch` takes it all the same. */
const isRequest = (input: unknown): input is Request =>
  typeof input === "object" && input !== null && "clone" in input && "url" in input;

/** A copy of the headers as a plain object, which costs least; repeated names are joined. */
const copyHeaders = (headers: HeadersInit | undefined): Record<string, string> =>
  headers && Symbol.iterator in headers
    ? Object.fromEntries(headers instanceof Headers ? headers : new Headers(headers))
    : { ...headers };

/** Sends once. Redirects are the runtime's, which takes `Authorization` off between origins (S2). */
export const sendWith =
  (fetch_: typeof fetch): Send =>
  ([input, init], headers) => {
    // No prototype: what somebody put there is not ours to send (S15). undici reads it all the same
    // for a method that is not given.
    const method = typeof input === "object" ? input.method : "GET";
    const sent: RequestInit = { __proto__: null, method, ...init, headers } as RequestInit;
    if (typeof input === "object") {
      // Fetch resets these two when anything else is given along.
      const { referrer, referrerPolicy } = input;
      if (referrer !== "about:client") sent.referrer ??= referrer;
      if (referrerPolicy) sent.referrerPolicy ??= referrerPolicy;
    }
    return fetch_(input, sent);
  };

/** A body that stays what it is, whatever its owner does to it meanwhile; `undefined` for a stream. */
function lasting(body: BodyInit | null | undefined): BodyInit | undefined {
  if (body instanceof Blob) return body;
  if (body instanceof ArrayBuffer) return body.slice(0);
  if (ArrayBuffer.isView(body))
    return new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength).slice();
  if (body instanceof URLSearchParams) return new URLSearchParams(body);
  if (!(body instanceof FormData)) return undefined;
  const copy = new FormData();
  body.forEach((value, name) => copy.append(name, value as string));
  return copy;
}

/** What is sent, and how it is made again: the bytes of the second send are the first bytes. */
function prepare(
  target: string | Request,
  init: VaultRequestInit | undefined,
): [Sendable, () => Sendable | undefined] {
  const body = init?.body;
  if (typeof body === "function") {
    const make = (): Sendable => [target, { ...init, body: body(), duplex: "half" } as RequestInit];
    return [make(), make];
  }
  // A copy: what the caller does to its own object later changes nothing.
  const sent = init && ({ ...init } as RequestInit);
  const same: Sendable = [target, sent];
  if (typeof target === "object" && body == null) {
    // Firefox does not show a request's body; the other engines say when there is none.
    if (target.body === null || /^(get|head)$/i.test(target.method)) return [same, () => same];
    let spare = target.clone();
    return [
      same,
      () => {
        const next = spare;
        spare = next.clone();
        return [next, sent];
      },
    ];
  }
  if (body != null && typeof body !== "string") {
    const copy = lasting(body);
    if (!copy) return [same, () => undefined];
    sent!.body = copy;
  }
  return [same, () => same];
}

export function createFetch(
  policy: Policy,
  getToken: TokenSource["getToken"],
  authorization: (token: AccessToken) => string,
  fetch_: typeof fetch,
  send: Send,
  /** A token that cannot be renewed is not rejected for good: its 401 is the answer. */
  renews: boolean,
  onRetry: (token: AccessToken) => void,
): VaultFetch {
  return async (input, init) => {
    const request = isRequest(input) ? input : undefined;
    const href = policy(request ? request.url : String(input));
    const isBare =
      href === undefined ||
      request?.mode === "navigate" ||
      (init?.mode ?? request?.mode) === "no-cors";
    const headers = isBare ? {} : copyHeaders(init?.headers ?? request?.headers);
    // A caller's own wins and switches the vault off for this request (S6).
    if (isBare || Object.keys(headers).some((name) => /^authorization$/i.test(name))) {
      const own = typeof init?.body === "function" ? prepare("", init)[0][1] : init;
      // Headers that were read may have been an iterator's, which is used up.
      return fetch_(
        input,
        (isBare || !init?.headers ? own : { ...own, headers }) as RequestInit | undefined,
      );
    }

    const [first, again] = prepare(request ?? href, init);
    const signal = init?.signal === undefined ? request?.signal : init.signal;
    const waitUntil = init?.waitUntil;
    const got = getToken({ signal, waitUntil });
    const token = "accessToken" in got ? got : await got;
    const response = await send(first, { ...headers, authorization: authorization(token) }, again);
    // A challenge that no refresh can meet: RFC 6750 §3.1, RFC 9470 §3.
    if (
      response.status !== 401 ||
      !renews ||
      /error="?insufficient_/.test(response.headers.get("www-authenticate") ?? "")
    )
      return response;

    const next = again();
    const refresh = Promise.resolve(
      getToken({ rejected: token, signal: next && signal, waitUntil }),
    );
    if (!next) {
      // The call after this one will find a fresh token.
      refresh.catch(() => {});
      return response;
    }
    const newer = await refresh;
    if (newer.accessToken === token.accessToken) return response;
    response.body?.cancel().catch(() => {});
    onRetry(newer);
    return send(next, { ...headers, authorization: authorization(newer) }, again);
  };
}

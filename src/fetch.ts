/**
 * `vault.fetch`: `fetch` with a token, where the token may go, and one more try after a 401.
 */
import { VaultError } from "./errors.ts";
import type { Policy } from "./policy.ts";
import type { AccessToken, Renewal, TokenSource } from "./types.ts";

/** What `vault.fetch` takes beyond `RequestInit`. */
export interface VaultRequestInit extends Omit<RequestInit, "body"> {
  /** A function makes a stream anew for a second send; without one, a stream is sent once. */
  readonly body?: BodyInit | null | (() => BodyInit);
  /** Holds the runtime open for a refresh that outlives the response: `event.waitUntil`. */
  readonly waitUntil?: (promise: Promise<unknown>) => void;
  /** Sends this one call, in place of the vault's own `fetch`: for clients with a chain of theirs. */
  readonly fetch?: typeof fetch;
}

/** `fetch`, with the additions of {@link VaultRequestInit}. */
export type VaultFetch = (
  input: string | URL | Request,
  init?: VaultRequestInit,
) => Promise<Response>;

/** What can be sent. `init` is ours: nobody else holds it, so that it may be changed. */
export type Sendable = readonly [input: string | Request, init: SentInit];

/** Follows the redirect that a reply asks for; a reply that asks for none is the answer. */
export type Follow = (
  response: Response,
  sent: Sendable,
  /** What gives the same bytes once more, for a redirect that wants them. */
  again: () => Sendable | undefined,
  /** What sends; the vault's own `fetch` by default. */
  send?: typeof fetch,
) => Promise<Response>;

export interface SentInit extends Omit<RequestInit, "headers"> {
  headers: Record<string, string>;
}

/**
 * An init without `Object.prototype`: what somebody put there is not ours to send (S15). A function's
 * prototype, because an object literal without one is several times slower in V8.
 */
function Sent(this: SentInit, method: string, headers: Record<string, string>): void {
  // Given in any case: undici reads an inherited one all the same.
  this.method = method;
  this.headers = headers;
}
Sent.prototype = Object.freeze(Object.create(null));

const sentInit = (
  target: string | Request,
  init: RequestInit | undefined,
  headers: Record<string, string>,
): SentInit => {
  const own = new (Sent as unknown as new (method: string, headers: object) => SentInit)(
    typeof target === "string" ? "GET" : target.method,
    headers,
  );
  if (init) {
    Object.assign(own, init);
    own.headers = headers;
  }
  if (typeof target === "object") {
    // Fetch resets these two when anything else is given along.
    const { referrer, referrerPolicy } = target;
    if (referrer !== "about:client") own.referrer ??= referrer;
    if (referrerPolicy) own.referrerPolicy ??= referrerPolicy;
  }
  return own;
};

/** By shape: a frame's `Request` is no instance of ours, and `fetch` takes it all the same. */
const isRequest = (input: unknown): input is Request =>
  typeof input === "object" && input !== null && "clone" in input && "url" in input;

/** A copy of the headers as a plain object, which costs least; repeated names are joined. */
const copyHeaders = (headers: HeadersInit): Record<string, string> =>
  Symbol.iterator in headers
    ? Object.fromEntries(headers instanceof Headers ? headers : new Headers(headers))
    : { ...headers };

/** A caller's own `Authorization` wins and switches the vault off for its request (S6). */
function hasAuthorization(headers: Record<string, string>): boolean {
  for (const name of Object.keys(headers))
    if (name.length === 13 && name.toLowerCase() === "authorization") return true;
  return false;
}

/** A body that stays what it is, whatever its owner does to it meanwhile; `undefined` for a stream. */
function lasting(body: BodyInit): BodyInit | undefined {
  if (typeof body === "string" || body instanceof Blob) return body;
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
  headers: Record<string, string>,
): [Sendable, () => Sendable | undefined] {
  const own = sentInit(target, init as RequestInit | undefined, headers);
  const same: Sendable = [target, own];
  const body = init?.body;
  if (typeof body === "function") {
    const make = (): Sendable => [
      target,
      Object.assign(sentInit(target, own, headers), { body: body(), duplex: "half" }),
    ];
    return [make(), make];
  }
  if (body != null) {
    own.body = lasting(body) ?? (body as BodyInit);
    return [same, () => (own.body === body && lasting(body) === undefined ? undefined : same)];
  }
  // Firefox does not show a request's body; the other engines say when there is none.
  if (typeof target === "string" || target.body === null || /^(get|head)$/i.test(target.method))
    return [same, () => same];
  let spare = target.clone();
  return [
    same,
    () => {
      const next = spare;
      spare = next.clone();
      return [next, own];
    },
  ];
}

/** The server's time; `NaN` where the runtime does not show it. */
const dateOf = ({ headers }: Response): number => Date.parse(headers.get("date") ?? "");

export function createFetch(
  policy: Policy,
  getToken: TokenSource["getToken"],
  authorization: (token: AccessToken) => string,
  fetch_: typeof fetch,
  /** Where it is absent, the runtime follows, and takes `Authorization` off between origins (S2). */
  follow: Follow | undefined,
  renewal: Renewal | undefined,
  onRetry: (token: AccessToken) => void,
): VaultFetch {
  /** After a 401: one more try with a newer token, if there is one and the body allows it. */
  async function heal(
    response: Response,
    token: AccessToken,
    again: () => Sendable | undefined,
    follows: boolean,
    send: typeof fetch,
    signal?: AbortSignal | null | undefined,
    waitUntil?: VaultRequestInit["waitUntil"],
  ): Promise<Response> {
    // A challenge that no refresh can meet: RFC 6750 §3.1, RFC 9470 §3.
    if (/error="?insufficient_/.test(response.headers.get("www-authenticate") ?? ""))
      return response;
    const next = again();
    const date = dateOf(response);
    const refresh = Promise.resolve(
      getToken({ rejected: token, date, signal: next && signal, waitUntil }),
    );
    if (!next) {
      // The call after this one will find a fresh token.
      refresh.catch(() => {});
      return response;
    }
    // What cannot be renewed asks the application by its state and an event; the 401 is the answer.
    const newer = await (renewal ? refresh : refresh.catch(() => token));
    if (newer.accessToken !== token.accessToken) {
      response.body?.cancel().catch(() => {});
      onRetry(newer);
      const [, init] = next;
      init.headers = { ...init.headers, authorization: authorization(newer) };
      if (follows) init.redirect = "manual";
      response = await send(next[0], init);
      if (follows) response = await follow!(response, next, again, send);
    }
    if (renewal?.selfSigned && response.status === 401 && !dateOf(response))
      throw new VaultError("clock_unknown", undefined, 401);
    return response;
  }

  async function slow(
    input: string | URL | Request,
    init: VaultRequestInit | undefined,
    early?: Promise<AccessToken>,
  ): Promise<Response> {
    const request = isRequest(input) ? input : undefined;
    // Its own member only: what somebody put on `Object.prototype` reads no token (S15).
    const send = (init && Object.hasOwn(init, "fetch") && init.fetch) || fetch_;
    const href = policy(request ? request.url : String(input));
    const isBare =
      href === undefined ||
      request?.mode === "navigate" ||
      (init?.mode ?? request?.mode) === "no-cors";
    const given = init?.headers ?? request?.headers;
    const headers = isBare || !given ? {} : copyHeaders(given);
    if (isBare || hasAuthorization(headers)) {
      const own =
        typeof init?.body === "function"
          ? { ...init, body: init.body(), duplex: "half" }
          : (init as RequestInit | undefined);
      // Headers that were read may have been an iterator's, which is used up.
      return send(
        input,
        (isBare || !init?.headers ? own : { ...own, headers }) as RequestInit | undefined,
      );
    }

    const [first, again] = prepare(request ?? href, init, headers);
    const signal = init?.signal === undefined ? request?.signal : init.signal;
    const waitUntil = init?.waitUntil;
    const got = early ?? getToken({ signal, waitUntil });
    const token = "accessToken" in got ? got : await got;
    headers["authorization"] = authorization(token);
    const follows = !!follow && (first[1].redirect ?? request?.redirect ?? "follow") === "follow";
    if (follows) first[1].redirect = "manual";
    let response = await send(...first);
    if (follows && response.status >= 300) response = await follow(response, first, again, send);
    return response.status === 401
      ? heal(response, token, again, follows, send, signal, waitUntil)
      : response;
  }

  return (input, init) => {
    // The common case by itself: a URL as a text, a token at hand, nothing to copy or to wait for.
    if (init || typeof input !== "string") return slow(input, init);
    const href = policy(input);
    if (href === undefined) return slow(input, init);
    const token = getToken();
    if (!("accessToken" in token)) return slow(input, init, token);
    const own = sentInit(href, undefined, { authorization: authorization(token) });
    if (follow) own.redirect = "manual";
    return fetch_(href, own).then((response) =>
      response.status < 300 ? response : other(response, [href, own], token),
    );
  };

  /** The rest of the common case: a redirect, a 401, or an answer as it is. */
  async function other(first: Response, same: Sendable, token: AccessToken): Promise<Response> {
    const again = (): Sendable => same;
    const response = follow ? await follow(first, same, again) : first;
    return response.status === 401 ? heal(response, token, again, !!follow, fetch_) : response;
  }
}

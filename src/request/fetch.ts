/**
 * `vault.fetch`: `fetch` with a token, where the token may go, and one more try after a 401.
 */
import { VaultError } from "../errors.ts";
import type { Policy } from "./policy.ts";
import type { AccessToken, Renewal, TokenSource } from "../types.ts";

/** By this way, because Node's own types have no `BodyInit`. */
type Body = NonNullable<RequestInit["body"]>;

/** What `vault.fetch` takes beyond `RequestInit`. */
export interface VaultRequestInit extends Omit<RequestInit, "body"> {
  /** A function makes a stream anew for a second send; without one, a stream is sent once. */
  readonly body?: Body | null | (() => Body);
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
  send: typeof fetch,
) => Promise<Response>;

export interface SentInit extends Omit<VaultRequestInit, "body" | "headers" | "redirect"> {
  headers: Record<string, string>;
  body?: Body | null;
  duplex?: "half";
  redirect?: NonNullable<RequestInit["redirect"]>;
}

/**
 * An init without `Object.prototype`: what somebody put there is not ours to send (S15). A function's
 * prototype, because an object literal without one is several times slower in V8.
 */
const Sent = function (
  this: SentInit,
  target: string | Request,
  init: VaultRequestInit | undefined,
  headers: Record<string, string>,
) {
  const isText = typeof target === "string";
  // Given in any case: undici reads an inherited one all the same.
  this.method = isText ? "GET" : target.method;
  // Fetch reads inherited members too, a Request's for one, but `Object.prototype` has none to say.
  if (init && Object.getPrototypeOf(init) !== Object.prototype)
    for (const name in init)
      if (!(name in Object.prototype)) Object.assign(this, { [name]: init[name as never] });
  if (init) Object.assign(this, init);
  this.headers = headers;
  if (isText) return;
  // Fetch resets these two when anything else is given along.
  const { referrer, referrerPolicy } = target;
  if (referrer !== "about:client") this.referrer ??= referrer;
  if (referrerPolicy) this.referrerPolicy ??= referrerPolicy;
} as unknown as new (
  target: string | Request,
  init: VaultRequestInit | undefined,
  headers: Record<string, string>,
) => SentInit;
Sent.prototype = Object.freeze(Object.create(null));

/**
 * The address that is sent, whatever a subclass or a property of the object says (S1). By the platform's
 * getter, which a frame's `Request` has too, and which throws for what only looks like one.
 */
export const urlOf = (request: Request): string => Reflect.get(Request.prototype, "url", request);

/** A copy of the headers as a plain object, which costs least; repeated names are joined. */
const copyHeaders = (headers: HeadersInit): Record<string, string> =>
  Symbol.iterator in headers ? Object.fromEntries(new Headers(headers)) : { ...headers };

/** A caller's own `Authorization` wins and switches the vault off for its request (S6). */
const hasAuthorization = (headers: Record<string, string>): boolean =>
  Object.keys(headers).some((name) => /^authorization$/i.test(name));

/**
 * A body that stays what it is, whatever its owner does to it meanwhile; `undefined` for a stream. Known by
 * what it can do: another realm's, as a frame's or a test runner's, is no instance of ours.
 */
function lasting(body: Body): Body | undefined {
  if (typeof body === "string") return body;
  const { byteLength, stream, getAll, sort } = body as Partial<
    ArrayBuffer & Blob & URLSearchParams
  >;
  if (stream) return body;
  if (byteLength !== undefined) return new Blob([body as ArrayBuffer]);
  if (!getAll) return undefined;
  const copy = sort ? new URLSearchParams() : new FormData();
  (body as FormData).forEach((value, name) => copy.append(name, value as string));
  return copy;
}

/** How what is sent is made again: the bytes of the second send are the first bytes. */
function prepare(target: string | Request, own: SentInit): () => Sendable | undefined {
  const { body } = own;
  if (typeof body === "function") {
    const make = (): Sendable => {
      own.body = (body as () => Body)();
      return [target, own];
    };
    own.duplex = "half";
    make();
    return make;
  }
  if (body != null) {
    const kept = lasting(body);
    own.body = kept ?? body;
    return () => (kept === undefined ? undefined : [target, own]);
  }
  // Firefox does not show a request's body; the other engines say when there is none.
  if (typeof target === "string" || target.body === null || /^(get|head)$/i.test(target.method))
    return () => [target, own];
  let spare = Request.prototype.clone.call(target);
  return () => {
    const next = spare;
    spare = next.clone();
    return [next, own];
  };
}

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
  /** A redirect is followed. After a 401: one more try with a newer token, if the body allows it. */
  async function settle(
    response: Response,
    sent: Sendable,
    token: AccessToken,
    hop: Follow | undefined,
    again: () => Sendable | undefined = () => sent,
  ): Promise<Response> {
    const [target, { signal = (target as Request).signal, waitUntil, fetch: send = fetch_ }] = sent;
    if (hop) response = await hop(response, sent, again, send);
    if (
      response.status !== 401 ||
      // A challenge that no refresh can meet: RFC 6750 §3.1, RFC 9470 §3.
      /error\W+insufficient_/i.test(response.headers.get("www-authenticate") ?? "")
    )
      return response;
    const next = again();
    // The server's time; `NaN` where the runtime does not show it.
    const date = Date.parse(response.headers.get("date") ?? "");
    const refresh = Promise.resolve(
      getToken({ rejected: token, date, signal: next && signal, waitUntil }),
    );
    if (!next) {
      // The call after this one will find a fresh token.
      refresh.catch(() => {});
      return response;
    }
    // What cannot be renewed asks the application by its state and an event; the 401 is the answer.
    const release = (): void => void response.body?.cancel().catch(() => {});
    const newer = await refresh.catch((error) => {
      if (!renewal) return token;
      release();
      throw error;
    });
    if (newer.accessToken !== token.accessToken) {
      release();
      onRetry(newer);
      next[1].headers["authorization"] = authorization(newer);
      response = await send(...(next as readonly [string, RequestInit]));
      if (hop) response = await hop(response, next, again, send);
    }
    if (renewal?.selfSigned && response.status === 401 && !date)
      throw new VaultError("clock_unknown", undefined, { status: 401 });
    return response;
  }

  async function slow(
    input: string | URL | Request,
    init: VaultRequestInit | undefined,
    early?: AccessToken | Promise<AccessToken>,
  ): Promise<Response> {
    const request = (input as Request | null)?.clone ? (input as Request) : undefined;
    const href = policy(request ? urlOf(request) : String(input));
    const isBare =
      href === undefined ||
      request?.mode === "navigate" ||
      (init?.mode ?? request?.mode) === "no-cors";
    const given = init?.headers ?? request?.headers;
    const headers =
      given && (!isBare || typeof init?.body === "function") ? copyHeaders(given) : {};
    const target = request ?? href ?? "";
    const own = new Sent(target, init, headers);
    const { signal = request?.signal, waitUntil, fetch: send = fetch_ } = own;
    if (isBare || hasAuthorization(headers)) {
      const makes = typeof init?.body === "function";
      if (makes) prepare(target, own);
      // Headers that were read may have been an iterator's, which is used up.
      const bare = makes || (init?.headers && !isBare) ? own : init;
      return send(request ?? input, bare as RequestInit | undefined);
    }

    const hop = (own.redirect ?? request?.redirect ?? "follow") === "follow" ? follow : undefined;
    if (hop) own.redirect = "manual";
    const again = prepare(target, own);
    const got = early ?? getToken({ signal, waitUntil });
    const token = "accessToken" in got ? got : await got;
    headers["authorization"] = authorization(token);
    const response = await send(target, own as RequestInit);
    return response.status < 300 ? response : settle(response, [target, own], token, hop, again);
  }

  return (input, init) => {
    // The common case by itself: a URL as a text, a token at hand, nothing to copy or to wait for.
    const href = init || typeof input !== "string" ? undefined : policy(input);
    const token = href && getToken();
    if (!token || !("accessToken" in token)) return slow(input, init, token || undefined);
    const own = new Sent(href!, undefined, { authorization: authorization(token) });
    if (follow) own.redirect = "manual";
    try {
      return fetch_(href!, own as RequestInit).then((response) =>
        response.status < 300 ? response : settle(response, [href!, own], token, follow),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/**
 * What a caller says about its request, read once and kept: by Fetch's rules for dictionaries, and
 * without what somebody has put on `Object.prototype` (S15).
 */
import type { Given, KeptHeaders, SentInit, VaultRequestInit } from "./contract.ts";

/**
 * The members that Fetch asks for by name, so that own, inherited and hidden ones count alike (F90).
 * What a runtime has beside them (`cf`, `dispatcher`, `client` …) is taken where it can be enumerated.
 */
const OWN = "method headers body redirect fetch".split(" ");
const SENT =
  "mode credentials cache referrer referrerPolicy integrity keepalive signal duplex priority window waitUntil".split(
    " ",
  );

const NOTHING: Given = Object.freeze({
  method: undefined,
  headers: undefined,
  body: undefined,
  redirect: undefined,
  fetch: undefined,
  mode: undefined,
  signal: undefined,
  waitUntil: undefined,
  rest: undefined,
});

/** Whether it is the object's own to say, or its class's, and not just anybody's. */
function says(object: object, name: string): boolean {
  const root = Object.prototype;
  if (!Object.hasOwn(root, name)) return true;
  let at: unknown = object;
  while (at && at !== root && !Object.hasOwn(at, name)) at = Object.getPrototypeOf(at);
  return !!at && at !== root;
}

/**
 * Makes an init without `Object.prototype`: what somebody put there is not ours to send. A function's
 * prototype, because an object literal without one is several times slower in V8.
 */
export const Sent = function (
  this: SentInit,
  method?: string,
  headers?: HeadersInit,
  body?: SentInit["body"],
  redirect?: SentInit["redirect"],
) {
  // Always the same members: an absent one and one that is `undefined` are the same to Fetch.
  this.method = method;
  this.headers = headers;
  this.body = body;
  this.redirect = redirect;
} as unknown as new (
  method?: string,
  headers?: HeadersInit,
  body?: SentInit["body"],
  redirect?: SentInit["redirect"],
) => SentInit;
Sent.prototype = Object.freeze(Object.create(null));

/** Each member once, as Fetch would read it. */
export function readInit(init: VaultRequestInit | undefined): Given {
  // All members are own ones, so that none is anybody else's.
  if (!init) return NOTHING;
  const read = (name: string): unknown =>
    says(init, name) ? init[name as keyof VaultRequestInit] : undefined;
  const rest: Record<string, unknown> = Object.create(null);
  const take = (name: string): void => {
    const value = read(name);
    if (value !== undefined) rest[name] = value;
  };
  SENT.forEach(take);
  for (const name in init) if (!OWN.includes(name) && !SENT.includes(name)) take(name);
  const own = Object.fromEntries(OWN.map((name) => [name, read(name)]));
  const { mode, signal, waitUntil } = rest as VaultRequestInit;
  return { ...NOTHING, ...own, mode, signal, waitUntil, rest };
}

/** A copy that keeps the case of each name, as `fetch` does on the wire. */
export function keepHeaders(headers: HeadersInit): KeptHeaders {
  if (!(Symbol.iterator in headers)) return { ...headers };
  const copy = new Headers(headers);
  // Without any, a literal is the cheaper way to add one.
  for (const _ of copy) return copy;
  return {};
}

/** A caller's own `Authorization` wins and switches the vault off for its request (S6). */
export function hasAuthorization(headers: KeptHeaders): boolean {
  if (headers instanceof Headers) return headers.has("authorization");
  for (const name in headers)
    // By its length first: this is asked at every request. An inherited one is not sent.
    if (
      name.length === 13 &&
      name.toLowerCase() === "authorization" &&
      Object.hasOwn(headers, name)
    )
      return true;
  return false;
}

/** Headers for one send. */
export function headersWith(headers: KeptHeaders, authorization: string | undefined): HeadersInit {
  if (!(headers instanceof Headers))
    return authorization === undefined ? { ...headers } : { ...headers, authorization };
  const copy = new Headers(headers);
  if (authorization !== undefined) copy.set("authorization", authorization);
  return copy;
}

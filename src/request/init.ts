/**
 * What a caller says about its request, read once and kept: by Fetch's rules for dictionaries, and
 * without what somebody has put on `Object.prototype` (S15).
 */
import type { Given, KeptHeaders, SentInit, VaultRequestInit } from "./contract.ts";

/**
 * The members that Fetch asks for by name, and ours: own, inherited and hidden ones count alike (F90).
 * What a runtime has beside them (`cf`, `dispatcher`, `client` …) is taken where it can be enumerated.
 */
const MEMBERS =
  "method headers body redirect mode credentials cache referrer referrerPolicy integrity keepalive signal duplex priority window waitUntil fetch".split(
    " ",
  );

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

/** An init that says nothing. */
export const NOTHING: Given = Object.freeze(Object.create(null));

/** Each member once, as Fetch would read it. */
export function readInit(init: VaultRequestInit | undefined): Given {
  if (!init) return NOTHING;
  const given: Record<string, unknown> = Object.create(null);
  const names = new Set(MEMBERS);
  for (const name in init) names.add(name);
  for (const name of names) {
    const value = says(init, name) ? init[name as keyof VaultRequestInit] : undefined;
    if (value !== undefined) given[name] = value;
  }
  return given;
}

/** What a `Request` says of itself, beside method, headers, body and where it comes from. */
export function saidBy(request: Request): Given {
  const { mode, credentials, cache, integrity, keepalive, signal } = request;
  return { mode, credentials, cache, integrity, keepalive, signal };
}

/** Fetch resets these two when anything else is given along. */
export const keepReferrer = (given: Given, { referrer, referrerPolicy }: Request): Given =>
  referrer === "about:client" && !referrerPolicy
    ? given
    : Object.assign(
        Object.create(null),
        referrer !== "about:client" && { referrer },
        referrerPolicy && { referrerPolicy },
        given,
      );

/** A copy that keeps the case of each name, as `fetch` does on the wire. */
export function keepHeaders(headers: HeadersInit): KeptHeaders {
  if (!(Symbol.iterator in headers)) return { ...headers };
  const copy = new Headers(headers);
  // Without any, a literal is the cheaper way to add one.
  for (const _ of copy) return copy;
  return {};
}

/** By its length first: this is asked at every request. */
const isAuthorization = (name: string): boolean =>
  name.length === 13 && name.toLowerCase() === "authorization";

/** A caller's own `Authorization` wins and switches the vault off for its request (S6). */
export function namesAuthorization(headers: object): boolean {
  // An inherited one is not sent.
  for (const name in headers)
    if (isAuthorization(name) && Object.hasOwn(headers, name)) return true;
  return false;
}

/** The same of headers of any kind. */
export const hasAuthorization = (headers: KeptHeaders): boolean =>
  headers instanceof Headers ? headers.has("authorization") : namesAuthorization(headers);

/** Headers for one send. */
export function headersWith(headers: KeptHeaders, authorization: string | undefined): HeadersInit {
  if (!(headers instanceof Headers))
    return authorization === undefined ? { ...headers } : { ...headers, authorization };
  const copy = new Headers(headers);
  if (authorization !== undefined) copy.set("authorization", authorization);
  return copy;
}

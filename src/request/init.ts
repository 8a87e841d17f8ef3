/**
 * What a caller says about its request, read once and kept: by Fetch's rules for dictionaries, and
 * without what somebody has put on `Object.prototype` (S15).
 */
import { says } from "../guard/json.ts";
import type { Given, KeptHeaders, VaultRequestInit } from "./contract.ts";

/**
 * The members that Fetch asks for by name, and ours: own, inherited and hidden ones count alike (F90).
 * What a runtime has beside them (`cf`, `dispatcher`, `client` …) is taken where it can be enumerated.
 */
const MEMBERS =
  "method headers body redirect mode credentials cache referrer referrerPolicy integrity keepalive signal duplex priority window waitUntil fetch".split(
    " ",
  );

/** An init that says nothing. */
export const NOTHING: Given = Object.freeze(Object.create(null));

const CLIENT = "about:client";

/** Each member once, as Fetch would read it, and what it takes off a `Request` when it reads any. */
export function readInit(init: VaultRequestInit | undefined, request?: Request): Given {
  const { referrer = CLIENT, referrerPolicy = "" } = request ?? NOTHING;
  if (!init && referrer === CLIENT && !referrerPolicy) return NOTHING;
  const given: Record<string, unknown> = Object.create(null);
  if (referrer !== CLIENT) given["referrer"] = referrer;
  if (referrerPolicy) given["referrerPolicy"] = referrerPolicy;
  if (!init) return given;
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

/** A copy that keeps the case of each name, as `fetch` does on the wire. */
export function keepHeaders(headers: HeadersInit): KeptHeaders {
  if (!(Symbol.iterator in headers)) return { ...headers };
  // Where there are none, a literal is the cheaper way to add one.
  const isEmpty = headers instanceof Headers && Headers.prototype.keys.call(headers).next().done;
  return isEmpty ? {} : new Headers(headers);
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

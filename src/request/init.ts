/**
 * Reads a caller's init once, by Fetch's rules for dictionaries and without the members that a script has
 * put on `Object.prototype` (S15).
 */
import { says } from "../guard/json.ts";
import type { AccessToken } from "../types.ts";
import type { Given, KeptHeaders, VaultRequestInit } from "./contract.ts";
import { AUTHORIZATION, type Presentation } from "./presentation.ts";

/**
 * The members that Fetch asks for by name, and the vault's: own, inherited and hidden ones count alike
 * (F90). A runtime's own members (`cf`, `dispatcher`, `client` …) are taken where they can be enumerated.
 */
const MEMBERS =
  "method headers body redirect mode credentials cache referrer referrerPolicy integrity keepalive signal duplex priority window waitUntil fetch".split(
    " ",
  );

/**
 * A `Request` shows in its methods, because one of another realm is no instance of the class here. A member
 * on `Object.prototype` makes no request of a text or a `URL` (F67).
 */
export const isRequest = (input: string | URL | Request): input is Request =>
  typeof input === "object" && input !== null && "clone" in input && says(input, "clone");

/** An init that says nothing. */
export const NOTHING: Given = Object.freeze(Object.create(null));

const CLIENT = "about:client";

/** Reads each member once, as Fetch would, with the `Request`'s referrer, which Fetch drops beside an init. */
export function readInit(init: VaultRequestInit | undefined, request?: Request): Given {
  const { referrer = CLIENT, referrerPolicy = "" } = request ?? NOTHING;
  // What is neither that nor an object is refused below, as by Fetch.
  const isAbsent = init === undefined || init === null;
  if (isAbsent && referrer === CLIENT && !referrerPolicy) return NOTHING;
  const given: Record<string, unknown> = Object.create(null);
  if (referrer !== CLIENT) given["referrer"] = referrer;
  if (referrerPolicy) given["referrerPolicy"] = referrerPolicy;
  if (isAbsent) return given;
  const names = new Set(MEMBERS);
  for (const name in init) names.add(name);
  for (const name of names) {
    const value: unknown = says(init, name) ? Reflect.get(init, name) : undefined;
    if (value !== undefined) given[name] = value;
  }
  return given;
}

/** The members of a `Request` besides method, headers, body and referrer. */
export function saidBy(request: Request): Given {
  const { mode, credentials, cache, integrity, keepalive, signal } = request;
  return { mode, credentials, cache, integrity, keepalive, signal };
}

/** A copy that keeps the case of each name, as `fetch` does on the wire. */
export function keepHeaders(headers: HeadersInit): KeptHeaders {
  if (!(Symbol.iterator in headers)) return { ...headers };
  // Without headers a literal is the cheaper way to add one.
  const isEmpty = headers instanceof Headers && Headers.prototype.keys.call(headers).next().done;
  return isEmpty ? {} : new Headers(headers);
}

/**
 * Whether a header of the caller's own would show the token: it wins, and switches the vault off for its
 * request (S6). `header` is in lower case.
 */
export function namesHeader(headers: object, header: string): boolean {
  // The length comes first, because every request asks. An inherited header is not sent.
  for (const name in headers)
    if (
      name.length === header.length &&
      name.toLowerCase() === header &&
      Object.hasOwn(headers, name)
    )
      return true;
  return false;
}

/** The same for headers of any kind. */
export const hasHeader = (headers: KeptHeaders, header: string): boolean =>
  headers instanceof Headers ? headers.has(header) : namesHeader(headers, header);

/** Headers for one send, which shows this token, or none. */
export function headersWith(
  headers: KeptHeaders,
  { header, show }: Presentation,
  token: AccessToken | undefined,
): HeadersInit {
  if (headers instanceof Headers) {
    const copy = new Headers(headers);
    if (token) copy.set(header, show(token));
    return copy;
  }
  if (!token) return { ...headers };
  const value = show(token);
  // A computed name makes V8 ten times as slow.
  return header === AUTHORIZATION
    ? { ...headers, authorization: value }
    : { ...headers, [header]: value };
}

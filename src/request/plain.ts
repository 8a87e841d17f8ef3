/**
 * The commonest calls, read in one go: method, a literal with headers, a text as body, and nothing else.
 * Their `fetch` gets an init of always the same shape.
 */
import { keepText, NO_BODY } from "./body.ts";
import type { Call, FetchOptions, Given, VaultRequestInit } from "./contract.ts";
import { namesAuthorization, NOTHING } from "./init.ts";

/** Members of an init that need no further reading. */
export interface Plain {
  readonly method: string;
  /** Nobody else's. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly body: string | undefined;
}

const PLAIN_GET: Plain = { method: "GET", headers: undefined, body: undefined };

/** Whether it is nothing but its own members. */
const isLiteral = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;

/** What somebody may have put there is not the caller's (S15). */
const root: Given = Object.prototype;

/** Whether it says more than it enumerates, or `Object.prototype` says something. */
const saysMore = (init: Given): boolean =>
  root.method !== undefined ||
  root.headers !== undefined ||
  root.body !== undefined ||
  init.mode !== undefined ||
  init.credentials !== undefined ||
  init.cache !== undefined ||
  init.redirect !== undefined ||
  init.referrer !== undefined ||
  init.referrerPolicy !== undefined ||
  init.integrity !== undefined ||
  init.keepalive !== undefined ||
  init.signal !== undefined ||
  init.duplex !== undefined ||
  init.priority !== undefined ||
  init.fetch !== undefined;

/** `undefined` for any other kind of init. */
export function readPlain(init: VaultRequestInit | undefined): Plain | undefined {
  if (init === undefined) return PLAIN_GET;
  if (init === null || !isLiteral(init) || saysMore(init as Given)) return undefined;
  for (const name in init)
    if (name !== "method" && name !== "headers" && name !== "body") return undefined;
  const { method = "GET", headers: given, body } = init;
  if (typeof body !== "string" && body !== undefined) return undefined;
  if (given === undefined) return { method, headers: undefined, body };
  if (given === null || !isLiteral(given) || Symbol.iterator in given) return undefined;
  const headers = { ...(given as Record<string, string>) };
  return namesAuthorization(headers) ? undefined : { method, headers, body };
}

/** What is kept of it, for whatever its first reply asks for. */
export const toCall = (
  { fetch: send, follow }: FetchOptions,
  { method, headers, body }: Plain,
  href: string,
): Call => ({
  input: href,
  href,
  method,
  headers: headers ?? {},
  given: NOTHING,
  redirect: follow && "manual",
  body: body === undefined ? NO_BODY : keepText(body),
  send,
  follow,
});

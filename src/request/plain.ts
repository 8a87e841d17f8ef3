/**
 * The commonest calls, read in one go: a method, a literal with headers, a text as body, and nothing
 * else, with a token that goes into `Authorization`. For them `fetch` gets an init of always the same shape.
 */
import { keepBody } from "./body.ts";
import type { Call, FetchOptions, VaultRequestInit } from "./contract.ts";
import { namesHeader, NOTHING } from "./init.ts";
import { AUTHORIZATION } from "./presentation.ts";

/** An init of a common call, read. */
export interface Plain {
  readonly method: string;
  /** A copy. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly body: string | undefined;
}

const PLAIN_GET: Plain = { method: "GET", headers: undefined, body: undefined };

/** Whether a value is a plain object, all of whose members are its own. */
const isLiteral = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;

/** A member that a script has put there is not the caller's (S15). */
const root: VaultRequestInit = Object.prototype;

/** `undefined` for any other kind of init. */
export function readPlain(init: VaultRequestInit | undefined): Plain | undefined {
  if (init === undefined) return PLAIN_GET;
  if (init === null || !isLiteral(init) || init.signal !== undefined) return undefined;
  if (root.method !== undefined || root.headers !== undefined || root.body !== undefined)
    return undefined;
  for (const name in init)
    if (name !== "method" && name !== "headers" && name !== "body") return undefined;
  const { method = "GET", headers: given, body } = init;
  if (typeof method !== "string") return undefined;
  if (body !== undefined && typeof body !== "string") return undefined;
  if (given === undefined) return { method, headers: undefined, body };
  if (given === null || !isLiteral(given) || Symbol.iterator in given) return undefined;
  const headers: Record<string, string> = { ...given };
  return namesHeader(headers, AUTHORIZATION) ? undefined : { method, headers, body };
}

/** The whole call, made when its first reply asks for more. */
export const toCall = (
  { fetch: send, follow, presentation }: FetchOptions,
  { method, headers, body }: Plain,
  href: string,
): Call => ({
  input: href,
  href,
  method,
  headers: headers ?? {},
  given: NOTHING,
  redirect: follow && "manual",
  body: keepBody(body, undefined),
  send,
  presentation,
  signal: undefined,
  waitUntil: undefined,
  follow,
});

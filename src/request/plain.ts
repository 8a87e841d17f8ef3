/**
 * The commonest calls, read in one go: method, a literal with headers, a text as body, and nothing else.
 * Their `fetch` gets an init of always the same shape.
 */
import { keepText, NO_BODY } from "./body.ts";
import type { Call, FetchOptions, VaultRequestInit } from "./contract.ts";
import { hasAuthorization } from "./init.ts";

/** Members of an init that need no further reading. */
export interface Plain {
  readonly method: string;
  /** Nobody else's. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly body: string | undefined;
}

const NOTHING: Plain = { method: "GET", headers: undefined, body: undefined };

/** Whether it is nothing but its own members. */
const isLiteral = (value: object): boolean => Object.getPrototypeOf(value) === Object.prototype;

/**
 * `undefined` for any other kind of init. Members are asked for as own ones: what somebody has put on
 * `Object.prototype` is not the caller's (S15).
 */
export function readPlain(init: VaultRequestInit | undefined): Plain | undefined {
  if (init === undefined) return NOTHING;
  if (init === null || !isLiteral(init)) return undefined;
  let method: string | undefined;
  let given: object | undefined;
  let body: VaultRequestInit["body"];
  for (const name of Object.keys(init))
    if (name === "method") method = init.method;
    else if (name === "headers") given = init.headers;
    else if (name === "body") body = init.body;
    else return undefined;
  if (typeof body !== "string" && body !== undefined) return undefined;
  let headers: Record<string, string> | undefined;
  if (given !== undefined) {
    if (given === null || !isLiteral(given) || Symbol.iterator in given) return undefined;
    headers = { ...(given as Record<string, string>) };
    if (hasAuthorization(headers)) return undefined;
  }
  return { method: method ?? "GET", headers, body };
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
  redirect: follow && "manual",
  body: body === undefined ? NO_BODY : keepText(body),
  send,
  follow,
});

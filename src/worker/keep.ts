/** A call as a page keeps it, on a `Request`: sent as it was at the call, and once more as the same bytes. */
import { says } from "../guard/json.ts";
import { hasNoBody, lasting, readAlong } from "../request/body.ts";
import type { VaultRequestInit } from "../request/contract.ts";

/** A call as a page keeps it: from here on no other script can change it. */
export interface Kept {
  readonly first: Request;
  /** Whether the same request can be had again; told late where its body is still being read. */
  isKept(): boolean | Promise<boolean>;
  again(): Request;
}

/** A member of a caller's init or `Request`. */
export const saidOf = (given: object, name: string): unknown =>
  says(given, name) ? Reflect.get(given, name, given) : undefined;

/**
 * A request with this body, of an init without the members of a polluted `Object.prototype` (S15). The platform's
 * `Request` asks for each member, so that none is forgotten (F90).
 */
export function requestOf(input: string | URL | Request, init: object, body?: unknown): Request {
  const own: Readonly<Record<string, unknown>> = { __proto__: null, body, duplex: "half" };
  const get = (_: object, name: string): unknown => {
    if (name in own) return own[name];
    const said = saidOf(init, name);
    // `null` is an answer: no signal. What the init leaves out comes from the input: its referrer would be lost.
    return said === undefined ? saidOf(Object(input), name) : said;
  };
  return new Request(input, new Proxy({}, { get }));
}

/** A request that was sent belongs to the callee, so that a copy is made before (F68). */
export function keep(
  input: string | URL | Request,
  init: VaultRequestInit,
  maxReplayBytes: number | undefined,
): Kept {
  const given = saidOf(init, "body") as VaultRequestInit["body"];
  const always = (): boolean => true;
  if (typeof given === "function") {
    // The body of a `Request` that was given beside the function is never read.
    const head = requestOf(input, init, new Blob());
    const again = (): Request => requestOf(head, {}, given());
    return { first: again(), isKept: always, again };
  }
  // WebKit takes a buffer's bytes, and a form's fields, only when it sends them.
  const first = requestOf(input, init, (given && lasting(given)) ?? given);
  // A stream that is copied would be kept whole. Its method tells a stream, which may be another realm's.
  if (saidOf(Object(given), "getReader")) return { first, isKept: () => false, again: () => first };
  const copy = first.clone();
  if (given != null || hasNoBody(first)) return { first, isKept: always, again: () => copy };
  const { isKept, again } = readAlong(copy, maxReplayBytes);
  return { first, isKept, again: () => requestOf(copy, {}, again()) };
}

/** Reads streams from outside. */
import { says } from "./json.ts";

/** By its method, because a stream of another realm is no instance of the class here. */
export const isStream = (value: unknown): value is ReadableStream =>
  typeof value === "object" && value !== null && "getReader" in value && says(value, "getReader");

/**
 * A stream's reader. WebKit looks for a `mode` among the options, and on `Object.prototype` where none are
 * given (S15).
 */
export const readerOf = (
  body: ReadableStream<Uint8Array>,
): ReadableStreamDefaultReader<Uint8Array> =>
  (body.getReader as (options: object) => ReadableStreamDefaultReader<Uint8Array>).call(body, {
    __proto__: null,
  });

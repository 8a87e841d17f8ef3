/** Reads streams from outside. */

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

/**
 * Mends happy-dom 21's response bodies: at the end of the reply it closes a body's stream although
 * its reader has cancelled that already, and throws where nobody can catch it.
 * test/dom/happy-dom-fetch.test.ts is red without this.
 */

import FetchBodyUtility from "happy-dom/lib/fetch/utilities/FetchBodyUtility.js";

const convert = FetchBodyUtility.nodeToWebStream;

FetchBodyUtility.nodeToWebStream = (nodeStream) => {
  const stream = convert.call(FetchBodyUtility, nodeStream);
  for (const event of ["data", "end"])
    for (const listener of nodeStream.rawListeners(event)) {
      nodeStream.off(event, listener as () => void);
      nodeStream.on(event, (...chunk: unknown[]) => {
        try {
          Reflect.apply(listener, nodeStream, chunk);
        } catch (error) {
          if ((error as { code?: unknown }).code !== "ERR_INVALID_STATE") throw error;
        }
      });
    }
  return stream;
};

/** A handler as a `fetch` function, without a network: for unit tests under an injected clock. */
import { deferred } from "./gates.ts";
import type { Handler } from "./replies.ts";

/**
 * Honours `signal`, while the reply is awaited and while its body is read, and `redirect` but for
 * `"follow"`, which throws. The handler runs on after an abort, as a server does.
 */
export function asFetch(handler: Handler): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { signal, redirect } = request;
    signal.throwIfAborted();
    const aborted = deferred<never>();
    const abort = (): void => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    let reply: Response;
    try {
      reply = await Promise.race([handler(request), aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
    if (reply.status >= 300 && reply.status < 400 && redirect !== "manual") {
      throw new TypeError(`In-process fetch: a redirect in mode ${redirect}`);
    }
    if (reply.body === null) return reply;
    // A pipe that is aborted errors its readable side: reading the body rejects, too.
    const through = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    reply.body.pipeTo(through.writable, { signal }).catch(() => {});
    return new Response(through.readable, reply);
  };
}

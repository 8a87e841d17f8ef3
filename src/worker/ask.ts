/** One question of a page's to its worker. */
import { within } from "../guard/within.ts";
import { type Reply, toReply } from "./narrow.ts";
import type { Question } from "./protocol.ts";

/** Where questions go: a worker, a port to one, or what `serveVault` gives. */
export interface VaultPort {
  postMessage(question: unknown, ports: MessagePort[]): void;
}

/** How long an answer is waited for. */
export interface Waiting {
  /** Milliseconds. */
  readonly limit: number;
  /** Aborted when the worker is gone: then no answer comes any more. */
  readonly gone: AbortSignal;
  /** Each of them, aborted, rejects the question with its reason. */
  readonly givenUp: readonly (AbortSignal | null | undefined)[];
}

/** Rejects as `port` does, too. The question is made when it is posted. */
export async function ask(
  port: Promise<VaultPort>,
  make: () => Question,
  { limit, gone, givenUp }: Waiting,
): Promise<Partial<Reply>> {
  const { port1, port2 } = new MessageChannel();
  const over = new AbortController();
  const { signal } = over;
  const heard = new Promise<unknown>((resolve, reject) => {
    port1.onmessage = ({ data }) => resolve(data);
    gone.addEventListener("abort", () => resolve(undefined), { signal });
    for (const one of givenUp) {
      one?.throwIfAborted();
      one?.addEventListener("abort", () => reject(one.reason), { signal });
    }
    port
      .then((to) => {
        if (!signal.aborted) to.postMessage(make(), [port2]);
      })
      .catch(reject);
  });
  let message: unknown;
  try {
    message = await within(heard, limit);
  } finally {
    // Never mind.
    if (message === undefined) port1.postMessage(0);
    port1.close();
    over.abort();
  }
  return toReply(message);
}

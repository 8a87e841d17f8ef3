/** One question of a page to its worker. */
import { within } from "../guard/within.ts";
import { type Reply, toReply } from "./narrow.ts";
import type { Question } from "./protocol.ts";

/** The receiver of questions: a worker, a port to one, or the object that `serveVault` gives. */
export interface VaultPort {
  postMessage(question: unknown, ports: MessagePort[]): void;
}

/** How long to wait for an answer. */
export interface Waiting {
  /** Milliseconds. */
  readonly limit: number;
  /** Aborted when the worker is gone, so that no answer comes any more. */
  readonly gone: AbortSignal;
  /** Signals of the caller: an aborted one rejects the question with its reason. */
  readonly givenUp: readonly (AbortSignal | null | undefined)[];
}

/** A reply, or why there is none: a worker that is gone, or another that is no vault's, says nothing at all. */
export interface Heard extends Partial<Reply> {
  /** The time was up. */
  readonly isLate: boolean;
}

/** Asks, and rejects where `port` does. The question is made when it is posted. */
export async function ask(
  port: Promise<VaultPort>,
  make: () => Question,
  { limit, gone, givenUp }: Waiting,
): Promise<Heard> {
  const { port1, port2 } = new MessageChannel();
  const over = new AbortController();
  const { signal } = over;
  const heard = new Promise<unknown>((resolve, reject) => {
    port1.onmessage = ({ data }) => resolve(data);
    gone.addEventListener("abort", () => resolve(null), { signal });
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
    // The port tells the worker that nobody waits any more.
    if (message == null) port1.postMessage(0);
    port1.close();
    over.abort();
  }
  return { ...toReply(message), isLate: message === undefined };
}

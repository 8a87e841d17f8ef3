/** The end of a context: what is under way is finished, and nothing is begun any more (P21). */
import type { Clock } from "../types.ts";
import { EXCHANGE, STORE } from "./timing.ts";

export interface Ending {
  readonly isClosed: () => boolean;
  /** Whether it was closed so long ago that nothing is tried again. */
  readonly isOver: () => boolean;
  /** Aborted when the context is closed. */
  readonly signal: AbortSignal;
  /** Work that the end waits for. */
  finishing<T>(work: Promise<T>): Promise<T>;
  close(): void;
  /**
   * After `close`: resolves when all work has ended, and what it has left is written or cannot be. Absent where there
   * is nothing to wait for: a page may be frozen in the next moment.
   */
  finish(rest: Rest): Promise<void> | undefined;
}

/** What is still to be written. */
export interface Rest {
  readonly isLeft: () => boolean;
  readonly write: () => Promise<void>;
  /** A pause between two tries. */
  readonly pause: () => Promise<void>;
}

export function createEnding(clock: Clock): Ending {
  const controller = new AbortController();
  const { signal } = controller;
  const underWay = new Set<Promise<unknown>>();
  let closedAt = Infinity;

  async function finish({ isLeft, write, pause }: Rest): Promise<void> {
    // Some work begins its last part when the rest has ended: a sign-out tells the server.
    while (underWay.size > 0) await Promise.allSettled(underWay);
    // What the store does not take is lost with this context: it is tried again within an exchange's time.
    const hasTime = (): boolean => clock.running() - closedAt < EXCHANGE;
    for (let tries = 0; isLeft() && hasTime(); tries++) {
      if (tries > 0) await pause();
      await write();
    }
  }

  return {
    isClosed: () => signal.aborted,
    // An exchange may have been under way, and its grant has to be written.
    isOver: () => clock.running() - closedAt >= EXCHANGE + STORE,
    signal,
    finishing(work) {
      underWay.add(work);
      return work.finally(() => underWay.delete(work));
    },
    close() {
      closedAt = Math.min(closedAt, clock.running());
      controller.abort();
    },
    finish: (rest) => (underWay.size > 0 || rest.isLeft() ? finish(rest) : undefined),
  };
}

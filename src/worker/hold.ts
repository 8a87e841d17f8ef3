/**
 * Holds a service worker open: an event takes more promises as long as one of its own is pending. In other
 * places there is nothing to hold.
 */

/** The part of an `ExtendableEvent` that is used. */
export interface Extendable {
  waitUntil(promise: Promise<unknown>): void;
}

export interface Hold {
  /** Lets an event hold the worker until `work` has ended. A rejection of `work` is not handled here. */
  hold(work: Promise<unknown>, event?: Extendable): void;
  /** The same by any event that still can, for work that outlives its question. */
  extend(work: Promise<unknown>): void;
  isHeld(): boolean;
}

export function createHold(): Hold {
  const open = new Map<Extendable, number>();

  function hold(work: Promise<unknown>, event?: Extendable): void {
    const done = work.catch(() => {});
    if (!event) return;
    event.waitUntil(done);
    open.set(event, (open.get(event) ?? 0) + 1);
    void done.then(() => {
      const left = (open.get(event) ?? 1) - 1;
      if (left) open.set(event, left);
      else open.delete(event);
    });
  }

  return {
    hold,
    extend(work) {
      for (const event of open.keys())
        try {
          return hold(work, event);
        } catch {
          // That event has ended in this very moment: perhaps another one has not.
        }
    },
    isHeld: () => open.size > 0,
  };
}

/** What is still to happen, as a binary heap: the earliest first, ties in the order that was drawn. */
import type { Place } from "./place.ts";

export interface Entry {
  due: number;
  tie: number;
  /** The context in which it happens; nobody's for what happens in a store or at a server. */
  readonly owner: Place | undefined;
  readonly run: () => void;
  isDead: boolean;
}

export interface Queue {
  push(entry: Entry): void;
  /** Takes the first entry out, unless it is due after `limit`. */
  pull(limit: number): Entry | undefined;
  /** Nothing of this place happens any more. */
  forget(owner: Place): void;
}

const isBefore = (a: Entry, b: Entry): boolean =>
  a.due < b.due || (a.due === b.due && a.tie < b.tie);

export function createQueue(): Queue {
  const heap: Entry[] = [];

  function rise(entry: Entry): void {
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (!parent || !isBefore(entry, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  /** Puts `entry` where the first one was, and lets it sink. */
  function sink(entry: Entry): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [one, other] = [heap[left], heap[left + 1]];
      if (!one) break;
      const isRight = other !== undefined && isBefore(other, one);
      const child = isRight ? other : one;
      if (!isBefore(child, entry)) break;
      heap[at] = child;
      at = isRight ? left + 1 : left;
    }
    heap[at] = entry;
  }

  return {
    push: rise,
    pull(limit) {
      const first = heap[0];
      if (!first || first.due > limit) return undefined;
      const last = heap.pop();
      if (last && last !== first) sink(last);
      return first;
    },
    forget(owner) {
      for (const entry of heap) if (entry.owner === owner) entry.isDead = true;
    },
  };
}

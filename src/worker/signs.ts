/** A worker's signs of life: nudges for pages that wait, and a lock for as long as it lives. */
import { NUDGES, VERSION } from "./protocol.ts";

/** Says that something has changed: of an account, or of the worker itself. */
export type Nudge = (account?: string) => void;

/**
 * Nudges once for all changes of a task. Only an account's own pages ask anew: were all to ask, those of more accounts
 * than a worker holds would make it begin one account after the other, each with a nudge, without end.
 */
export function createNudge(): Nudge {
  let channel: (BroadcastChannel & { unref?(): void }) | undefined;
  const due = new Set<string | number>();
  try {
    channel = new BroadcastChannel(NUDGES);
    channel.unref?.();
  } catch {
    // Pages hear of the change with the next answer.
  }
  return (account) => {
    const what = account ?? VERSION;
    if (due.has(what)) return;
    due.add(what);
    queueMicrotask(() => {
      due.delete(what);
      channel?.postMessage(what);
    });
  };
}

/** Holds a lock until this worker ends: a page that gets the lock knows of the end. Answers with the lock's name. */
export function holdLock(name: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    (async () => {
      await navigator.locks.request(name, () => {
        resolve(name);
        return new Promise(() => {});
      });
    })().catch(() => resolve(undefined));
  });
}

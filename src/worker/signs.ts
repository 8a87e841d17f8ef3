/** A worker's signs of life: nudges for pages that wait, and a lock for as long as it lives. */
import { NUDGES, VERSION } from "./protocol.ts";

/** Says that something has changed, once for all changes of a task. */
export function createNudge(): () => void {
  let channel: (BroadcastChannel & { unref?(): void }) | undefined;
  let due = false;
  try {
    channel = new BroadcastChannel(NUDGES);
    channel.unref?.();
  } catch {
    // Pages hear of the change with the next answer.
  }
  return () => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      channel?.postMessage(VERSION);
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

/** A worker's signs of life: nudges for pages that wait, and a lock for as long as it lives. */
import { NUDGES, VERSION } from "./protocol.ts";

/** Says that something has changed, once for all that changes in a task. */
export function createNudge(): () => void {
  let channel: (BroadcastChannel & { unref?(): void }) | undefined;
  let due = false;
  try {
    channel = new BroadcastChannel(NUDGES);
    channel.unref?.();
  } catch {
    // Pages hear of it when they ask for something.
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

/** Held until this worker ends: whoever gets it knows. Answers with its name, once it is held. */
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

/**
 * A lock between all contexts of an origin, by the Web Locks API.
 *
 * @see https://w3c.github.io/web-locks/
 * @module
 */
import { own } from "../guard/json.ts";
import type { Lock } from "../types.ts";

declare const importScripts: unknown;

/** A process of Node has locks of its own, also where a library has given it a `document`. */
const isNode = (): boolean =>
  !!(globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node;

const isBrowser = (): boolean =>
  !isNode() && (typeof document === "object" || typeof importScripts === "function");

/**
 * Uses `navigator.locks` where it works. Where it is missing or refuses (insecure contexts, sandboxed
 * frames), the task runs all the same: a lock saves work, and correctness never rests on it. A page that
 * is left or frozen lets go of the lock, or of its place in the queue, while its tasks go on, so that it
 * never blocks the others. Locks are never stolen.
 *
 * @param options `locks`: the lock manager, `navigator.locks` by default. `fallback`: a lock that takes
 * over where the lock manager does not work; none by default.
 * @returns a lock whose `run` rejects with `signal.reason` when it is aborted while it waits, and
 * otherwise settles as the task does
 *
 * @example
 * ```ts
 * import { webLocks } from "tokenkeep/locks/web-locks";
 *
 * const answer = await webLocks().run("name", async () => 42, AbortSignal.timeout(1000));
 * ```
 */
export function webLocks(options: { locks?: LockManager; fallback?: Lock } = {}): Lock {
  const manager = (): LockManager => options.locks ?? navigator.locks;
  return {
    // Outside of browsers, as in Node and Deno, Web Locks do not leave the process.
    spans: isBrowser() ? "origin" : "context",
    hold(name) {
      let release = (): void => {};
      // Made first, because Node grants a lock before `request` has returned.
      const until = new Promise<void>((resolve) => {
        release = resolve;
      });
      return new Promise((resolve) => {
        const had = (): Promise<void> => {
          resolve(release);
          return until;
        };
        (async () => manager().request(name, own<LockOptions>({}), had))().catch(() =>
          resolve(undefined),
        );
      });
    },
    async isFree(name) {
      // Shared, so that two contexts that look at once do not take each other for the holder.
      const look = own<LockOptions>({ mode: "shared", ifAvailable: true });
      try {
        return await manager().request(name, look, (lock) => lock !== null);
      } catch {
        return false;
      }
    },
    async run(name, task, signal) {
      signal.throwIfAborted();
      let running: ReturnType<typeof task> | undefined;
      const gate = new AbortController();
      const leave = (): void => gate.abort();
      const listen = { capture: true, signal: gate.signal };
      try {
        signal.addEventListener("abort", leave, listen);
        // `freeze` goes to the document: it is caught on its way down. Node's global hears nothing,
        // workerd refuses to catch.
        globalThis.addEventListener?.("pagehide", leave, listen);
        globalThis.addEventListener?.("freeze", leave, listen);
        await manager().request(
          name,
          // No prototype: nobody turns `steal` on (F3).
          own<LockOptions>({ signal: gate.signal }),
          () => {
            // From here on an abort changes nothing. (Node overlooks a plain `true` for `listen`.)
            signal.removeEventListener("abort", leave, listen);
            if (gate.signal.aborted) return undefined;
            running = (async () => task())();
            return Promise.race([
              running,
              new Promise((resolve) => gate.signal.addEventListener("abort", resolve)),
            ]);
          },
        );
      } catch {
        // The task's own error is in `running`; any other error means that no lock is to be had.
      } finally {
        // Ends the listening.
        leave();
      }
      if (running) return running;
      signal.throwIfAborted();
      return options.fallback ? options.fallback.run(name, task, signal) : task();
    },
  };
}

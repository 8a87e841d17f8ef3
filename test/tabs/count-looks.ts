/**
 * What a context's engine does to learn of the others, counted at the platform's edge: no test of it
 * has to wait for a while and hope that it was long enough.
 */

export interface Watched {
  /** How often a record was read, but for the comparing of those that are written. */
  readonly looks: number;
  /** How often an attempt's lock was tried and had: its context is gone. */
  readonly free: number;
  /** How often an attempt's lock was tried and refused: its context lives. */
  readonly refused: number;
  /** How many locks of attempts are asked for, and not answered yet. */
  readonly asked: number;
}

/** What the lock of an attempt is called, up to the attempt's id. */
const ATTEMPT = "tokenkeep:attempt:";

/** Call it before the vault is made. */
export function watch(onCount: (counts: Watched) => void = () => {}): Watched {
  const counts = { looks: 0, free: 0, refused: 0, asked: 0 };
  const { get } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.get = function (key) {
    if (this.transaction.mode === "readonly") {
      counts.looks++;
      onCount(counts);
    }
    return get.call(this, key);
  };
  // Without a secure context, or by the test's will, there are no locks.
  if (navigator.locks)
    watchLocks(navigator.locks, {
      onAsked: () => counts.asked++,
      onAnswered: () => counts.asked--,
      onTried(had) {
        counts[had ? "free" : "refused"]++;
        onCount(counts);
      },
    });
  return counts;
}

interface Hears {
  onAsked(): void;
  onAnswered(): void;
  /** A lock was to be had at once, or not at all. */
  onTried(had: boolean): void;
}

type Task = LockGrantedCallback<unknown>;

function watchLocks(locks: LockManager, { onAsked, onAnswered, onTried }: Hears): void {
  const request = locks.request.bind(locks) as (...given: unknown[]) => unknown;
  /** Both of the platform's forms: the options may be left out. */
  const watched = (name: string, ...given: readonly [Task] | readonly [LockOptions, Task]) => {
    if (given.length === 1) return request(name, ...given);
    const [options, task] = given;
    if (!name.startsWith(ATTEMPT)) return request(name, options, task);
    onAsked();
    const noted: Task = (lock) => {
      onAnswered();
      if (options.ifAvailable) onTried(lock !== null);
      return task(lock);
    };
    return request(name, options, noted);
  };
  // A page that runs the worker's script itself is watched twice.
  Object.defineProperty(locks, "request", { value: watched, configurable: true });
}

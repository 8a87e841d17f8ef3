/** Brings what is still to be written into the record, in order, and reads what stands there. */
import { merge, type Merged } from "./changes.ts";
import { type Keeper, StoreTrouble } from "./keeper.ts";
import { beginningAlone } from "./knowledge.ts";
import type { Session } from "../types.ts";
import type { Mind } from "./mind.ts";

export interface Writer {
  /** Takes note of what a store's answer rejects with. */
  reach<T>(answer: Promise<T>): Promise<T>;
  /** Reads the record. Rejects with {@link StoreTrouble}. */
  load(): Promise<void>;
  /** Writes everything that is still to be written. Rejects with {@link StoreTrouble}. */
  flush(): Promise<void>;
  /** The same, but where the store does not take it, memory serves it, and it is tried again later. */
  persist(): Promise<void>;
}

export interface WriterOptions {
  readonly mind: Mind;
  readonly keeper: Keeper;
  /** A pause between two tries. */
  readonly pause: () => Promise<void>;
  /** Takes what a write has ended in the store, and grants that nobody serves any more. */
  readonly release: (gone: Pick<Merged, "ended" | "dropped">) => void;
}

const isIn = (sessions: readonly Session[], id: string): boolean =>
  sessions.some(({ sessionId }) => sessionId === id);

/** A compare-and-set that is lost so often in a row is no bad luck: the store does not mean it (F54). */
const MOST_CONFLICTS = 8;

export function createWriter({ mind, keeper, pause, release }: WriterOptions): Writer {
  let flushing: Promise<void> | undefined;
  /** What a sign-out may have ended, by a write whose answer is not known. */
  let doubtful: readonly Session[] = [];

  async function reach<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof StoreTrouble) mind.learn({ type: "store-failed", error: error.reason });
      throw error;
    }
  }

  async function load(): Promise<void> {
    const { record, askedAt } = await reach(keeper.read());
    mind.learn({ type: "read", record, askedAt });
  }

  /** `false` where somebody else wrote in between. */
  async function writeOnce(): Promise<boolean> {
    const { changes, found, highest } = mind.known;
    const { record, ended, dropped } = merge(changes, found, { ...mind.moment(), highest });
    if (record) {
      const askedAt = mind.moment().running;
      mind.learn({ type: "writing", revision: record.revision, changes });
      const before = doubtful;
      // If the answer is lost, the next look tells whether they have ended.
      doubtful = [...before.filter(({ sessionId }) => !isIn(ended, sessionId)), ...ended];
      if (!(await reach(keeper.write(record, found.head)))) {
        doubtful = before;
        return false;
      }
      mind.learn({ type: "written", record, changes, askedAt });
    } else mind.learn({ type: "settled", changes });
    const standing = mind.known.found.session?.sessionId;
    const gone = doubtful.filter(({ sessionId }) => sessionId !== standing);
    doubtful = [];
    release({ ended: gone, dropped });
    return true;
  }

  async function writeAll(): Promise<void> {
    for (let conflicts = 0; mind.known.changes.length > 0;) {
      await load();
      if (await writeOnce()) continue;
      conflicts += 1;
      if (conflicts >= MOST_CONFLICTS) throw new StoreTrouble(undefined, false);
      if (conflicts > 1) await pause();
    }
  }

  /** Some failures write nothing, a full disk's for one: a look tells. A silent one may still write. */
  async function lookAgain(error: unknown): Promise<void> {
    if (!(error instanceof StoreTrouble) || error.isSilence) return;
    try {
      await load();
    } catch (trouble) {
      if (!(trouble instanceof StoreTrouble)) throw trouble;
    }
  }

  async function attempt(): Promise<void> {
    try {
      await writeAll();
    } catch (error) {
      await lookAgain(error);
      if (error instanceof StoreTrouble) mind.learn({ type: "unpersisted" });
      throw error;
    } finally {
      flushing = undefined;
    }
  }

  /** A change that comes while another one is written is written right after it. */
  async function flush(): Promise<void> {
    while (mind.known.changes.length > 0) {
      flushing ??= attempt();
      await flushing;
    }
  }

  return {
    reach,
    async load() {
      // Nobody else can know of it, so that the store has nothing to say.
      if (beginningAlone(mind.known)) return;
      await load();
      if (mind.known.changes.length > 0) await flush();
    },
    async flush() {
      try {
        await flush();
      } catch (error) {
        if (!(error instanceof StoreTrouble) || !beginningAlone(mind.known)) throw error;
      }
    },
    async persist() {
      try {
        await flush();
      } catch (error) {
        if (!(error instanceof StoreTrouble)) throw error;
      }
    },
  };
}

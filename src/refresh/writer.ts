/** Writes the changes into the record, in order, and reads the record. */
import { isExpected } from "../guard/stored.ts";
import type { Session, StoredRecord } from "../types.ts";
import { type Found, merge, type Merged } from "./changes.ts";
import { type Keeper, StoreTrouble } from "./keeper.ts";
import { beginningAlone } from "./knowledge.ts";
import type { Mind } from "./mind.ts";
import { LAG } from "./timing.ts";

export interface Writer {
  /** Takes note of a store's rejection. */
  noteTrouble<T>(answer: Promise<T>): Promise<T>;
  /** Reads the record. Rejects with {@link StoreTrouble}. */
  load(): Promise<void>;
  /** Writes all changes. Rejects with {@link StoreTrouble}. */
  flush(): Promise<void>;
  /** The same, but changes that the store does not take are served by memory, and tried again later. */
  persist(): Promise<void>;
}

export interface WriterOptions {
  readonly mind: Mind;
  readonly keeper: Keeper;
  /** A pause between two tries. */
  readonly pause: () => Promise<void>;
  /** Whether there is no time for another try. */
  readonly isOver: () => boolean;
  /** Told of the session that a write has ended in the store, and of grants that no context serves. */
  readonly release: (gone: Pick<Merged, "ended" | "dropped">) => void;
}

const isIn = (sessions: readonly Session[], id: string): boolean =>
  sessions.some(({ sessionId }) => sessionId === id);

/** So many lost compare-and-sets in a row are no bad luck: the store is broken (F54). */
const MOST_CONFLICTS = 8;

export function createWriter({ mind, keeper, pause, isOver, release }: WriterOptions): Writer {
  let flushing: Promise<void> | undefined;
  /** Sessions that a sign-out may have ended, by a write whose answer is unknown. */
  let doubtful: readonly Session[] = [];
  /** A write that was not answered: while what it found still stands, it may be done, for some time. */
  let silent: (Pick<Found, "head"> & { readonly until: number }) | undefined;

  async function noteTrouble<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof StoreTrouble) mind.learn({ type: "store-failed", error: error.reason });
      throw error;
    }
  }

  async function look(): Promise<void> {
    const { record, askedAt } = await keeper.read();
    mind.learn({ type: "read", record, askedAt });
  }

  const load = (): Promise<void> => noteTrouble(look());

  async function write(record: StoredRecord, { head }: Found): Promise<boolean> {
    try {
      return await noteTrouble(keeper.write(record, head));
    } catch (error) {
      if (error instanceof StoreTrouble && error.isSilence)
        silent = { head, until: mind.moment().running + LAG };
      throw error;
    }
  }

  /** `false` where somebody else wrote in between. */
  async function writeOnce(): Promise<boolean> {
    const { changes, found, highest } = mind.known;
    const { record, ended, dropped } = merge(changes, found, { ...mind.moment(), highest });
    if (record) {
      const askedAt = mind.moment().running;
      mind.learn({ type: "writing", revision: record.revision, changes });
      const before = doubtful;
      // If the answer is lost, the next look tells whether these sessions have ended.
      doubtful = [...before.filter(({ sessionId }) => !isIn(ended, sessionId)), ...ended];
      if (!(await write(record, found))) {
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
      if (conflicts >= MOST_CONFLICTS || isOver()) throw new StoreTrouble(undefined, false);
      if (conflicts > 1) await pause();
    }
  }

  /**
   * Whether it is certain what was written. After some failures, such as a full disk, a look shows that
   * nothing was. A store that was silent may still write, though it refuses a later write at once: a pool has
   * several connections.
   */
  async function lookAgain(error: unknown): Promise<boolean> {
    if (!(error instanceof StoreTrouble) || error.isSilence) return false;
    try {
      await look();
      const { found, setting } = mind.known;
      const mayArrive =
        silent && mind.moment().running < silent.until && isExpected(found.head, silent.head);
      return setting.store.atomic && !mayArrive;
    } catch (trouble) {
      // It is the same trouble: told as another one, it would fail the callers before they are served.
      if (!(trouble instanceof StoreTrouble)) throw trouble;
      return false;
    }
  }

  async function writeOrTell(): Promise<void> {
    try {
      await writeAll();
    } catch (error) {
      const isCertain = await lookAgain(error);
      if (error instanceof StoreTrouble) mind.learn({ type: "unpersisted", isCertain });
      throw error;
    } finally {
      flushing = undefined;
    }
  }

  /** A change that comes while another is being written is written right after it. */
  async function flush(): Promise<void> {
    let mayJoin = true;
    while (mind.known.changes.length > 0) {
      const isJoined = mayJoin && flushing !== undefined;
      flushing ??= writeOrTell();
      try {
        await flushing;
      } catch (error) {
        // A write that was under way may have failed by something that is not to be written any more.
        if (!isJoined || !(error instanceof StoreTrouble) || error.isSilence) throw error;
        mayJoin = false;
      }
    }
  }

  return {
    noteTrouble,
    async load() {
      // No other context can know this session, so that the store has nothing to say.
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

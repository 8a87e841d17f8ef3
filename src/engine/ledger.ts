/**
 * What this context knows of one account's record, and the only place that reads and writes it.
 * At most one change is waiting because the store did not take it; memory is then ahead.
 */
import type { RecordHead, Session, StoredRecord, TokenStore } from "../types.ts";
import { fromRecord, toRecord } from "./record.ts";

/** From the record as it stands to the next one; `undefined` where there is nothing to write. */
export type Change = (
  stored: Session | undefined,
  head: RecordHead | undefined,
) => StoredRecord | undefined;

export interface Ledger {
  /** The session as this context serves it. */
  session(): Session | undefined;
  /** Whether the record has been read or written since the start. */
  known(): boolean;
  /** How many reads and writes have failed in a row. */
  failures(): number;
  /** A change that the store did not take is waiting. */
  unwritten(): boolean;
  /** The session is known to be in this memory only, so that nobody else can spend its token. */
  alone(): boolean;
  /** Reads the record and adopts it. Rejects when the store does. */
  load(): Promise<void>;
  /** One compare-and-set against the session in memory; `false` when somebody else wrote. */
  replace(next: Session): Promise<boolean>;
  /** The fence: whether `next` is still the record. Nothing is awaited after the store's answer. */
  holds(next: Session): Promise<boolean>;
  /** Writes a change, merged with what others wrote; if the store fails, memory has it alone. */
  persist(change: Change): Promise<void>;
  /** Tries again to write what is waiting. Rejects when the store does. */
  flush(): Promise<void>;
  /** Begins a new session. */
  begin(first: Session): Promise<void>;
  /** Drops the session from memory at once, leaves a tombstone, and answers with what has ended. */
  end(): Promise<Session | undefined>;
}

export type LedgerTrouble = "store-trouble" | "unpersisted" | "unreadable";

export function createLedger(
  store: TokenStore,
  key: string,
  onSession: (session: Session | undefined, before: Session | undefined) => void,
  onTrouble: (type: LedgerTrouble) => void,
): Ledger {
  let session: Session | undefined;
  let stored: Session | undefined;
  let head: RecordHead | undefined;
  let known = false;
  let failures = 0;
  let writes = 0;
  let writing = 0;
  let waiting: Change | undefined;
  /** The store did not take what is waiting. */
  let failed = false;
  /** The session begun here whose first write is not known to have succeeded. */
  let begunId: string | undefined;
  let maybeWritten = false;
  /** The sessions that this context has had, and those that it has ended. */
  const met = new Set<string>();
  const ended = new Set<string | undefined>();
  let ending = false;
  let endedLast: Session | undefined;

  const alone = (): boolean =>
    begunId !== undefined && begunId === session?.sessionId && !maybeWritten;

  function take(next: Session | undefined): void {
    const before = session;
    session = next;
    if (next) met.add(next.sessionId);
    onSession(next, before);
  }

  /** Counts failures, so that a store that cannot be reached is told once and never taken for empty. */
  async function reach<T>(answer: Promise<T>): Promise<T> {
    try {
      const result = await answer;
      failures = 0;
      return result;
    } catch (error) {
      if (!failures++) onTrouble("store-trouble");
      throw error;
    }
  }

  async function read(): Promise<void> {
    let since;
    do {
      since = writes;
      const record = await reach(store.read(key));
      stored = record && fromRecord(record);
      if (record && !stored && !record.tombstone && head?.revision !== record.revision)
        onTrouble("unreadable");
      // The session that stands when a sign-out first sees the record ends too; a later one does not.
      if (ending && record) {
        ended.add(record.sessionId);
        endedLast = stored;
      }
      ending = false;
      if (ended.has(stored?.sessionId)) stored = undefined;
      head = record;
      known = true;
      if (!writing || head?.sessionId === begunId) maybeWritten = head?.sessionId === begunId;
      // A read that was overtaken by a write of our own tells the past.
    } while (since !== writes);
  }

  async function write(next: StoredRecord, expected: RecordHead | undefined): Promise<boolean> {
    if (next.sessionId === begunId) maybeWritten = true;
    writes++;
    writing++;
    try {
      if (!(await reach(store.write(key, next, expected)))) return false;
    } finally {
      writes++;
      writing--;
    }
    head = next;
    stored = fromRecord(next);
    known = true;
    return true;
  }

  async function flush(): Promise<void> {
    while (waiting) {
      await read();
      const change = waiting;
      if (!change) return;
      const next = change(stored, head);
      if (next) {
        try {
          if (!(await write(next, head))) continue;
        } catch (error) {
          // Some failures write nothing, a full disk's for one: a look tells.
          await read();
          throw error;
        }
      }
      if (change === waiting) {
        waiting = begunId = undefined;
        failed = false;
        take(stored);
      }
    }
  }

  async function persist(change: Change): Promise<void> {
    const local = change(session, session && toRecord(session));
    if (alone()) {
      // The record is still to be made: from memory, as it then stands.
      if (local?.body) take(fromRecord(local));
    } else {
      waiting = change;
      failed = false;
    }
    try {
      await flush();
    } catch {
      if (waiting !== change) return;
      failed = true;
      if (local?.body) take(fromRecord(local));
      onTrouble("unpersisted");
    }
  }

  return {
    session: () => session,
    known: () => known,
    failures: () => failures,
    unwritten: () => failed,
    alone,
    flush,
    persist,
    async load() {
      await read();
      if (failed) return;
      // A store that lags never brings back an older generation (F33).
      const older =
        session?.sessionId === stored?.sessionId && stored!?.revision < session!?.revision;
      take(older ? session : stored);
    },
    async replace(next) {
      if (!alone()) {
        if (!(await write(toRecord(next), { ...toRecord(next), revision: next.revision - 1 })))
          return false;
        if (session?.sessionId !== next.sessionId) return false;
      }
      take(next);
      return true;
    },
    async holds(next) {
      const found = alone() ? next : await reach(store.head(key));
      return (
        found?.sessionId === next.sessionId &&
        found.revision === next.revision &&
        session?.sessionId === next.sessionId
      );
    },
    async begin(first) {
      begunId = first.sessionId;
      maybeWritten = false;
      await persist((current, { sessionId = undefined, revision = 0 } = {} as RecordHead) => {
        const latest = session?.sessionId === first.sessionId ? session : first;
        return sessionId === latest.sessionId && current && current.generation >= latest.generation
          ? undefined
          : toRecord({ ...latest, revision: revision + 1 });
      });
    },
    async end() {
      let last = session;
      // Also those that a sign-in replaced which may not have been written.
      for (const id of met) ended.add(id);
      ended.add(begunId);
      ending = true;
      take(undefined);
      await persist((_, current) => {
        last ??= endedLast;
        return !current || current.tombstone || !ended.has(current.sessionId)
          ? undefined
          : {
              format: 1,
              sessionId: current.sessionId,
              revision: current.revision + 1,
              tombstone: true,
            };
      });
      // Nobody knows which session an unreachable record holds: a later one must not end by this.
      ending = false;
      return last;
    },
  };
}

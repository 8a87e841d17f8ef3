/**
 * What this context knows of one account's record, and the only place that reads and writes it.
 * At most one change is waiting because the store did not take it; memory is then ahead.
 */
import type { RecordHead, Session, StoredRecord, TokenStore } from "../types.ts";
import { fromRecord, toRecord } from "../guard/record.ts";

/** From the record as it stands to the next one; `undefined` where there is nothing to write. */
export type Change = (
  stored: Session | undefined,
  head: RecordHead | undefined,
) => StoredRecord | undefined;

export type LedgerTrouble = "store-trouble" | "unpersisted" | "unreadable";

export interface Ledger {
  /** The session as this context serves it. */
  session: Session | undefined;
  /** Whether the record, or a session made here, has been adopted since the start. */
  known: boolean;
  /** What the store failed with last, and how often in a row. */
  trouble: unknown;
  failures: number;
  /** `false` while a change waits that the store did not take. */
  persisted: boolean;
  /** The session is known to be in this memory only, so that nobody else can spend its token. */
  alone(): boolean;
  /** Reads the record and adopts it, unless it is known to be in memory only. Rejects when the store does. */
  load(): Promise<void>;
  /** One compare-and-set against the session in memory; `false` when somebody else wrote. */
  replace(next: Session): Promise<boolean>;
  /** The fence: whether `next` is still the record. Nothing is awaited after the store's answer. */
  holds(next: Session): Promise<boolean>;
  /** Writes a change, merged with what others wrote; if the store fails, memory has it alone. */
  persist(change: Change): Promise<void>;
  /** Tries again to write what the store did not take. Rejects when the store does, unless alone. */
  flush(): Promise<void>;
  /** Begins a new session. */
  begin(first: Session): Promise<void>;
  /** Drops the session from memory at once, leaves a tombstone, and answers with what has ended. */
  end(): Promise<Session | undefined>;
}

/** Whether `session` is what came after `record`. */
const isAhead = (session: Session | undefined, record: Session | undefined): session is Session =>
  !!record &&
  session?.sessionId === record.sessionId &&
  (session.generation - record.generation || session.revision - record.revision) > 0;

export function createLedger(
  store: TokenStore,
  key: string,
  onSession: (session: Session | undefined, before: Session | undefined) => void,
  onTrouble: (type: LedgerTrouble) => void,
): Ledger {
  let stored: Session | undefined;
  let head: RecordHead | undefined;
  let writes = 0;
  let writing = 0;
  let waiting: Change | undefined;
  /** The session begun here whose first write is not known to have succeeded. */
  let begunId: string | undefined;
  let maybeWritten = false;
  /** The sessions that this context has had, and those that it has ended. */
  const met = new Set<string | undefined>();
  const ended = new Set<string | undefined>();
  /** The highest revision that was to be written here. */
  let tried = 0;
  /** The sign-out that has not seen the record yet. */
  let ending: object | undefined;
  let last: Session | undefined;

  function take(next: Session | undefined): void {
    const before = ledger.session;
    ledger.session = next;
    ledger.known = true;
    met.add(next?.sessionId);
    onSession(next, before);
  }

  /** A store that cannot be reached is told once, and never taken for empty. */
  async function reach<T>(answer: Promise<T>): Promise<T> {
    try {
      const result = await answer;
      ledger.failures = 0;
      return result;
    } catch (error) {
      ledger.trouble = error;
      if (!ledger.failures++) onTrouble("store-trouble");
      throw error;
    }
  }

  async function read(): Promise<void> {
    let since;
    do {
      since = writes;
      const first = ending;
      const record = await reach(store.read(key));
      stored = fromRecord(record);
      if (record && !stored && !record.tombstone && head?.revision !== record.revision)
        onTrouble("unreadable");
      head = record;
      const id = head?.sessionId;
      if (!writing || id === begunId) maybeWritten = id === begunId;
      // The session that stands when a sign-out first sees the record ends too; a later one does not.
      // A read that was under way may tell of an older one.
      if (ending) {
        ended.add(id);
        last ??= stored;
        if (ending === first) ending = undefined;
      }
      if (ended.has(id)) stored = undefined;
      // A read that was overtaken by a write of our own tells the past.
    } while (since !== writes);
  }

  async function write(next: StoredRecord, expected: RecordHead | undefined): Promise<boolean> {
    maybeWritten ||= next.sessionId === begunId;
    tried = Math.max(tried, next.revision);
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
    return true;
  }

  async function attempt(): Promise<void> {
    while (waiting) {
      await read();
      const change = waiting;
      const next = change(stored, head);
      try {
        if (next && !(await write(next, head))) continue;
      } catch (error) {
        // Some failures write nothing, a full disk's for one: a look tells.
        await read();
        throw error;
      }
      if (change !== waiting) continue;
      waiting = begunId = undefined;
      ledger.persisted = true;
      take(stored);
    }
  }

  const ledger: Ledger = {
    session: undefined,
    known: false,
    trouble: undefined,
    failures: 0,
    persisted: true,
    alone: () => !!begunId && begunId === ledger.session?.sessionId && !maybeWritten,
    async flush() {
      if (ledger.persisted) return;
      await attempt().catch((error) => {
        if (!ledger.alone()) throw error;
      });
    },
    async load() {
      if (ledger.alone()) return;
      await read();
      const { session, persisted } = ledger;
      if (!persisted) return;
      const ahead = isAhead(session, stored);
      // A store that lags never brings back an older generation (F33). One that compares and sets
      // does not lag: it has lost what is known here, and somebody wrote what came before.
      take(ahead ? session : stored);
      if (ahead && store.atomic && !waiting)
        await ledger.persist((current, before) =>
          isAhead(session, current)
            ? toRecord({ ...session, revision: Math.max(session.revision, before!.revision) + 1 })
            : undefined,
        );
    },
    async replace(next) {
      if (!ledger.alone()) {
        const record = toRecord(next);
        if (!(await write(record, { ...record, revision: next.revision - 1 }))) return false;
        if (ledger.session?.sessionId !== next.sessionId) return false;
      }
      take(next);
      return true;
    },
    async holds(next) {
      const found = ledger.alone() ? next : await reach(store.head(key));
      return (
        found?.revision === next.revision &&
        found.sessionId === next.sessionId &&
        ledger.session?.sessionId === next.sessionId
      );
    },
    async persist(change) {
      const { session } = ledger;
      const local = fromRecord(change(session, session && toRecord(session)));
      const alone = ledger.alone();
      // Alone, the record is still to be made: from memory, as it then stands.
      if (alone) take(local);
      else waiting = change;
      const mine = waiting;
      try {
        await attempt();
      } catch {
        if (waiting !== mine) return;
        ledger.persisted = false;
        take(local ?? ledger.session);
        if (!alone) onTrouble("unpersisted");
      }
    },
    begin(first) {
      met.add((begunId = first.sessionId));
      maybeWritten = false;
      return ledger.persist((current, before) => {
        const { session } = ledger;
        const latest = session?.sessionId === begunId ? session! : first;
        // It may have been written though the store said no; then it may even have been ended since.
        // And one that was refused before it could be written takes nobody else's place.
        return (before?.sessionId === latest.sessionId &&
          (before.tombstone || (current && current.generation >= latest.generation))) ||
          (current && latest.refused)
          ? undefined
          : // What the store has lost is written above all that others may have seen of it.
            toRecord({ ...latest, revision: (before?.revision ?? tried) + 1 });
      });
    },
    async end() {
      last = ledger.session;
      // Also those that a sign-in replaced which may not have been written.
      for (const id of met) ended.add(id);
      const mine = (ending = {});
      take(undefined);
      await ledger.persist((_, current) =>
        !current || current.tombstone || !ended.has(current.sessionId)
          ? undefined
          : {
              ...current,
              revision: current.revision + 1,
              tombstone: true,
              body: undefined,
              attemptId: undefined,
            },
      );
      // Nobody knows which session an unreachable record holds: a later one must not end by this.
      if (ending === mine) ending = undefined;
      return last;
    },
  };
  return ledger;
}

/**
 * The visits to a browser's cookie jar. A browser has one jar for all of its tabs, and whatever sets the same
 * cookie must not overlap: a late `Set-Cookie` of one user would overwrite another's. So a record beside the
 * session's says who is at the jar and until when, and what the jar holds. Each visit begins by a
 * compare-and-set of that record, is durable before its first byte leaves, and ends by a deadline.
 */
import { isVaultError, VaultError } from "../errors.ts";
import { isObject, own } from "../guard/json.ts";
import { createLimit } from "../guard/limit.ts";
import { randomId } from "../guard/random.ts";
import type { Clock, Exchange, ExchangeContext, StoredRecord } from "../types.ts";

/** What is known of the cookie in the jar. It is sealed with the record, if the store seals. */
export interface Note {
  /** Under which key the store keeps the session whose cookie it is. */
  readonly owner?: string | undefined;
  /** Since when the server may have a session of the cookie; absent where it has none. */
  readonly liveSince?: number | undefined;
  /** Nobody has got a token by the cookie yet: it was only asked whether the server has a session. */
  readonly isSought?: boolean | undefined;
  /** The name of the tombstone that the search went past. It stands for a sign-out before the search. */
  readonly passed?: string | undefined;
  /** When the login was sent that was granted last: a tombstone from before is of an earlier session. */
  readonly loggedInAt?: number | undefined;
  /** The server was to be told of a sign-out, and nobody knows that it has heard. */
  readonly isOwed?: boolean | undefined;
  /** When the server has last said that there is no session. */
  readonly emptyAt?: number | undefined;
  /** What the server wants to see again in a header. */
  readonly csrf?: string | undefined;
  /** When the visit that stands has ended at the latest. */
  readonly deadline?: number | undefined;
}

/** The right to send what may set the cookie. */
export interface Visit {
  note(): Note;
  /** Changes the note with the next write. */
  change(changes: Partial<Note>): void;
  /**
   * Makes sure that the visit is still this one's, for one request more, and runs the request in the same task.
   * The request ends with the visit's deadline.
   */
  send<T>(request: (exchange: Exchange) => Promise<T>): Promise<T>;
  /** Whether nobody else has come to the jar. The store is asked only where the deadline is over. */
  isKept(): Promise<boolean>;
  /** Gives the jar back. It never rejects: the deadline tells the same. */
  leave(): Promise<void>;
}

/** A visit lasts no longer, unless it begins another request. */
const VISIT = 15_000;
/** How much longer others wait. */
const MARGIN = 2_000;
/** A logout, and what it makes room for, is the longest visit. */
export const LONGEST_VISIT: number = 2 * VISIT + MARGIN;
/** How long the visit's last write counts for the next request. */
const FRESH = 500;
/** How long a store may take for one answer. */
const STORE = 5_000;
/** A write that takes longer has been frozen: no answer of an awake context comes so late. */
const SLEPT = STORE + 1_000;
/** Between two looks at who is there. */
const PAUSE = 100;

/** Why nothing was sent: somebody else is at the jar, or has taken it over. */
export class JarBusy extends Error {}

/** What the engine gives with each exchange. */
export function contextOf({ context }: Exchange): ExchangeContext {
  if (context) return context;
  throw new VaultError("invalid_option", "Cannot keep a cookie's session: no vault asks for it.");
}

/** The record's key. A session's key has more parts. */
export const jarKey = (url: string): string => `jar|${encodeURIComponent(url)}`;

const finite = (value: unknown): number | undefined =>
  typeof value === "number" && isFinite(value) ? value : undefined;
const text = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

/** What a record says. It has lain where others write, too, so that it is narrowed first (S10). */
export function noteIn(record: StoredRecord | undefined): Note {
  const body = own(isObject(record?.body) ? record.body : {});
  const { owner, liveSince, isSought, passed, loggedInAt, isOwed, emptyAt, csrf, deadline } = body;
  return {
    owner: text(owner),
    liveSince: finite(liveSince),
    isSought: isSought === true,
    passed: text(passed),
    loggedInAt: finite(loggedInAt),
    isOwed: isOwed === true,
    emptyAt: finite(emptyAt),
    csrf: text(csrf),
    deadline: finite(deadline),
  };
}

/** A store's answer, in time. A platform's own error may show what it stores (S4). */
export async function answerOf<T>(clock: Clock, ask: () => Promise<T>): Promise<T> {
  const { stopped, end } = createLimit(clock, STORE);
  try {
    return await Promise.race([ask(), stopped]);
  } catch (error) {
    throw isVaultError(error) ? error : new VaultError("store_unavailable");
  } finally {
    end();
  }
}

async function pause(clock: Clock, signal: AbortSignal): Promise<void> {
  const over = createLimit(clock, PAUSE);
  const stop = (): void => over.end();
  signal.addEventListener("abort", stop);
  await over.stopped.catch(() => {});
  signal.removeEventListener("abort", stop);
  over.end();
}

/** A visit at one of its requests, and when this context has first seen it there, in running time. */
interface Sight {
  readonly attemptId: string | undefined;
  readonly deadline: number | undefined;
  readonly since: number;
}

/** A visit that begins another request is seen anew: its time begins again. */
function see(record: StoredRecord | undefined, before: Sight | undefined, clock: Clock): Sight {
  const { attemptId } = record ?? {};
  const { deadline } = noteIn(record);
  const isSame = before?.attemptId === attemptId && before?.deadline === deadline;
  if (before && isSame) return before;
  return { attemptId, deadline, since: clock.running() };
}

/** Whether a visit stands. */
function stands({ attemptId, deadline = Infinity, since }: Sight, clock: Clock): boolean {
  if (attemptId === undefined) return false;
  // By running time too, so that no step of the clock keeps anybody waiting.
  if (clock.running() - since > VISIT + MARGIN) return false;
  return clock.now() <= deadline + MARGIN;
}

/**
 * Waits until nobody else is at the jar, `patience` milliseconds at most, and takes it.
 *
 * @throws JarBusy when the patience is over; VaultError `store_unavailable`, `closed`; the exchange's own
 * reason when it is over.
 */
export async function enter(key: string, exchange: Exchange, patience: number): Promise<Visit> {
  const { signal } = exchange;
  const { store, clock, isClosed } = contextOf(exchange);
  const begunAt = clock.running();
  let sight: Sight | undefined;
  for (;;) {
    signal.throwIfAborted();
    if (isClosed()) throw new VaultError("closed");
    const found = await answerOf(clock, () => store.read(key));
    sight = see(found, sight, clock);
    if (!stands(sight, clock)) {
      const visit = createVisit(key, exchange, found);
      if (await visit.extend()) return visit;
    } else if (clock.running() - begunAt > patience) throw new JarBusy();
    await pause(clock, signal);
  }
}

function createVisit(
  key: string,
  exchange: Exchange,
  found: StoredRecord | undefined,
): Visit & { extend(): Promise<boolean> } {
  const { store, clock, isClosed } = contextOf(exchange);
  const { signal } = exchange;
  const attemptId = randomId();
  let record = found;
  let changes: Partial<Note> = {};
  /** When the deadline was last written, in running time and by the wall clock. */
  let written = { running: -Infinity, now: 0 };
  let isChanged = true;

  async function write(next: Note, by: string | undefined): Promise<boolean> {
    const made: StoredRecord = own({
      format: 1,
      sessionId: record?.sessionId ?? randomId(),
      revision: (record?.revision ?? 0) + 1,
      attemptId: by,
      body: own(next),
    });
    const isWritten = await answerOf(clock, () => store.write(key, made, record));
    if (isWritten) record = made;
    return isWritten;
  }

  const note = (): Note => ({ ...noteIn(record), ...changes });

  /** `false` where somebody else has written. */
  async function extend(): Promise<boolean> {
    for (;;) {
      signal.throwIfAborted();
      const at = { running: clock.running(), now: clock.now() };
      if (!(await write({ ...note(), deadline: at.now + VISIT }, attemptId))) return false;
      written = at;
      isChanged = false;
      // Others may have come while this context was frozen.
      if (clock.running() - at.running < SLEPT) return true;
    }
  }

  /** By both clocks: one may stand still while a machine sleeps. */
  const age = (): number =>
    Math.max(clock.running() - written.running, Math.abs(clock.now() - written.now));

  return {
    note,
    change(more) {
      changes = { ...changes, ...more };
      isChanged = true;
    },
    extend,
    async send(request) {
      if ((isChanged || age() > FRESH) && !(await extend())) throw new JarBusy();
      if (isClosed()) throw new VaultError("closed");
      const limit = createLimit(clock, VISIT - age(), { by: signal });
      try {
        return await Promise.race([
          request(own({ ...exchange, signal: limit.signal })),
          limit.stopped,
        ]);
      } finally {
        limit.end();
      }
    },
    isKept: async () => age() <= VISIT || extend(),
    async leave() {
      try {
        for (let tries = 0; tries < 8; tries++) {
          // Who has overtaken this visit knows the jar better.
          if (record?.attemptId !== attemptId) return;
          if (await write({ ...note(), deadline: undefined }, undefined)) return;
          record = await answerOf(clock, () => store.read(key));
        }
      } catch {
        // The visit stands until its deadline; a logout that was made is made again.
      }
    },
  };
}

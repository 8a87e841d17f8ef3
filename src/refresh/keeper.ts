/**
 * The only place that reads and writes the record: one operation at a time, each within five seconds.
 * It returns the store's answer, and calls nobody.
 */
import { isVaultError } from "../errors.ts";
import type { Clock, RecordHead, StoredRecord, TokenStore } from "../types.ts";
import { LAG, SLEPT, STORE } from "./timing.ts";

/** A rejection or the silence of a store. Any other error that is thrown is a bug. */
export class StoreTrouble extends Error {
  readonly reason: unknown;
  /** The store was silent: the operation may still happen. */
  readonly isSilence: boolean;

  constructor(reason: unknown, isSilence: boolean) {
    super("The store cannot be reached");
    this.reason = reason;
    this.isSilence = isSilence;
  }
}

interface Asked {
  /** When the store was asked, in running time. */
  readonly askedAt: number;
}

export interface Keeper {
  read(): Promise<Asked & { readonly record: StoredRecord | undefined }>;
  /** `isFresh`: this context was awake while the answer was on its way. */
  head(): Promise<Asked & { readonly head: RecordHead | undefined; readonly isFresh: boolean }>;
  write(next: StoredRecord, expected: RecordHead | undefined): Promise<boolean>;
  /** The scope of the store's database, for locks that span as many contexts. */
  scope(): Promise<string | undefined>;
}

/** Whether a store has given up by a deadline of its own: it was silent for that long. */
const isOverdue = (reason: unknown): boolean =>
  isVaultError(reason) && reason.reason === "timed_out";

/** Waiting goes in beats, so that time in which the context slept does not count against the store. */
const BEAT = 500;

interface Answered<T> {
  readonly answer: T;
  /** This context was awake while the answer was on its way. */
  readonly isFresh: boolean;
}

/** Rejects with the store's own reason, or when it is silent for five seconds of waking time. */
export function askStore<T>(clock: Clock, ask: () => Promise<T>): Promise<Answered<T>> {
  let timer: unknown;
  let beats = 0;
  let beatAt = clock.running();
  let isFresh = true;

  /** Notes whether this context has slept since the last beat. */
  function listen(): void {
    if (clock.running() - beatAt - BEAT > SLEPT) isFresh = false;
    beatAt = clock.running();
  }

  const answered = new Promise<Answered<T>>((resolve, reject) => {
    function beat(): void {
      listen();
      beats += 1;
      if (beats * BEAT >= STORE) reject(new StoreTrouble(undefined, true));
      else timer = clock.setTimeout(beat, BEAT);
    }
    timer = clock.setTimeout(beat, BEAT);
    ask().then(
      (answer) => {
        listen();
        resolve({ answer, isFresh });
      },
      (reason: unknown) => reject(new StoreTrouble(reason, isOverdue(reason))),
    );
  });
  return answered.finally(() => clock.clearTimeout(timer));
}

export interface KeeperOptions {
  readonly clock: Clock;
  readonly isClosed: () => boolean;
}

export function createKeeper(
  store: TokenStore,
  key: string,
  { clock, isClosed }: KeeperOptions,
): Keeper {
  let last: Promise<unknown> = Promise.resolve();
  /** A write that has not been answered. */
  let silent: { readonly end: Promise<unknown>; readonly until: number } | undefined;

  /** Runs operations one after the other. */
  function inTurn<T>(ask: () => Promise<T>): Promise<Answered<T>> {
    const turn = last.then(() => askStore(clock, async () => ask()));
    last = turn.then(
      () => {},
      () => {},
    );
    return turn;
  }

  /**
   * In a store without compare-and-set a late write overwrites the writes after it, so that the next write
   * waits for its end. Not for ever: a runtime that lets a request go may never answer (F31).
   */
  async function write(next: StoredRecord, expected: RecordHead | undefined): Promise<boolean> {
    let begun: Promise<unknown> | undefined;
    let isOver = false;
    const turn = inTurn(async () => {
      if (silent && clock.running() < silent.until) await silent.end;
      if (isOver) return false;
      silent = undefined;
      const answer = (async () => store.write(key, next, expected))();
      begun = answer.catch(() => {});
      return answer;
    });
    try {
      return (await turn).answer;
    } catch (error) {
      isOver = true;
      const isSilent = error instanceof StoreTrouble && error.isSilence;
      if (isSilent && begun && !store.atomic) silent = { end: begun, until: clock.running() + LAG };
      throw error;
    }
  }

  const readOnce = () =>
    inTurn(async () => ({ askedAt: clock.running(), record: await store.read(key) }));

  return {
    async read() {
      const first = await readOnce();
      // It waited while this context slept, so that it tells how things were long ago.
      return first.isFresh || isClosed() ? first.answer : (await readOnce()).answer;
    },
    async head() {
      const { answer, isFresh } = await inTurn(async () => ({
        askedAt: clock.running(),
        head: await store.head(key),
      }));
      return { ...answer, isFresh };
    },
    write,
    async scope() {
      return (await inTurn(async () => store.scope?.())).answer;
    },
  };
}

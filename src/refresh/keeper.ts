/**
 * The only place that reads and writes the record: one operation at a time, each within five seconds.
 * It returns what the store says, and calls nobody.
 */
import type { Clock, RecordHead, StoredRecord, TokenStore } from "../types.ts";
import { SLEPT, STORE } from "./timing.ts";

/** What a store rejected with, or that it was silent. Everything else that is thrown is a fault of ours. */
export class StoreTrouble extends Error {
  readonly reason: unknown;
  /** The store was silent: what it was asked for may still happen. */
  readonly isSilence: boolean;

  constructor(reason: unknown, isSilence: boolean) {
    super("The store cannot be reached");
    this.reason = reason;
    this.isSilence = isSilence;
  }
}

export interface Keeper {
  read(): Promise<{ readonly record: StoredRecord | undefined; readonly askedAt: number }>;
  /** `isFresh`: this context was awake while the answer was on its way. */
  head(): Promise<{ readonly head: RecordHead | undefined; readonly isFresh: boolean }>;
  write(next: StoredRecord, expected: RecordHead | undefined): Promise<boolean>;
  /** The scope of the store's database, for locks that span as many contexts. */
  scope(): Promise<string | undefined>;
}

/** An answer is waited for in beats, so that time in which the context slept is told from the store's. */
const BEAT = 500;

export function createKeeper(store: TokenStore, key: string, clock: Clock): Keeper {
  let last: Promise<unknown> = Promise.resolve();

  /** Rejects with the store's own reason, or when it is silent for five seconds of waking time. */
  function within<T>(
    ask: () => Promise<T>,
  ): Promise<{ readonly answer: T; readonly isFresh: boolean }> {
    let timer: unknown;
    let beats = 0;
    let beatAt = clock.running();
    let isFresh = true;
    return new Promise<{ answer: T; isFresh: boolean }>((resolve, reject) => {
      const beat = (): void => {
        const late = clock.running() - beatAt - BEAT;
        if (late > SLEPT) isFresh = false;
        beatAt = clock.running();
        beats += 1;
        if (beats * BEAT >= STORE) reject(new StoreTrouble(undefined, true));
        else timer = clock.setTimeout(beat, BEAT);
      };
      timer = clock.setTimeout(beat, BEAT);
      ask().then(
        (answer) => {
          const late = clock.running() - beatAt - BEAT;
          resolve({ answer, isFresh: isFresh && late <= SLEPT });
        },
        (reason: unknown) => reject(new StoreTrouble(reason, false)),
      );
    }).finally(() => clock.clearTimeout(timer));
  }

  /** One after the other. A store that does not compare and set waits for the end of a silent write. */
  function inTurn<T>(
    ask: () => Promise<T>,
  ): Promise<{ readonly answer: T; readonly isFresh: boolean }> {
    let done: Promise<unknown> = Promise.resolve();
    const started = (): Promise<T> => {
      const answer = (async () => ask())();
      done = answer.catch(() => {});
      return answer;
    };
    const turn = last.then(() => within(started));
    last = turn.then(
      () => {},
      () => (store.atomic ? undefined : done),
    );
    return turn;
  }

  return {
    async read() {
      const turn = inTurn(async () => ({
        askedAt: clock.running(),
        record: await store.read(key),
      }));
      return (await turn).answer;
    },
    async head() {
      const { answer, isFresh } = await inTurn(() => store.head(key));
      return { head: answer, isFresh };
    },
    async write(next, expected) {
      return (await inTurn(() => store.write(key, next, expected))).answer;
    },
    async scope() {
      return (await inTurn(async () => store.scope?.())).answer;
    },
  };
}

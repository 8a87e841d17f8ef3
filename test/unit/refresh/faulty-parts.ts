/** What the tests of faults share: bounds in virtual time, parts that misbehave, a server of many hours. */
import type { PasswordCredentials } from "../../../src/providers/password.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type {
  Channel,
  ChannelPort,
  Lock,
  PeerMessage,
  StoredRecord,
  TokenStore,
} from "../../../src/types.ts";
import { createOwnedVault } from "../../../src/vault/vault.ts";
import { type ManualClock, manualClock, settle } from "../../support/clock.ts";
import { acme, type Answer, fakeApi } from "../../support/fake-api.ts";
import {
  type Bench,
  bench,
  type BenchOptions,
  closedAfter,
  signedIn,
} from "../../support/vault.ts";

export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 3_600_000;

let inFlight = 0;

/** A store that needs real turns of the event loop: no virtual time passes while it is being asked. */
export function unhurried(inner: TokenStore): TokenStore {
  async function count<T>(answer: Promise<T>): Promise<T> {
    inFlight += 1;
    try {
      return await answer;
    } finally {
      inFlight -= 1;
    }
  }
  return {
    ...inner,
    head: (key) => count(inner.head(key)),
    read: (key) => count(inner.read(key)),
    write: (...change) => count(inner.write(...change)),
    list: (prefix) => count(inner.list(prefix)),
  };
}

/** Turns until nothing goes on but what waits for virtual time, or for the test. */
export async function rest(): Promise<void> {
  let quiet = 0;
  for (let turn = 0; turn < 5_000 && quiet < 2; turn++) {
    await settle();
    quiet = inFlight ? 0 : quiet + 1;
  }
}

/** Lets time pass until `promise` settles; one that has not settled in `ms` fails the test. */
export async function within<T>(clock: ManualClock, ms: number, promise: Promise<T>): Promise<T> {
  const until = clock.running() + ms;
  let isSettled = false;
  const note = (): void => void (isSettled = true);
  promise.then(note, note);
  for (let steps = 0; steps < 5_000; steps++) {
    await rest();
    if (isSettled) return promise;
    const left = until - clock.running();
    if (left <= 0) break;
    await clock.advance(Math.min(clock.pending()[0] ?? left, left));
  }
  await rest();
  if (isSettled) return promise;
  throw new Error(`Not settled within ${ms} ms`);
}

/** What became of a promise: its value, or its error's code. */
export const outcome = <T>(promise: Promise<T>): Promise<T | string> =>
  promise.catch((error: unknown) => String((error as { code?: unknown })?.code ?? error));

/** An answer that waits until the test lets it go; `arrived` counts who waits. */
export interface Gate {
  readonly answer: Answer;
  arrived: number;
  open(response?: Response | (() => Response)): void;
}

export function gate(fallback: Answer): Gate {
  const waiting: ((response: Response | (() => Response) | undefined) => void)[] = [];
  const self: Gate = {
    arrived: 0,
    async answer(call, ordinal) {
      self.arrived += 1;
      const given = await new Promise<Response | (() => Response) | undefined>((resolve) => {
        waiting.push(resolve);
      });
      return typeof given === "function" ? given() : (given ?? fallback(call, ordinal));
    },
    open(response) {
      for (const go of waiting.splice(0)) go(response);
    },
  };
  return self;
}

/** An answer that comes after `ms` of virtual time. */
export const slowly =
  (clock: ManualClock, ms: number, answer: Answer): Answer =>
  async (call, ordinal) => {
    await new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
    return answer(call, ordinal);
  };

/** A store whose every operation is watched, and may be slow, down, hung or deaf. */
export interface OddStore extends TokenStore {
  /** Operations so far, and reads (heads among them). */
  operations: number;
  reads: number;
  /** What it has taken, in order. */
  writes: StoredRecord[];
  /** Milliseconds for each operation; `Infinity` hangs. */
  delay: number;
  isDown: boolean;
  /** `write` answers `false` and changes nothing. */
  isDeaf: boolean;
}

/** A loop that asks a store without a pause would starve the test: then the store says nothing more. */
const MOST = 3_000;

export function oddStore(clock: ManualClock, inner: TokenStore = memoryStore()): OddStore {
  async function pass<T>(ask: () => Promise<T>, isRead: boolean): Promise<T> {
    self.operations += 1;
    if (isRead) self.reads += 1;
    if (self.operations > MOST || self.delay === Infinity) return new Promise<T>(() => {});
    if (self.delay) await new Promise<void>((resolve) => clock.setTimeout(resolve, self.delay));
    if (self.isDown) throw new Error("down");
    return ask();
  }
  const self: OddStore = {
    ...inner,
    operations: 0,
    reads: 0,
    writes: [],
    delay: 0,
    isDown: false,
    isDeaf: false,
    head: (key) => pass(() => inner.head(key), true),
    read: (key) => pass(() => inner.read(key), true),
    list: (prefix) => pass(() => inner.list(prefix), true),
    write: (key, next, expected) =>
      pass(async () => {
        if (self.isDeaf) return false;
        const isDone = await inner.write(key, next, expected);
        if (isDone && next) self.writes.push(next);
        return isDone;
      }, false),
  };
  return self;
}

/** A vault on a store that may misbehave. */
export type Odd = Bench & { readonly store: OddStore };

/** Signed in; what the store has been asked until then does not count. */
export async function odd(options: BenchOptions = {}): Promise<Odd> {
  const clock = manualClock();
  const store = oddStore(clock);
  const made = await signedIn({ ...options, store, clock });
  store.operations = 0;
  return { ...made, store };
}

/** Not signed in. */
export function oddBench(options: BenchOptions = {}): Odd {
  const clock = manualClock();
  const store = oddStore(clock);
  return { ...bench({ ...options, store, clock }), store };
}

/** A channel within this process; it notes what is posted, and hands it on in a later task. */
export interface TestChannel extends Channel {
  readonly posted: PeerMessage[];
  /** Says something to everybody, and throws what a listener throws. */
  say(message: unknown): void;
}

export function testChannel(port: Pick<ChannelPort, "isConnected"> = {}): TestChannel {
  const ears = new Set<(message: unknown) => void>();
  const posted: PeerMessage[] = [];
  return {
    posted,
    say(message) {
      for (const ear of [...ears]) ear(message);
    },
    open(_, onMessage) {
      ears.add(onMessage);
      return {
        ...port,
        post(message) {
          posted.push(message);
          setImmediate(() => {
            for (const ear of [...ears]) if (ear !== onMessage) ear({ ...message });
          });
        },
        close: () => void ears.delete(onMessage),
      };
    },
  };
}

/** A lock that shows signs of life; `die` ends what the others see of one name, or of all. */
export interface SignLock extends Lock {
  readonly held: Set<string>;
}

export function signLock(held: Set<string>, spans: TokenStore["shared"] | undefined): SignLock {
  return {
    held,
    ...(spans && { spans }),
    run: (_, task) => task(),
    async hold(name) {
      held.add(name);
      return () => void held.delete(name);
    },
    isFree: async (name) => !held.has(name),
  };
}

/** A vault and what an owner elsewhere asks: the engine itself. */
export function ownerOf(options: Pick<BenchOptions, "api" | "clock" | "store">) {
  const { api = fakeApi(), clock = manualClock(), store = memoryStore() } = options;
  const { vault, engine } = createOwnedVault<PasswordCredentials>({
    provider: acme(),
    fetch: api.fetch,
    random: () => 0.5,
    clock,
    store,
  });
  return { vault: closedAfter(vault), engine };
}

/** What the tests of faults share: bounds in virtual time, parts that misbehave, a server of many hours. */
import { memoryStore } from "../../../src/stores/memory.ts";
import type {
  Channel,
  ChannelPort,
  Lock,
  PeerMessage,
  Provider,
  StoredRecord,
  TokenStore,
} from "../../../src/types.ts";
import { type ManualClock, settle } from "../../support/clock.ts";
import { acme, type Answer, ORIGIN, reply } from "../../support/fake-api.ts";

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
        if (next) self.writes.push(next);
        return inner.write(key, next, expected);
      }, false),
  };
  return self;
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

export interface LapsingOptions {
  /** How long an access token really lives. */
  readonly life: number;
  /** What the reply says of it; nothing by default. */
  readonly told?: unknown;
  /** A token that was not used for so long is dead. */
  readonly idle?: number;
}

/** A server whose tokens end when it likes, quick enough for days of virtual time. */
export interface Lapsing {
  readonly fetch: typeof fetch;
  refreshes: number;
  /** Refresh tokens that came a second time. */
  reuses: number;
  /** The token endpoint answers 503. */
  isDown: boolean;
  /** Ends every access token. */
  revokeAll(): void;
}

export function lapsing(
  clock: ManualClock,
  { life, told, idle = Infinity }: LapsingOptions,
): Lapsing {
  const tokens = new Map<string, { endsAt: number; usedAt: number }>();
  let issued = 0;

  const grant = (): Response => {
    const name = `access-${(issued += 1)}`;
    tokens.set(name, { endsAt: clock.running() + life, usedAt: clock.running() });
    const body = { access_token: name, refresh_token: `refresh-${issued}`, expires_in: told };
    return reply(200, body);
  };

  const isGood = (name: string): boolean => {
    const token = tokens.get(name);
    const now = clock.running();
    if (!token || now >= token.endsAt || now >= token.usedAt + idle) {
      tokens.delete(name);
      return false;
    }
    token.usedAt = now;
    return true;
  };

  const self: Lapsing = {
    refreshes: 0,
    reuses: 0,
    isDown: false,
    revokeAll: () => tokens.clear(),
    async fetch(input, init) {
      const request = input instanceof Request ? input : undefined;
      const { pathname } = new URL(request?.url ?? String(input));
      if (/\/(login|get-access-token)$/.test(pathname)) {
        if (issued) self.refreshes += 1;
        return self.isDown ? reply(503, {}) : grant();
      }
      if (pathname === "/refresh") {
        self.refreshes += 1;
        if (self.isDown) return reply(503, {});
        const sent = JSON.parse(String(init?.body)) as { refresh_token?: string };
        if (sent.refresh_token === `refresh-${issued}`) return grant();
        self.reuses += 1;
        return reply(401, { error: "invalid_grant" });
      }
      const headers = request?.headers ?? new Headers(init?.headers);
      const name = (headers.get("authorization") ?? "").slice("Bearer ".length);
      const isBad = pathname.startsWith("/v1/bad");
      return new Response(null, { status: !isBad && isGood(name) ? 200 : 401 });
    },
  };
  return self;
}

/** A client that calls now and then, and notes every answer that was not a 200, and every delay. */
export interface Traffic {
  calls: number;
  readonly failed: string[];
  /** Calls that needed virtual time to be answered. */
  delayed: number;
}

/** One call that is not waited for, unless it is answered without any time passing. */
export async function callOnce(
  traffic: Traffic,
  clock: ManualClock,
  call: () => Promise<Response>,
): Promise<void> {
  const at = clock.running();
  traffic.calls += 1;
  await call().then(
    ({ status }) => status === 200 || traffic.failed.push(`${status} at ${at / MINUTE} min`),
    (error: unknown) =>
      traffic.failed.push(`${String((error as Error).message)} at ${at / MINUTE} min`),
  );
  if (clock.running() > at) traffic.delayed += 1;
}

export const noTraffic = (): Traffic => ({ calls: 0, failed: [], delayed: 0 });

/** Time in equal steps, with `each` begun at every one of them; the rest is let finish in the end. */
export async function pass(
  clock: ManualClock,
  { total, every, each }: { total: number; every: number; each: (at: number) => void },
): Promise<void> {
  for (let at = 0; at < total; at += every) {
    each(at);
    await clock.advance(every);
  }
  await clock.advance(MINUTE);
}

/** A provider whose replies do not say how long a token lives, unless `told` does. */
export const plain = (
  options: Parameters<typeof acme>[0] = {},
): Provider<{ email: string; password: string }> => acme(options);

export { ORIGIN };

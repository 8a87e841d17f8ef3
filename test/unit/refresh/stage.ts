/** What the tests of faults share: bounds in virtual time, parts that misbehave, a server of many hours. */
import { memoryStore } from "../../../src/stores/memory.ts";
import type {
  Channel,
  ChannelPort,
  Lock,
  PeerMessage,
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
  /** Which paths are answered 401, always; those below `/v1/bad` by default. */
  isBad(pathname: string): boolean;
  /** Ends every access token. */
  revokeAll(): void;
}

export function lapsing(
  clock: ManualClock,
  { life, told, idle = Infinity }: LapsingOptions,
): Lapsing {
  const tokens = new Map<string, { endsAt: number; usedAt: number }>();
  let issued = 0;

  function grant(): Response {
    const name = `access-${(issued += 1)}`;
    const now = clock.running();
    tokens.set(name, { endsAt: now + life, usedAt: now });
    const body = { access_token: name, refresh_token: `refresh-${issued}` };
    return reply(200, told === undefined ? body : { ...body, expires_in: told });
  }

  function isGood(name: string): boolean {
    const token = tokens.get(name);
    const now = clock.running();
    if (!token || now >= token.endsAt || now >= token.usedAt + idle) {
      tokens.delete(name);
      return false;
    }
    token.usedAt = now;
    return true;
  }

  function refresh(sent: unknown): Response {
    self.refreshes += 1;
    if (self.isDown) return reply(503, {});
    if (sent === undefined || sent === `refresh-${issued}`) return grant();
    self.reuses += 1;
    return reply(401, { error: "invalid_grant" });
  }

  const self: Lapsing = {
    refreshes: 0,
    reuses: 0,
    isDown: false,
    isBad: (pathname) => pathname.startsWith("/v1/bad"),
    revokeAll: () => tokens.clear(),
    async fetch(input, init) {
      const request = input instanceof Request ? input : undefined;
      const { pathname } = new URL(request?.url ?? String(input));
      if (/^\/(login|refresh|get-access-token)$/.test(pathname)) {
        const { refresh_token } = JSON.parse(String(init?.body)) as { refresh_token?: string };
        return issued ? refresh(refresh_token) : grant();
      }
      const headers = request?.headers ?? new Headers(init?.headers);
      const name = (headers.get("authorization") ?? "").slice("Bearer ".length);
      const isLet = !self.isBad(pathname) && isGood(name);
      return new Response(null, { status: isLet ? 200 : 401 });
    },
  };
  return self;
}

/** What a client of many calls has seen. */
export interface Traffic {
  calls: number;
  /** What was no 200, and when. */
  readonly failed: string[];
  /** Calls that needed virtual time to be answered. */
  delayed: number;
  /** The longest of them took so long. */
  longest: number;
}

export const noTraffic = (): Traffic => ({ calls: 0, failed: [], delayed: 0, longest: 0 });

/** How many failed, and the first of them: so that a failing test says enough and not too much. */
export const failures = ({ failed }: Traffic): readonly unknown[] => [
  failed.length,
  ...failed.slice(0, 3),
];

/** One call, noted. */
export async function note(
  traffic: Traffic,
  clock: ManualClock,
  call: () => Promise<Response>,
): Promise<void> {
  const at = clock.running();
  const fail = (what: unknown): void =>
    void traffic.failed.push(`${String(what)} after ${Math.round(at / SECOND)} s`);
  try {
    const { status } = await call();
    if (status !== 200) fail(status);
  } catch (error) {
    fail((error as { code?: unknown }).code ?? error);
  }
  traffic.calls += 1;
  const took = clock.running() - at;
  if (took) traffic.delayed += 1;
  traffic.longest = Math.max(traffic.longest, took);
}

/** Time in equal steps, with `each` called at every one of them; what was begun is let finish. */
export async function timeTable(
  clock: ManualClock,
  total: number,
  { every, each }: { every: number; each: (at: number) => void },
): Promise<void> {
  for (let at = 0; at < total; at += every) {
    each(at);
    await clock.advance(every);
  }
  await clock.advance(MINUTE);
}

export { acme, ORIGIN };

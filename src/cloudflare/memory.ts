/**
 * What an isolate remembers: settled values only, because a promise that one request makes and another
 * awaits may never settle (F31). Bounded: what was least recently used goes.
 */
import type { AccessToken, TokenName } from "../types.ts";
import type { TokenReply } from "./wire.ts";

export interface Remembered {
  /** What the object said last; nothing older is believed of anybody else (F33). */
  readonly revision: number;
  readonly token: AccessToken | undefined;
  /** The token that was served last, though a 401 may have ended it: the salt of endpoints. */
  readonly last: AccessToken | undefined;
  readonly until: number;
  /** When it was vouched for. */
  readonly at: number;
  /** A look in the background has begun then. */
  lookedAt: number;
}

export interface Memory {
  get(key: string): Remembered | undefined;
  /** Takes what the object itself says. */
  take(key: string, answer: TokenReply, now: number): Remembered;
  /** Takes what KV says if it is no step back, and says whether it was taken. */
  adopt(key: string, answer: TokenReply, now: number): Remembered | undefined;
  /** Stops serving a token that was answered with 401. */
  reject(key: string, rejected: TokenName): void;
  /** Notes that an endpoint, by its hash, has let a generation through. */
  pass(endpoint: string, generation: number): void;
  /** The last generation that it let through here, as far as that is remembered. */
  passed(endpoint: string | undefined): number | undefined;
  /** Whether this is asked for the first time, so that what is told once is told once in an isolate. */
  isFirst(name: string): boolean;
}

/** About 2 kB each: an isolate has 128 MB for everything. */
const MOST = 10_000;
/** Endpoints that are remembered, 100 bytes each. */
const MOST_ENDPOINTS = 4_096;
/** Things that are told once; what comes after them is not told. */
const MOST_TOLD = 256;

export function createMemory(most: number = MOST): Memory {
  // A Map keeps the order in which keys were set: the first is the one that was not used for longest.
  const all = new Map<string, Remembered>();
  /** A session's id is part of an endpoint's hash, so that accounts don't meet here. */
  const endpoints = new Map<string, number>();
  const told = new Set<string>();

  function keep(key: string, one: Remembered): Remembered {
    all.delete(key);
    all.set(key, one);
    if (all.size > most) all.delete(all.keys().next().value!);
    return one;
  }

  function get(key: string): Remembered | undefined {
    const found = all.get(key);
    return found && keep(key, found);
  }

  function put(key: string, { revision, lease }: TokenReply, now: number): Remembered {
    const { accessToken = "", sessionId = "", generation = 0, until = Infinity } = lease ?? {};
    // The owner judges endpoints, and wants to hear in a question which of them let a token through.
    const token = lease && { accessToken, sessionId, generation, isWatched: true };
    return keep(key, { revision, token, last: token, until, at: now, lookedAt: now });
  }

  return {
    get,
    take(key, answer, now) {
      const { lease } = answer;
      const known = get(key);
      const { token } = known ?? {};
      // Answers may overtake each other; the later one is known already.
      return known &&
        answer.revision < known.revision &&
        (!lease || lease.sessionId !== token?.sessionId || lease.generation < token.generation)
        ? known
        : put(key, answer, now);
    },
    adopt(key, answer, now) {
      const { lease, revision } = answer;
      const known = get(key);
      const { token } = known ?? {};
      const isStep =
        lease &&
        (!known ||
          revision > known.revision ||
          (token?.sessionId === lease.sessionId && lease.generation >= token.generation));
      return isStep
        ? put(key, { lease, revision: Math.max(revision, known?.revision ?? 0) }, now)
        : undefined;
    },
    reject(key, { sessionId, generation }) {
      const known = get(key);
      if (known?.token?.sessionId === sessionId && known.token.generation <= generation)
        keep(key, { ...known, token: undefined });
    },
    pass(endpoint, generation) {
      endpoints.delete(endpoint);
      endpoints.set(endpoint, generation);
      const [oldest] = endpoints.keys();
      if (endpoints.size > MOST_ENDPOINTS && oldest !== undefined) endpoints.delete(oldest);
    },
    passed: (endpoint) => (endpoint === undefined ? undefined : endpoints.get(endpoint)),
    isFirst(name) {
      if (told.has(name) || told.size >= MOST_TOLD) return false;
      told.add(name);
      return true;
    },
  };
}

/**
 * An isolate's memory: settled values only, because a promise that one request makes and another awaits may
 * never settle (F31). It is bounded: the least recently used account goes.
 */
import type { AccessToken, TokenName } from "../types.ts";
import type { TokenReply } from "./wire.ts";

export interface Remembered {
  /** The object's last word; nothing older is believed from elsewhere (F33). */
  readonly revision: number;
  readonly token: AccessToken | undefined;
  /** The token that was served last, though a 401 may have ended it: the salt of endpoints. */
  readonly last: AccessToken | undefined;
  readonly until: number;
  /** When the object vouched for it. */
  readonly at: number;
  /** When a look in the background has begun. */
  lookedAt: number;
}

export interface Memory {
  get(key: string): Remembered | undefined;
  /** Takes the object's own word. */
  take(key: string, answer: TokenReply, now: number): Remembered;
  /** Takes KV's entry if it is no step back, and says whether it was taken. */
  adopt(key: string, answer: TokenReply, now: number): Remembered | undefined;
  /** Stops serving a token that was answered with 401. */
  reject(key: string, rejected: TokenName): void;
  /** Notes that an endpoint, by its hash, has let a generation through. */
  pass(endpoint: string, generation: number): void;
  /** The last generation that an endpoint let through here, if it is remembered. */
  passed(endpoint: string | undefined): number | undefined;
  /** Whether a name is asked for the first time, so that an isolate tells its news once. */
  isFirst(name: string): boolean;
}

/** About 2 kB each: an isolate has 128 MB for everything. */
const MOST = 10_000;
/** Endpoints that are remembered, 100 bytes each. */
const MOST_ENDPOINTS = 4_096;
/** How many things are told once; more of them are not told. */
const MOST_TOLD = 256;

export function createMemory(most: number = MOST): Memory {
  // A Map keeps the order in which its members were set: the first one was not used for longest.
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
      // Answers may overtake each other: then a later one is known already.
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

/**
 * An isolate's memory: settled values only, because a promise that one request makes and another awaits may
 * never settle (F31). It is bounded: the least recently used account goes.
 */
import { own } from "../guard/json.ts";
import { createRecent } from "../guard/recent.ts";
import type { AccessToken, TokenName } from "../types.ts";
import type { Lease, TokenReply } from "./wire.ts";

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

/** An entry by the answer that the object, or KV, has given at `now`. */
function toRemembered({ revision, lease }: TokenReply, now: number): Remembered {
  const said = own({ ...lease });
  const { accessToken = "", sessionId = "", generation = 0, until = Infinity } = said;
  // The owner judges endpoints, and wants to hear in a question which of them let a token through.
  const token = lease && { accessToken, sessionId, generation, isWatched: true };
  return { revision, token, last: token, until, at: now, lookedAt: now };
}

/** Whether a later answer than this one is known already: answers may overtake each other. */
const isOvertaken = ({ revision, lease }: TokenReply, known: Remembered): boolean =>
  revision < known.revision &&
  (!lease ||
    lease.sessionId !== known.token?.sessionId ||
    lease.generation < known.token.generation);

/** Whether KV's entry for a lease is no step back behind the object's last word. */
const isStep = (revision: number, lease: Lease, { token, ...known }: Remembered): boolean =>
  revision > known.revision ||
  (token?.sessionId === lease.sessionId && lease.generation >= token.generation);

export function createMemory(most: number = MOST): Memory {
  const accounts = createRecent<Remembered>(most);
  /** A session's id is part of an endpoint's hash, so that accounts don't meet here. */
  const endpoints = createRecent<number>(MOST_ENDPOINTS);
  const told = new Set<string>();
  return {
    get: accounts.get,
    take(key, said, now) {
      // An answer without a lease has none, whatever a prototype holds (S15).
      const answer = own(said);
      const known = accounts.get(key);
      return known && isOvertaken(answer, known)
        ? known
        : accounts.set(key, toRemembered(answer, now));
    },
    adopt(key, said, now) {
      const { lease, revision } = own(said);
      const known = accounts.get(key);
      if (!lease || (known && !isStep(revision, lease, known))) return undefined;
      const latest = Math.max(revision, known?.revision ?? 0);
      return accounts.set(key, toRemembered({ lease, revision: latest }, now));
    },
    reject(key, { sessionId, generation }) {
      const known = accounts.get(key);
      if (known?.token?.sessionId === sessionId && known.token.generation <= generation)
        accounts.set(key, { ...known, token: undefined });
    },
    pass: (endpoint, generation) => void endpoints.set(endpoint, generation),
    passed: (endpoint) => (endpoint === undefined ? undefined : endpoints.peek(endpoint)),
    isFirst(name) {
      if (told.has(name) || told.size >= MOST_TOLD) return false;
      told.add(name);
      return true;
    },
  };
}

/**
 * What an isolate remembers: settled values only, because a promise that one request makes and another
 * awaits may never settle (F31). Bounded: the account that was used least recently goes first.
 */
import type { AccessToken, TokenName } from "../types.ts";
import type { Answer } from "./wire.ts";

export interface Held {
  /** What the object said last; nothing older is believed of anybody else (F33). */
  readonly revision: number;
  readonly token: AccessToken | undefined;
  readonly until: number;
  /** When it was vouched for. */
  readonly at: number;
  /** A look in the background has begun then. */
  lookedAt: number;
}

export interface Memory {
  get(key: string): Held | undefined;
  /** Takes what the object itself says. */
  take(key: string, answer: Answer, now: number): Held;
  /** Takes what KV says if it is no step back, and says whether it was taken. */
  adopt(key: string, answer: Answer, now: number): Held | undefined;
  /** Stops serving a token that was answered with 401. */
  reject(key: string, rejected: TokenName): void;
}

/** About 2 kB each: an isolate has 128 MB for everything. */
const MOST = 10_000;

export function createMemory(most: number = MOST): Memory {
  const held = new Map<string, Held>();

  function put(key: string, { revision, lease }: Answer, now: number): Held {
    const before = held.get(key)?.token;
    const { accessToken, sessionId, generation, until = Infinity } = lease ?? {};
    const same = before?.accessToken === accessToken && before?.generation === generation;
    const next: Held = {
      revision,
      token:
        same || !lease
          ? before
          : { accessToken: accessToken!, sessionId: sessionId!, generation: generation! },
      until,
      at: now,
      lookedAt: now,
    };
    held.delete(key);
    held.set(key, lease ? next : { ...next, token: undefined });
    if (held.size > most)
      for (const oldest of held.keys()) {
        held.delete(oldest);
        break;
      }
    return held.get(key)!;
  }

  return {
    get(key) {
      const found = held.get(key);
      if (found) {
        held.delete(key);
        held.set(key, found);
      }
      return found;
    },
    take(key, answer, now) {
      const { revision = 0, token } = held.get(key) ?? {};
      // Answers may overtake each other; the later one is known already.
      const late =
        answer.revision < revision &&
        (!answer.lease ||
          answer.lease.sessionId !== token?.sessionId ||
          answer.lease.generation < token.generation);
      return late ? held.get(key)! : put(key, answer, now);
    },
    adopt(key, answer, now) {
      const { lease, revision } = answer;
      const known = held.get(key);
      const { token } = known ?? {};
      if (!lease) return undefined;
      const isStep =
        !known ||
        revision > known.revision ||
        (token?.sessionId === lease.sessionId && lease.generation >= token.generation);
      return isStep
        ? put(key, { ...answer, revision: Math.max(revision, known?.revision ?? 0) }, now)
        : undefined;
    },
    reject(key, { sessionId, generation }) {
      const known = held.get(key);
      if (known?.token?.sessionId === sessionId && known.token.generation <= generation)
        held.set(key, { ...known, token: undefined });
    },
  };
}

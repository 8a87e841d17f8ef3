/**
 * How a Worker gets an access token: from its isolate's memory, from KV, from the object, in this order. The
 * token is remembered for as long as it may be served without a question.
 */
import { own } from "../guard/json.ts";
import { fromWireError } from "../guard/wire-error.ts";
import { holdOpen } from "../refresh/lock-and-timer.ts";
import { CLAIM } from "../refresh/timing.ts";
import type { AccessToken, Clock, TokenNeed, TokenSource } from "../types.ts";
import { type Ask, type Asking, type Question, unavailable, within } from "./ask.ts";
import type { TokenCache } from "./cache.ts";
import type { Memory, Remembered } from "./memory.ts";
import { isFailure, type Lease, type SessionName, toLease, type TokenReply } from "./wire.ts";

export interface ReadPathParts {
  readonly session: SessionName;
  readonly memory: Memory;
  readonly ask: Ask;
  /** The object's name. */
  readonly hash: () => Promise<string>;
  /** The object's id, under which KV has its token. */
  readonly objectId: (hash: string) => string;
  readonly cache: TokenCache | undefined;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  readonly clock: Clock;
  /** How many milliseconds a call waits for tokens, in all. */
  readonly patience: number;
  readonly maxStaleness: number;
}

export interface ReadPath extends Required<TokenSource> {
  /** Asks the object for something whose answer says how the token stands, and remembers that. */
  askForToken(question: Question<TokenReply>, asking: Asking): Promise<Lease | undefined>;
}

/** How long KV may take before the object is asked. */
const KV_PATIENCE = 1_000;
/** How often a question is asked, at the most, where asking again does no harm. */
export const TRIES = 3;

/** The next step by the isolate's memory. */
export type Reading = "serve" | "serve and look" | "renew";

/** The answer for a caller by the isolate's memory. */
export function readingOf(
  { token, until, at, lookedAt }: Remembered,
  { rejected }: Pick<TokenNeed, "rejected">,
  { now, maxStaleness }: { readonly now: number; readonly maxStaleness: number },
): Reading {
  const isFresh = token && now < until && now >= at && now < at + maxStaleness;
  if (!isFresh) return "renew";
  const isRejected =
    rejected?.sessionId === token.sessionId && rejected.generation >= token.generation;
  if (isRejected) return "renew";
  const isDue = now >= at + maxStaleness / 2 && now >= lookedAt + CLAIM * 5;
  return isDue ? "serve and look" : "serve";
}

/** The owner judges endpoints, and wants to hear in a question which of them let a token through. */
const tokenOf = ({ accessToken, sessionId, generation }: Lease): AccessToken => ({
  accessToken,
  sessionId,
  generation,
  isWatched: true,
});

const createAskForToken =
  ({ session: { key }, memory, ask, clock }: ReadPathParts): ReadPath["askForToken"] =>
  async (question, asking) => {
    const said = await ask(question, asking);
    const { revision } = said;
    if (isFailure(said)) {
      const isOver = said.error.code === "no_session" || said.error.code === "sign_in_required";
      if (isOver) memory.take(key, { revision }, clock.now());
      throw fromWireError(said.error);
    }
    const lease = toLease(said.lease);
    memory.take(key, { revision, lease }, clock.now());
    return lease;
  };

type Renew = (need: TokenNeed) => Promise<AccessToken>;

/** Gets a token that the isolate does not remember, from KV or from the object. */
function createRenew(parts: ReadPathParts, askForToken: ReadPath["askForToken"]): Renew {
  const { session, memory, cache, clock, patience } = parts;
  const { key } = session;

  async function fromCache(
    from: TokenCache,
    { signal }: TokenNeed,
  ): Promise<AccessToken | undefined> {
    const read = async (): Promise<TokenReply | undefined> =>
      from.read(parts.objectId(await parts.hash()), clock.now());
    const found = await within({ clock, ms: KV_PATIENCE, signal }, read());
    return found && memory.adopt(key, found, clock.now())?.token;
  }

  async function fromObject(need: TokenNeed): Promise<AccessToken> {
    const { rejected, endpoint, waited, date } = need;
    const named = rejected && { sessionId: rejected.sessionId, generation: rejected.generation };
    const passed = memory.passed(endpoint);
    const since = clock.running();
    // Reckoned anew for each try.
    const left = (): number => Math.max(0, patience - (waited ?? 0) - (clock.running() - since));
    const said = { rejected: named, endpoint, passed, waited, date };
    const lease = await askForToken(
      (owner) => owner.token(session, { ...said, patience: left() }),
      { ...need, tries: TRIES },
    );
    if (!lease) throw unavailable();
    return tokenOf(lease);
  }

  return async (given) => {
    const need = own(given);
    if (need.rejected) memory.reject(key, need.rejected);
    // After a 401 the object itself is asked.
    if (need.rejected || !cache) return fromObject(need);
    const since = clock.running();
    const cached = await fromCache(cache, need);
    const waited = (need.waited ?? 0) + clock.running() - since;
    return cached ?? fromObject(own({ ...need, waited }));
  };
}

export function createReadPath(parts: ReadPathParts): ReadPath {
  const { memory, clock, maxStaleness, waitUntil } = parts;
  const { key } = parts.session;
  const askForToken = createAskForToken(parts);
  const renew = createRenew(parts, askForToken);
  return {
    askForToken,
    getToken(given) {
      // Callers leave members of a need out (S15).
      const need = own({ ...given });
      const now = clock.now();
      const known = memory.get(key);
      const reading = known ? readingOf(known, need, { now, maxStaleness }) : "renew";
      if (!known?.token || reading === "renew") return renew(need);
      if (reading === "serve and look") {
        known.lookedAt = now;
        holdOpen(
          renew({}).catch(() => {}),
          need.waitUntil ?? waitUntil,
        );
      }
      return known.token;
    },
    // Watched, so that the token is never sent from here: it only names the session of a request.
    ready: () => memory.get(key)?.last,
    passed: (endpoint, { generation }) => memory.pass(endpoint, generation),
  };
}

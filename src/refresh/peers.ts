/**
 * The contexts that share a session, as far as they can be heard. Their messages are advice: a context
 * then looks at the record, or waits a little longer before it takes a last chance.
 */
import { isObject } from "../guard/claims.ts";
import type { Channel, Clock, PeerMessage, TokenName } from "../types.ts";
import { holdsGrant, mayHavePassed, standing } from "./knowledge.ts";
import type { Mind } from "./mind.ts";
import { CLAIM } from "./timing.ts";

export interface Peers {
  post(type: PeerMessage["type"], name: TokenName): void;
  /** Asks whether a peer still carries out this session's intent, and waits a second for its claim. */
  ask(): Promise<void>;
  /** A grant has come that is still to be written: who has asked before is told. */
  arrived(): void;
  /** An endpoint lets this token through, or whoever was given it may find one: who has asked is told. */
  passed(name: TokenName): void;
  /** Whether messages arrive at all. */
  isConnected(): boolean;
  close(): void;
}

export interface PeerParts {
  readonly channel: Channel | undefined;
  readonly key: string;
  readonly clock: Clock;
  readonly mind: () => Mind;
  /** Whether this context carries out an attempt: then it claims the intent when it is asked. */
  readonly isAttempting: () => boolean;
  /** Called when another context has changed the record, or waits for a grant that is to be written here. */
  readonly look: () => void;
}

/** Narrows a posted value (S10): anybody may have posted it, and it may even have getters that throw. */
function toMessage(said: unknown): PeerMessage | undefined {
  try {
    if (!isObject(said)) return undefined;
    const { type, sessionId, generation } = said;
    const isKnown = type === "changed" || type === "ask" || type === "claim" || type === "passed";
    const isName = typeof sessionId === "string" && typeof generation === "number";
    return isKnown && isName ? { type, sessionId, generation } : undefined;
  } catch {
    return undefined;
  }
}

/** Calls the application's channel. No session and no grant depends on a message, and so on no error of a channel. */
function quietly<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

export function createPeers(parts: PeerParts): Peers {
  const { channel, key, clock, look } = parts;
  /** A peer has asked about this generation, when nobody here had seen an endpoint let it through. */
  let questioned: TokenName | undefined;
  /** A peer has asked about this generation, when there was nothing to claim: a reply may come late. */
  let unclaimed: TokenName | undefined;

  /** Claims an exchange that is under way here, or a grant that the store did not take. */
  function answer(asked: TokenName): void {
    const { known } = parts.mind();
    const { session } = known;
    const name = { sessionId: asked.sessionId, generation: asked.generation };
    const isHolding = holdsGrant(known, asked);
    const isClaimed = parts.isAttempting() || isHolding;
    if (isClaimed) post("claim", asked);
    unclaimed = isClaimed ? undefined : name;
    // The peer has just read the record, so that the store may be there again.
    if (isHolding) look();
    const isOurs =
      session?.sessionId === asked.sessionId && session.generation === asked.generation;
    if (isOurs && mayHavePassed(known)) post("passed", asked);
    // Whoever is just reading the record may serve this token in a moment.
    else questioned = name;
  }

  function hear(said: unknown): void {
    const message = toMessage(said);
    if (message?.type === "changed") look();
    else if (message?.type === "ask") answer(message);
    else if (message?.type === "passed") parts.mind().learn({ ...message, type: "handed-on" });
    else if (message) parts.mind().learn({ type: "claimed", sessionId: message.sessionId });
  }

  const port = quietly(() => channel?.open(key, hear));

  function post(type: PeerMessage["type"], { sessionId, generation }: TokenName): void {
    quietly(() => port?.post({ type, sessionId, generation }));
  }

  return {
    post,
    async ask() {
      const { known } = parts.mind();
      if (!known.session) return;
      const attemptId = standing(known)?.intent.attemptId;
      post("ask", known.session);
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, CLAIM));
      parts.mind().learn({ type: "asked", attemptId });
    },
    arrived() {
      if (!unclaimed || !holdsGrant(parts.mind().known, unclaimed)) return;
      post("claim", unclaimed);
      unclaimed = undefined;
    },
    passed(name) {
      const isAskedAbout =
        questioned?.sessionId === name.sessionId && questioned.generation === name.generation;
      if (!isAskedAbout) return;
      questioned = undefined;
      post("passed", name);
    },
    isConnected: () => !!quietly(() => port?.isConnected?.()),
    close: () => quietly(() => port?.close()),
  };
}

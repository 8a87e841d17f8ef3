/**
 * The contexts that share a session, as far as they can be heard. What they say is advisory: it makes
 * somebody look at the record, or wait a little longer before a last chance is taken.
 */
import { isObject } from "../guard/claims.ts";
import type { Channel, Clock, PeerMessage, TokenName } from "../types.ts";
import { isPersisted } from "./knowledge.ts";
import type { Mind } from "./mind.ts";
import { CLAIM } from "./timing.ts";

export interface Peers {
  post(type: PeerMessage["type"], name: TokenName): void;
  /** Asks whether anybody is still at this session's intent, and gives them a second to say so. */
  ask(): Promise<void>;
  /** Whether messages arrive at all. */
  isConnected(): boolean;
  close(): void;
}

export interface PeerParts {
  readonly channel: Channel | undefined;
  readonly key: string;
  readonly clock: Clock;
  readonly mind: () => Mind;
  /** This context is at it: whoever asks is told. */
  readonly isAttempting: () => boolean;
  /** Somebody has changed the record. */
  readonly onChanged: () => void;
}

/** What another context, or anybody else, may have posted (S10). */
function toMessage(message: unknown): PeerMessage | undefined {
  if (!isObject(message)) return undefined;
  const { type, sessionId, generation } = message;
  const isKnown = type === "changed" || type === "ask" || type === "claim";
  return isKnown && typeof sessionId === "string" && Number.isSafeInteger(generation)
    ? { type, sessionId, generation: Number(generation) }
    : undefined;
}

export function createPeers(parts: PeerParts): Peers {
  const { channel, key, clock, onChanged } = parts;

  /** What somebody who asks may wait for: an exchange, or a generation that the store did not take. */
  function answer({ sessionId, generation }: PeerMessage): void {
    const { known } = parts.mind();
    const { session } = known;
    if (session?.sessionId !== sessionId) return;
    const isAhead = !isPersisted(known) && session.generation > generation;
    if (parts.isAttempting() || isAhead) post("claim", session);
  }

  const port = channel?.open(key, (said) => {
    const message = toMessage(said);
    if (message?.type === "changed") onChanged();
    else if (message?.type === "ask") answer(message);
    else if (message) parts.mind().learn({ type: "claimed", sessionId: message.sessionId });
  });

  function post(type: PeerMessage["type"], { sessionId, generation }: TokenName): void {
    port?.post({ type, sessionId, generation });
  }

  return {
    post,
    async ask() {
      const { session } = parts.mind().known;
      if (!session) return;
      post("ask", session);
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, CLAIM));
      parts.mind().learn({ type: "asked", attemptId: session.intent?.attemptId });
    },
    isConnected: () => !!port?.isConnected?.(),
    close: () => port?.close(),
  };
}

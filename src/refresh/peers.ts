/**
 * The contexts that share a session, as far as they can be heard. What they say is advisory: it makes
 * somebody look at the record, or wait a little longer before a last chance is taken.
 */
import type { Channel, Clock, PeerMessage, Session, TokenName } from "../types.ts";
import { CLAIM } from "./decide.ts";
import type { Ledger } from "./ledger.ts";

export interface Peers {
  /** This context is at it: whoever asks is told. */
  attempting: boolean;
  /** A peer has said since {@link Peers.hush} that it is at it, or holds a newer token set. */
  claimed: boolean;
  post(type: PeerMessage["type"], name: TokenName): void;
  /** Asks whether anybody is still at this session's intent, and gives them a second to say so. */
  ask(session: Session): Promise<void>;
  /** Whether everybody was asked about this session's intent and nobody answered. */
  areSilent(session: Session | undefined): boolean;
  /** Forgets what was said. */
  hush(): void;
  close(): void;
}

export function createPeers(
  channel: Channel | undefined,
  key: string,
  clock: Clock,
  ledger: Ledger,
  onNews: () => void,
): Peers {
  let silentId: string | undefined;

  const port = channel?.open(key, (message) => {
    const { session, persisted } = ledger;
    const { type, sessionId, generation } = Object(message) as Partial<PeerMessage>;
    const isMine = session?.sessionId === sessionId;
    if (type === "changed") onNews();
    else if (type === "claim") peers.claimed ||= isMine;
    else if (
      isMine &&
      (peers.attempting || (!persisted && session!.generation > Number(generation)))
    )
      peers.post("claim", session!);
  });

  const peers: Peers = {
    attempting: false,
    claimed: false,
    post: (type, { sessionId, generation }) => port?.post({ type, sessionId, generation }),
    async ask(session) {
      peers.post("ask", session);
      await new Promise<void>((resolve) => clock.setTimeout(resolve, CLAIM));
      silentId = session.intent?.attemptId;
    },
    // A claim that comes late, from a peer that was frozen, still counts.
    areSilent: (session) => !peers.claimed && silentId === session?.intent?.attemptId,
    hush() {
      silentId = undefined;
      peers.claimed = false;
    },
    close: () => port?.close(),
  };
  return peers;
}

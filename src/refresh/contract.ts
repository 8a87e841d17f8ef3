/** What the vault and its engine say to each other. */
import type { AccessToken, Grant, Session, TokenName, TokenSource } from "../types.ts";

export type EngineEventType =
  | "signed-in"
  | "refreshing"
  | "refreshed"
  | "adopted"
  | "refused"
  | "trouble"
  | "signed-out"
  /** The store does not answer; told once. */
  | "store-trouble"
  /** The store did not take what memory has. */
  | "unpersisted"
  /** A record could not be opened: it was tampered with, or its key is gone. */
  | "unreadable";

/** Something has changed; `type` names what has happened, if it is more than that. */
export type OnNews = (type?: EngineEventType, session?: TokenName, status?: number) => void;

export interface EngineState {
  readonly session: Session | undefined;
  /** The same object as long as it is the same token. */
  readonly token: AccessToken | undefined;
  /** What a page may show. */
  readonly status: "loading" | "signed-in" | "signed-out" | "sign-in-required" | "unavailable";
  /** Whether the store has what memory has. */
  readonly persisted: boolean;
}

export interface Engine extends TokenSource {
  state(): EngineState;
  /** Reads the record, and renews in passing if that is due. Never rejects. */
  look(): Promise<void>;
  /** The same, at a moment after which the network may be there again. Never rejects. */
  wake(): Promise<void>;
  signIn(credentials: never, signal?: AbortSignal): Promise<void>;
  /** Starts a session with a token that somebody else got. */
  adopt(grant: Grant, adoption?: Adoption): Promise<void>;
  signOut(): Promise<void>;
  /** Begins nothing any more; settles when everything that was under way has ended. */
  close(): Promise<void>;
}

/** Names an adoption that may be asked for more than once, because an answer was lost (F101). */
export interface Adoption {
  readonly sessionId: string;
  /** When it was first asked for, milliseconds since the epoch. */
  readonly startedAt: number;
}

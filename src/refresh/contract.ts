/** What the vault and its engine say to each other. */
import type { AccessToken, Grant, Session, TokenName, TokenSource } from "../types.ts";
import type { LedgerTrouble } from "./ledger.ts";

export type EngineEventType =
  | "signed-in"
  | "refreshing"
  | "refreshed"
  | "adopted"
  | "refused"
  | "trouble"
  | "signed-out"
  | LedgerTrouble;

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
  signIn(credentials: never, signal?: AbortSignal): Promise<void>;
  /** Starts a session with a token that somebody else got. */
  adopt(grant: Grant): Promise<void>;
  signOut(): Promise<void>;
  close(): void;
}

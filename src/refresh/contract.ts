/** The contract between the vault and its engine. */
import type { AccessToken, Adoption, Session, TokenName, Wrapped } from "../types.ts";

export type { Adoption };

/** The events of an engine; `docs/state.md` has a line for each. */
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
  /** The store did not take a change: memory keeps it, and tries again. */
  | "unpersisted"
  /** A record could not be opened: it was tampered with, or its key is gone. */
  | "unreadable";

/** Told when something has changed; `type` names the event, if there is one. */
export type OnNews = (type?: EngineEventType, session?: TokenName, status?: number) => void;

export interface EngineState {
  readonly session: Session | undefined;
  /** The same object as long as it is the same token. */
  readonly token: AccessToken | undefined;
  /** The status that a page may show. */
  readonly status: ReturnType<Wrapped["state"]>["status"];
  /** Whether the store is as new as memory. */
  readonly persisted: boolean;
}

export interface Engine extends Wrapped {
  state(): EngineState;
  /** Reads the record, and begins a refresh if one is due. Never rejects. */
  look(): Promise<void>;
  /** The same, at a moment when the network may be there again. Never rejects. */
  wake(): Promise<void>;
  /** Begins nothing any more; settles when everything that was under way has ended. */
  close(): Promise<void>;
}

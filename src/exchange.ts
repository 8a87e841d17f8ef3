/**
 * The contract between the engine and a mechanism: the exchanges that the engine begins, and the front of the
 * engine, where a mechanism begins or ends more than the store knows of.
 *
 * @module
 */

import type { VaultErrorReason } from "./errors.ts";
import type {
  Clock,
  Fetch,
  Grant,
  TokenSet,
  TokenSource,
  TokenStore,
  VaultOptions,
} from "./types.ts";

/** What a caller may be told of an exchange's end. */
export interface Told {
  readonly status?: number | undefined;
  /** Why, for the error that a caller gets. */
  readonly reason?: VaultErrorReason | undefined;
}

/** A grant has none of these facts. */
export type Untold = { readonly [Fact in keyof Told]?: undefined };

/** The guarded way to a token endpoint, which each call of a provider gets. */
export interface Exchange {
  /**
   * Aborted at the exchange's deadline: for `renew`, 15 s after the attempt to refresh began, so that it has what is
   * left of them; for `signIn` and `revoke`, 15 s after the exchange has begun, or a minute where the provider has
   * `wrap`.
   */
  readonly signal: AbortSignal;
  readonly fetch: Fetch;
  /** Milliseconds since the epoch by the server's clock, where it is known; otherwise by the clock here. */
  readonly now: () => number;
  /** The engine gives it with each exchange. */
  readonly context?: ExchangeContext;
}

/** What {@link Provider.renew} gets of a session. */
export type RenewableGrant = Partial<TokenSet> & Pick<Grant, "material">;

/**
 * What a mechanism reaches of a store: records of its own, under keys of two parts (`jar|…`), which no account
 * has; and of accounts only what shows no secret (S7, S11). The rest rejects.
 */
export interface Shelf {
  /** The clear part of a record, an account's too. */
  head: TokenStore["head"];
  /** A record of a mechanism's own. */
  read: TokenStore["read"];
  /** Writes a record of a mechanism's own; or ends the session, by its tombstone or without a trace. */
  write: TokenStore["write"];
}

/** For a mechanism that keeps a record of its own, beside the session's, and waits for other contexts. */
export interface ExchangeContext {
  readonly store: Shelf;
  /** The key under which the store keeps the session. */
  readonly key: string;
  /**
   * `"good"`: the store has a session that was not refused. `"ended"`: it has the session's tombstone. Else
   * neither.
   */
  readonly standing: () => Promise<"good" | "ended" | undefined>;
  readonly clock: Clock;
  /** Whether the vault was closed: then no request is begun any more. */
  readonly isClosed: () => boolean;
}

/** What a provider may stand in front of. */
export interface Wrapped extends TokenSource {
  state(): {
    readonly status: "loading" | "signed-in" | "signed-out" | "sign-in-required" | "unavailable";
    /** The session that stands; `startedAt` in milliseconds since the epoch. */
    readonly session?: { readonly startedAt: number } | undefined;
  };
  look(): Promise<void>;
  wake(): Promise<void>;
  /** `earlier`: the sign-in yields to what was begun or ended since then. */
  signIn(credentials: unknown, signal?: AbortSignal, earlier?: Adoption): Promise<void>;
  /** Starts a session with a token that somebody else got. */
  adopt(grant: Grant, adoption?: Adoption): Promise<void>;
  /** `untilRevoked`: it also waits, for some seconds, until the server has heard. */
  signOut(untilRevoked?: boolean): Promise<void>;
  /** Begins nothing any more. */
  close(): Promise<void>;
}

/** Names a session that may be begun more than once, because an answer was lost (F101). */
export interface Adoption {
  readonly sessionId: string;
  /** When it was first asked for, milliseconds since the epoch. */
  readonly startedAt: number;
}

type AroundFront = Pick<VaultOptions, "refreshAhead" | "patience" | "online" | "isHeldOpen">;
type OrUndefined<Options> = { readonly [Option in keyof Options]?: Options[Option] | undefined };

/** What stands around an engine: no store, and no other part of the vault (S7). */
export interface Surroundings extends OrUndefined<AroundFront> {
  readonly clock: Clock;
  /** Tells observers that the state has changed. */
  readonly tell: () => void;
}

/**
 * The contracts: what the vault, its engine and its adapters say to each other.
 *
 * Times are milliseconds since the epoch, as `Date.now()` gives them; durations are milliseconds.
 * `undefined` means absent everywhere.
 *
 * @module
 */

import type { VaultErrorReason } from "./errors.ts";

/** One grant's result. */
export interface TokenSet {
  /** The access token, without its auth-scheme. */
  readonly accessToken: string;
  /**
   * When the access token expires, milliseconds since the epoch; absent where nothing tells. What is
   * adopted without it expires by its own `exp`, if it is a JWT.
   */
  readonly expiresAt?: number | undefined;
  readonly refreshToken?: string | undefined;
  /** Space-separated, as in RFC 6749 §3.3. */
  readonly scope?: string | undefined;
}

/** The note, durable before the first network byte, that a refresh token is about to be spent. */
export interface Intent {
  /** Random; names the attempt for fence and commit. */
  readonly attemptId: string;
  /** Grows by one with each attempt of a session; tells the order in which attempts were sent. */
  readonly attempt: number;
  /** Which refresh token is spent, as a short hash; absent where none is needed. */
  readonly refreshTokenHash?: string | undefined;
  /** When this refresh token was first sent: a later attempt with the same one keeps it. */
  readonly firstSentAt: number;
  /** An earlier attempt with this refresh token ended without an answer: no reply proves it unspent. */
  readonly repeated: boolean;
  /** When the exchange has ended at the latest, by the clock of the one that began it. */
  readonly deadline: number;
  /** The exchange has ended without an answer. */
  readonly ended?: true | undefined;
  /** The scope of the lock that the attempt holds as its sign of life; absent where it holds none. */
  readonly lock?: string | undefined;
  /** The endpoint whose 401 asked for this attempt, as a hash; absent where time did. */
  readonly causedBy?: string | undefined;
}

/** What is stored for one account, written whole. A session is never changed, only replaced. */
export interface Session {
  /** Random, made at each sign-in; generations are ordered only within one. */
  readonly sessionId: string;
  /** When it was begun, by the clock of the one that began it. */
  readonly startedAt: number;
  /** Grows by one with each new token set, and with nothing else. */
  readonly generation: number;
  /** Grows by one with every write; the compare-and-set key. */
  readonly revision: number;
  readonly tokenSet: TokenSet;
  /** What `Provider.renew` needs besides the refresh token: a JSON value. */
  readonly material?: unknown | undefined;
  /** When the request that brought the token set was begun. */
  readonly issuedAt: number;
  /** The soft time: from here on the token is served while it is refreshed in the background. */
  readonly refreshAt?: number | undefined;
  /** When the last refresh was committed; absent after a sign-in. */
  readonly renewedAt?: number | undefined;
  /** The endpoint whose 401 brought this generation about, as a hash; absent where time did. */
  readonly causedBy?: string | undefined;
  /** The attempt that brought the token set: 0 for a sign-in. */
  readonly attempt: number;
  /** The server has refused the refresh token: it is never sent again. */
  readonly refused?: boolean | undefined;
  readonly intent?: Intent | undefined;
  readonly coolDown?: { readonly until: number; readonly tries: number } | undefined;
  /** How far the server's clock is ahead of the one here, once a 401 has shown its time. */
  readonly skew?: number | undefined;
}

/** The part of a record that stands in the clear, so that fence and commit need no decryption. */
export interface RecordHead {
  /** The storage format: 1. A newer one is left untouched and reads as unavailable. */
  readonly format: 1;
  readonly sessionId: string;
  readonly revision: number;
  readonly attemptId?: string | undefined;
  readonly tombstone?: true;
  /** When the session was ended, by the clock of the one that ended it; in a tombstone only. */
  readonly endedAt?: number | undefined;
}

/** What a store keeps under one key. */
export interface StoredRecord extends RecordHead {
  /**
   * The session's other fields, or what sealing has made of them. Absent in a tombstone, and in a
   * record that was read but could not be opened (tampered with, or its key gone).
   */
  readonly body?: unknown;
  /** Keys that cannot be exported: the one member that is not JSON, for stores that keep them. */
  readonly keys?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Where sessions live. Every method rejects when the store cannot be reached, and when the record
 * is of a newer format: that reads as "unavailable", never as "no session".
 */
export interface TokenStore {
  /** Whether `write` compares and sets in one step. */
  readonly atomic: boolean;
  /** Who else reads and writes the same records. */
  readonly shared: "context" | "origin" | "everywhere";
  /** Whether a record's `keys`, which hold `CryptoKey`s, come back as they were; unsaid means no. */
  readonly keepsKeys?: boolean;
  /**
   * What tells this place from others of its kind: a database's name, a prefix, an object's id. Not a
   * secret. Sealing binds it, so that a record does not open where somebody has copied it to.
   */
  readonly namespace?: string;
  /**
   * A random id that lies in the store's own database, the same for all who open it. Together with a
   * lock that spans as many contexts, it tells whether an attempt's lock can be seen from here.
   */
  scope?(): Promise<string | undefined>;
  /** The clear part of the record, without decryption. */
  head(key: string): Promise<RecordHead | undefined>;
  read(key: string): Promise<StoredRecord | undefined>;
  /**
   * Puts `next` (`undefined` deletes) if the stored `sessionId` and `revision` are `expected`'s, or
   * if nothing is stored and `expected` is absent. `true`: it is durable. `false`: somebody else
   * wrote, and nothing was changed. A rejection may have written or not.
   */
  write(
    key: string,
    next: StoredRecord | undefined,
    expected: RecordHead | undefined,
  ): Promise<boolean>;
  /** The keys that begin with `prefix`, tombstones included. */
  list(prefix: string): Promise<string[]>;
}

/** A gate that saves duplicate work between contexts. Correctness never rests on it. */
export interface Lock {
  /**
   * Runs `task` while no other holder of `name` runs. Rejects with `signal.reason` when aborted
   * before the lock was had; an abort after that changes nothing.
   */
  run<T>(name: string, task: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Which contexts see each other's locks; unsaid means none. */
  readonly spans?: TokenStore["shared"];
  /**
   * Holds `name` as a sign of life until the answer is called or this context dies, frozen and hidden
   * pages included. Answers `undefined` where it is not really held.
   */
  hold?(name: string): Promise<(() => void) | undefined>;
  /** Whether nobody holds `name`; `false` where that cannot be told. It never waits for the holder. */
  isFree?(name: string): Promise<boolean>;
}

/** What contexts tell each other. Advisory: whoever hears it reads the record again. */
export interface PeerMessage {
  readonly type: "changed" | "ask" | "claim" | "passed";
  readonly sessionId: string;
  readonly generation: number;
}

/** A way to reach the other contexts that share a store. */
export interface Channel {
  /** Joins `name`; `onMessage` gets what others post, unparsed: it is not to be trusted. */
  open(name: string, onMessage: (message: unknown) => void): ChannelPort;
}

/** One context's end of a {@link Channel}. */
export interface ChannelPort {
  post(message: PeerMessage): void;
  close(): void;
  /** Whether messages really arrive, as far as this end has seen; unsaid means no. */
  isConnected?(): boolean;
}

/** Time, as the engine sees it. */
export interface Clock {
  /** The wall clock, which may jump. */
  now(): number;
  /** Milliseconds that never go back, from an arbitrary start. */
  running(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** What a mechanism gives the engine for a new token set; lifetimes as the server told them. */
export interface Grant {
  readonly accessToken: string;
  /** Seconds, as in RFC 6749 §5.1; a numeric string is taken too. */
  readonly expiresIn?: unknown;
  /** An instant in milliseconds, by the server's clock. */
  readonly expiresAt?: number | undefined;
  /** The reply's `Date`, in milliseconds, where it is visible. */
  readonly date?: number | undefined;
  /** Absent where the old one is kept. */
  readonly refreshToken?: string | undefined;
  /** Space-separated; absent where the reply names none: the old one is kept. */
  readonly scope?: string | undefined;
  /** A JSON value that `renew` will need; absent where the old one is kept. */
  readonly material?: unknown;
  /** The token was got earlier and has aged since: its end counts, not its life. */
  readonly aged?: boolean | undefined;
}

/** How an exchange with a token endpoint ended. A rejection means: nobody knows. */
export type Outcome =
  | { readonly type: "granted"; readonly grant: Grant }
  /** The server has refused for good: `invalid_grant`, wrong credentials. */
  | { readonly type: "refused"; readonly status?: number | undefined }
  /** Anything else. `unprocessed`: the reply proves that nothing was spent. */
  | {
      readonly type: "trouble";
      readonly status?: number | undefined;
      readonly retryAfter?: number | undefined;
      readonly unprocessed?: boolean | undefined;
      /** Why, for the error that a caller gets. */
      readonly reason?: VaultErrorReason | undefined;
      /** What the mechanism rejected with, if it did. */
      readonly error?: unknown;
    };

/** What a mechanism works with: the guarded way to a token endpoint. */
export interface Exchange {
  /** Aborted at the exchange's deadline. */
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  /** The time by the server's clock, as far as it is known; otherwise by the clock here. */
  readonly now: () => number;
}

/** One API's way. `Credentials` is what `signIn` takes. */
export interface Provider<Credentials = unknown> {
  /** A short name, part of every record's key. */
  readonly name: string;
  /** Where the token may go: exact origins, each with an optional path prefix. */
  readonly origins: readonly string[];
  /** Paths (and what lies below them) that go without a token; none by default. */
  readonly publicPaths?: readonly string[];
  /** The auth-scheme, `Bearer` by default (RFC 6750 §2.1). */
  readonly scheme?: "Bearer" | "Token";
  /**
   * Whether a snapshot shows the access token's claims, for display; `true` by default. `false` where
   * they may hold what mints tokens.
   */
  readonly showsClaims?: boolean;
  /** More that keeps sessions apart: client, audience, scope; nothing by default. */
  readonly partition?: readonly string[];
  /** How renewal behaves; absent for a static token. */
  readonly renewal?: Renewal;
  /** Gets a new grant from credentials, which are not kept unless the grant's `material` says so. */
  signIn?(credentials: Credentials, exchange: Exchange): Promise<Outcome>;
  /** Gets the next grant. It sends by `exchange.fetch` alone, which looks at the fence before each send. */
  renew?(
    grant: { readonly refreshToken?: string | undefined; readonly material?: unknown },
    exchange: Exchange,
  ): Promise<Outcome>;
  /** Ends a token set on the server (RFC 7009), best effort. */
  revoke?(tokenSet: TokenSet, exchange: Exchange): Promise<unknown>;
}

/** The facts of a provider's renewal that decisions need. */
export interface Renewal {
  /** Whether a refresh token is spent by its use. `"none"` also for tokens that are minted anew. */
  readonly rotation: "strict" | "none";
  /** How long after its first use a spent refresh token may be sent again; 0 by default. */
  readonly reuseWindow?: number;
  /** The life of a token whose reply does not tell it; without it, only a 401 refreshes. */
  readonly assumedLifetime?: number;
  /** Whether `renew` needs a refresh token; `true` by default. */
  readonly needsRefreshToken?: boolean;
  /** Whether `renew` signs the token itself, so that it hangs on the clock here; `false` by default. */
  readonly selfSigned?: boolean;
}

/** What `createVault` takes; `provider` and `store` are required, everything else has a default. */
export interface VaultOptions<Credentials = never> {
  readonly provider: Provider<Credentials>;
  /** Where sessions live. */
  readonly store: TokenStore;
  /** Keeps several accounts apart; `"default"` by default. Not a secret: it is part of a key. */
  readonly account?: string;
  /** Saves work between contexts; none by default, and correctness never needs one. */
  readonly lock?: Lock;
  /** How contexts hear of each other; none by default. */
  readonly channel?: Channel;
  /** How long a caller waits for a token; 20,000 ms by default. */
  readonly patience?: number;
  /** How long what another context did may go unnoticed; 60,000 ms by default. */
  readonly maxStaleness?: number;
  /** Refreshes at the soft time though nobody calls; `false` by default, `true` in browsers. */
  readonly refreshAhead?: boolean;
  /** Allows `http://localhost` and other loopback hosts, for development; `false` by default. */
  readonly dangerouslyAllowLoopbackHttp?: boolean;
  /**
   * How many bytes of a `Request`'s body are kept for a second send after a 401, or for a redirect that
   * wants them; 1,048,576 by default. What is longer is sent once.
   */
  readonly maxReplayBytes?: number;
  /** Holds the runtime open for work that outlives a call; none by default. */
  readonly waitUntil?: (promise: Promise<unknown>) => void;
  /** Whether the network is there; asked before a refresh begins. Always by default, in browsers `navigator.onLine`. */
  readonly online?: () => boolean;
  /**
   * Whether something holds the runtime open for as long as a refresh takes; asked before one begins.
   * Always by default; in a service worker an event does.
   */
  readonly isHeldOpen?: () => boolean;
  /** Calls back when timers may have been late: on wake-up, on coming online. None by default, but in browsers. */
  readonly onWake?: (listener: () => void) => () => void;
  /** What requests and refreshes are sent with; the global one by default. */
  readonly fetch?: typeof fetch;
  /** For tests; the system's by default. */
  readonly clock?: Clock;
  /** Jitter, from 0 to 1; `Math.random` by default. */
  readonly random?: () => number;
}

/** Names one token set without showing it. */
export interface TokenName {
  readonly sessionId: string;
  readonly generation: number;
}

/** A token that an API has answered with 401. */
export interface RejectedToken extends TokenName {
  /** Two contexts may both have made the same generation: the token itself tells them apart. */
  readonly accessToken?: string | undefined;
}

/** An access token, ready to send. */
export interface AccessToken extends TokenName {
  readonly accessToken: string;
  /** Whether the source wants to hear of endpoints that let this token through. */
  readonly isWatched?: boolean | undefined;
}

/** Anything that answers with a token: the local engine, or a proxy to an owner elsewhere. */
export interface TokenSource {
  /** At once when memory holds a fresh one, otherwise a promise. */
  getToken(need?: TokenNeed): AccessToken | Promise<AccessToken>;
  /** The token that memory serves at once, if there is one. */
  ready?(): AccessToken | undefined;
  /** An endpoint has let this token through: told where {@link AccessToken.isWatched} asks for it. */
  passed?(endpoint: string, token: TokenName): void;
}

/**
 * What a caller needs. An answer of the same session and generation as `rejected`, or of another
 * session, means that there is nothing to send again with: the 401 is the answer.
 */
export interface TokenNeed {
  /** The token that the server answered with 401; proxies give its name alone. */
  readonly rejected?: RejectedToken | undefined;
  /** The request's origin, method and path, as a hash: a path may hold a secret. */
  readonly endpoint?: string | undefined;
  /** The last generation of this session that a proxy saw the endpoint let through. */
  readonly passed?: number | undefined;
  /** The token goes to somebody who tells nobody what it was good for. */
  readonly isHandedOn?: boolean | undefined;
  /** How many milliseconds this call has waited before: one patience covers all its waits. */
  readonly waited?: number | undefined;
  /** The `Date` of that answer in milliseconds; `NaN` where the runtime does not show it. */
  readonly date?: number | undefined;
  readonly signal?: AbortSignal | null | undefined;
  /** Holds the runtime open for work that outlives the caller: `(work) => event.waitUntil(work)`. */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
}

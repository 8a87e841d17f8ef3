/**
 * The contracts: what the vault, its engine and its adapters say to each other.
 *
 * Times are milliseconds since the epoch, as `Date.now()` gives them; durations are milliseconds.
 * `undefined` means absent everywhere.
 *
 * @module
 */

import type { Exchange, RenewableGrant, Surroundings, Told, Untold, Wrapped } from "./exchange.ts";

export type * from "./exchange.ts";

/** One grant's result. */
export interface TokenSet {
  /** The access token, without its auth-scheme. */
  readonly accessToken: string;
  /**
   * When the access token expires, milliseconds since the epoch; absent where nothing tells. A token
   * that is adopted without it expires by its own `exp` claim, if it is a JWT.
   */
  readonly expiresAt?: number | undefined;
  /** Absent where the grant has none. */
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
  /** A short hash of the refresh token that is spent; absent where the renewal needs none. */
  readonly refreshTokenHash?: string | undefined;
  /** When this refresh token was first sent: a later attempt with the same one keeps it. */
  readonly firstSentAt: number;
  /** An earlier attempt with this refresh token got no answer: no later reply proves that the token is unspent. */
  readonly repeated: boolean;
  /** When the exchange has ended at the latest, by the clock of the context that began the exchange. */
  readonly deadline: number;
  /** The exchange has ended without an answer. */
  readonly ended?: true | undefined;
  /** The scope of the lock that the attempt holds as a sign of life; absent where it holds none. */
  readonly lock?: string | undefined;
  /** A hash of the endpoint whose 401 asked for this attempt; absent where time asked for it. */
  readonly causedBy?: string | undefined;
}

/** What is stored for one account, written whole. A session is never changed, only replaced. */
export interface Session {
  /** Random, made at each sign-in; generations are ordered only within one. */
  readonly sessionId: string;
  /** When the session was begun, by the clock of the context that began it. */
  readonly startedAt: number;
  /** Grows by one with each new token set, and with nothing else. */
  readonly generation: number;
  /** Grows by one with every write; the compare-and-set key. */
  readonly revision: number;
  readonly tokenSet: TokenSet;
  /** What `Provider.renew` needs besides the refresh token: a JSON value. */
  readonly material?: unknown | undefined;
  /** What a snapshot shows of the user. */
  readonly profile?: unknown;
  /** When the request that brought the token set was begun. */
  readonly issuedAt: number;
  /** The soft time: from here on the token is served while it is refreshed in the background. */
  readonly refreshAt?: number | undefined;
  /** When the last refresh was committed; absent after a sign-in. */
  readonly renewedAt?: number | undefined;
  /** A hash of the endpoint whose 401 brought this generation about; absent where time did. */
  readonly causedBy?: string | undefined;
  /** The attempt that brought the token set: 0 for a sign-in. */
  readonly attempt: number;
  /**
   * The number of the last attempt, where that attempt began after the one that brought the token set. The next
   * attempt counts on from this number, so that no two attempts have the same.
   */
  readonly lastAttempt?: number | undefined;
  /** The server has refused the refresh token: it is never sent again. */
  readonly refused?: boolean | undefined;
  /** The reply's refresh token could not be kept, and the one before it is spent: the session has none. */
  readonly refreshTokenLost?: true | undefined;
  /** Present while a refresh token is being spent, or nobody knows how that has ended. */
  readonly intent?: Intent | undefined;
  /** Until when no refresh begins, milliseconds since the epoch, and after how many failures in a row. */
  readonly coolDown?: { readonly until: number; readonly tries: number } | undefined;
  /** How many milliseconds the server's clock is ahead of this one, once a 401 has shown its time. */
  readonly skew?: number | undefined;
}

/** The part of a record that stands in the clear, so that fence and commit need no decryption. */
export interface RecordHead {
  /** The storage format: 1. A newer one is left untouched and reads as unavailable. */
  readonly format: 1;
  readonly sessionId: string;
  readonly revision: number;
  /** The intent's `attemptId`, while there is an intent. */
  readonly attemptId?: string | undefined;
  readonly tombstone?: true;
  /** When the session was ended, by the clock of the context that ended it; in a tombstone only. */
  readonly endedAt?: number | undefined;
}

/** What a store keeps under one key. */
export interface StoredRecord extends RecordHead {
  /**
   * The session, or its sealed form. Absent in a tombstone, and in a record that was read but could not
   * be opened (tampered with, or its key gone).
   */
  readonly body?: unknown;
  /** Keys that cannot be exported. It is the one member that is not JSON, for stores that keep keys. */
  readonly keys?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Where sessions live: one record for each account, read and written whole. Every method rejects when
 * the store cannot be reached, and when the record is of a newer format: a rejection reads as
 * "unavailable", never as "no session".
 */
export interface TokenStore {
  /** Whether `write` compares and sets in one step. */
  readonly atomic: boolean;
  /** Which contexts read and write the same records: this one alone, the origin's, or any machine's. */
  readonly shared: "context" | "origin" | "everywhere";
  /** Whether a record's `keys`, which hold `CryptoKey`s, come back as they were; `false` by default. */
  readonly keepsKeys?: boolean;
  /**
   * Tells this place from others of its kind: a database's name, a prefix, an object's id. Not a
   * secret. Sealing binds it, so that a copied record does not open in another place.
   */
  readonly namespace?: string;
  /**
   * A random id that lies in the store's own database, the same for all who open it. Together with a
   * lock that spans as many contexts, it tells whether an attempt's lock can be seen from here.
   */
  scope?(): Promise<string | undefined>;
  /** The clear part of the record, without decryption. */
  head(key: string): Promise<RecordHead | undefined>;
  /** The whole record; `undefined` where nothing is stored. */
  read(key: string): Promise<StoredRecord | undefined>;
  /**
   * Puts `next` (`undefined` deletes) if the stored `sessionId` and `revision` are `expected`'s, or
   * if nothing is stored and `expected` is absent. `true`: it is durable. `false`: somebody else
   * wrote, and nothing was changed. After a rejection nobody knows whether it was written.
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
  /** Which contexts see each other's locks; none by default. */
  readonly spans?: TokenStore["shared"];
  /**
   * Holds `name` as a sign of life, also while a page is hidden or frozen. Answers with the function that lets
   * go of `name`; the death of this context does so, too. Answers `undefined` where no lock is really held.
   */
  hold?(name: string): Promise<(() => void) | undefined>;
  /** Whether nobody holds `name`; `false` where nobody can tell. The look never waits for the holder. */
  isFree?(name: string): Promise<boolean>;
}

/** What contexts tell each other. Advice only: a context that hears a message reads the record again. */
export interface PeerMessage {
  /**
   * `changed`: the record is new. `ask`: is anybody still at this session's intent? `claim`: yes, or I
   * have a newer generation that the store did not take. `passed`: an endpoint may have let this
   * generation through.
   */
  readonly type: "changed" | "ask" | "claim" | "passed";
  readonly sessionId: string;
  readonly generation: number;
}

/** A way to reach the other contexts that share a store. */
export interface Channel {
  /** Joins `name`; `onMessage` gets the others' messages as they come: do not trust them. */
  open(name: string, onMessage: (message: unknown) => void): ChannelPort;
}

/** One context's end of a {@link Channel}. */
export interface ChannelPort {
  post(message: PeerMessage): void;
  close(): void;
  /** Whether messages really arrive, as far as this end has seen; `false` by default. */
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

/** A new token set as a mechanism gives it to the engine, with lifetimes as the server told them. */
export interface Grant {
  /** Without its auth-scheme. */
  readonly accessToken: string;
  /** Seconds, as in RFC 6749 §5.1; a numeric string is taken too. Anything else counts as unknown. */
  readonly expiresIn?: unknown;
  /** When the token expires, milliseconds since the epoch, by the server's clock. */
  readonly expiresAt?: number | undefined;
  /** The reply's `Date`, milliseconds since the epoch, where the runtime shows it. */
  readonly date?: number | undefined;
  /** Absent where the old one is kept. */
  readonly refreshToken?: string | undefined;
  /** Space-separated; absent where the reply names none: the old one is kept. */
  readonly scope?: string | undefined;
  /** A JSON value that `renew` will need; absent where the old one is kept. */
  readonly material?: unknown;
  /** What to show of the user: a JSON object of 4,096 characters at most; absent where the old one is kept. */
  readonly profile?: unknown;
  /** The token was got earlier, so that its expiry counts and not its lifetime; `false` by default. */
  readonly aged?: boolean | undefined;
}

/** How an exchange with a token endpoint ended. Where the call rejects instead, nobody knows. */
export type Outcome =
  | ({ readonly type: "granted"; readonly grant: Grant } & Untold)
  /** The server has refused for good: `invalid_grant`, wrong credentials. */
  | ({ readonly type: "refused" } & Told)
  /** Anything else: the session stays. `unprocessed`: the reply proves that nothing was spent. */
  | ({
      readonly type: "trouble";
      /** Milliseconds after which another try makes sense. */
      readonly retryAfter?: number | undefined;
      readonly unprocessed?: boolean | undefined;
      /** The error that the mechanism rejected with, if it did. */
      readonly error?: unknown;
    } & Told);

/**
 * Sends requests: `fetch` itself, or any function that is called in the same way. Members that a runtime adds
 * to its own, such as Bun's `fetch.preconnect`, are not needed (F75).
 */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * Bytes that no other thread shares, as `TextEncoder` gives them. The type has this form for TypeScript 5.6,
 * where `Uint8Array` takes no parameter (F75).
 */
export type Bytes = ReturnType<(typeof TextEncoder)["prototype"]["encode"]>;

/** How one API gives out tokens, renews them and takes them. `signIn` takes `Credentials`. */
export interface Provider<Credentials = unknown> {
  /** A short name, part of every record's key. */
  readonly name: string;
  /** Where the token may go: exact https origins, each with an optional path prefix of whole segments. */
  readonly origins: readonly string[];
  /** Absolute paths that go without a token, and so do all below them; none by default. */
  readonly publicPaths?: readonly string[] | undefined;
  /** Any auth-scheme (RFC 9110 §11.1): `Bearer` by default, none beside `header`. For `Basic` see `api-key`. */
  readonly scheme?: string | undefined;
  /** Shows the token in place of `Authorization`: `X-API-Key`. Without a scheme its value is the token alone. */
  readonly header?: string | undefined;
  /** Whether snapshots show the token's claims; `true` by default. `false` where a claim is a secret. */
  readonly showsClaims?: boolean | undefined;
  /** Keeps sessions apart besides the account: client, audience, scope. Not a secret; none by default. */
  readonly partition?: readonly string[] | undefined;
  /** How renewal behaves; absent for a token that nothing renews. */
  readonly renewal?: Renewal;
  /** Gets a grant from credentials, which are kept only as its `material`. Without it, only `adopt` begins. */
  signIn?(credentials: Credentials, exchange: Exchange): Promise<Outcome>;
  /** Gets the next grant. It sends by `exchange.fetch` and by nothing else. */
  renew?(grant: RenewableGrant, exchange: Exchange): Promise<Outcome>;
  /** Ends a token set on the server (RFC 7009), best effort. */
  revoke?(tokenSet: TokenSet, exchange: Exchange): Promise<unknown>;
  /**
   * Stands in front of a vault's engine, for a mechanism that begins or ends more than the store knows of.
   * Its sign-ins and revocations may wait for each other, for a minute.
   */
  wrap?<Source extends Wrapped>(engine: Source, surroundings: Surroundings): Source;
}

/** The facts of a provider's renewal that decisions need. */
export interface Renewal {
  /** Whether a refresh token is spent by its use. `"none"` also for tokens that are minted anew. */
  readonly rotation: "strict" | "none";
  /** For how many milliseconds after its first use a refresh token may be sent again; 0 by default. */
  readonly reuseWindow?: number | undefined;
  /** Milliseconds that a token lives whose reply does not tell; without it, only a 401 refreshes. */
  readonly assumedLifetime?: number | undefined;
  /** Whether `renew` needs a refresh token; `true` by default. */
  readonly needsRefreshToken?: boolean | undefined;
  /** Whether `renew` needs the material that a sign-in keeps, which an adopted token has not; `false` by default. */
  readonly needsMaterial?: boolean | undefined;
  /** Whether `renew` signs the token itself, by the clock of this device; `false` by default. */
  readonly selfSigned?: boolean | undefined;
}

/** What an application says of its server's renewal, in the options of a mechanism or a preset. */
export type RenewalOptions = Partial<Pick<Renewal, "rotation" | "reuseWindow" | "assumedLifetime">>;

/** What `createVault` takes; `provider` and `store` are required, everything else has a default. */
export interface VaultOptions<Credentials = never> {
  /** The API: made by a preset, by a mechanism, or by you. */
  readonly provider: Provider<Credentials>;
  /** Where sessions live. */
  readonly store: TokenStore;
  /** The account's name, 1 to 256 characters; `"default"` by default. Part of a key, and no secret. */
  readonly account?: string;
  /** Saves work between contexts; none by default, and correctness never needs one. */
  readonly lock?: Lock;
  /** How contexts hear of each other; none by default. */
  readonly channel?: Channel;
  /** How many milliseconds a call waits for tokens, in all; 20,000 by default. */
  readonly patience?: number;
  /** How many milliseconds memory serves a token without a look at the store; 60,000 by default. */
  readonly maxStaleness?: number;
  /** Refreshes at the soft time, even when nobody calls; `false` by default, `true` in browsers and Deno. */
  readonly refreshAhead?: boolean;
  /** Allows `http://localhost` and other loopback hosts, for development; `false` by default. */
  readonly dangerouslyAllowLoopbackHttp?: boolean;
  /**
   * How many bytes of a `Request`'s body are kept for a second send after a 401, or for a redirect that
   * wants them; 1,048,576 by default. A longer body is sent once.
   */
  readonly maxReplayBytes?: number;
  /** Holds the runtime open for work that outlives a call; none by default. */
  readonly waitUntil?: (promise: Promise<unknown>) => void;
  /** Whether the network is there; `true` by default, in browsers `navigator.onLine`. */
  readonly online?: () => boolean;
  /** Whether something holds the runtime open for a refresh: asked before each one. `true` by default. */
  readonly isHeldOpen?: () => boolean;
  /** Calls back when timers may have been late, and returns how to stop. Only browsers have one by default. */
  readonly onWake?: (listener: () => void) => () => void;
  /** What requests and refreshes are sent with; the global one by default. */
  readonly fetch?: Fetch;
  /** For tests; the system's by default. */
  readonly clock?: Clock;
  /** A number from 0 to 1, for jitter alone; `Math.random` by default. */
  readonly random?: () => number;
}

/** Names one token set without showing it. */
export interface TokenName {
  readonly sessionId: string;
  readonly generation: number;
}

/** A token that an API has answered with 401. */
export interface RejectedToken extends TokenName {
  /** Tells two tokens of one generation apart, which two contexts may have made. */
  readonly accessToken?: string | undefined;
}

/** An access token, ready to send. */
export interface AccessToken extends TokenName {
  readonly accessToken: string;
  /** Whether the source wants to hear which endpoints let this token through; `false` by default. */
  readonly isWatched?: boolean | undefined;
}

/** Gives tokens: the engine of this context, or a proxy to one that runs elsewhere. */
export interface TokenSource {
  /** At once when memory holds a fresh one, otherwise a promise. */
  getToken(need?: TokenNeed): AccessToken | Promise<AccessToken>;
  /** The token that memory serves at once, if there is one. */
  ready?(): AccessToken | undefined;
  /** An endpoint has let this token through: told where {@link AccessToken.isWatched} asks for it. */
  passed?(endpoint: string, token: TokenName): void;
}

/**
 * What a caller needs. Where the answer has the session and generation of `rejected`, or another session, there
 * is no token to send the call again with: the 401 is the answer.
 */
export interface TokenNeed {
  /** The token that the server answered with 401; proxies give its name alone. */
  readonly rejected?: RejectedToken | undefined;
  /** A hash of the request's origin, method and path, because a path may hold a secret. */
  readonly endpoint?: string | undefined;
  /** The last generation of this session that a proxy saw the endpoint let through. */
  readonly passed?: number | undefined;
  /** The token goes to a client that does not report which endpoints let it through. */
  readonly isHandedOn?: boolean | undefined;
  /** How many milliseconds this call has waited before: one patience covers all its waits. */
  readonly waited?: number | undefined;
  /** The 401's `Date`, milliseconds since the epoch; `NaN` where the runtime does not show it. */
  readonly date?: number | undefined;
  readonly signal?: AbortSignal | null | undefined;
  /** Holds the runtime open for work that outlives the caller: `(work) => event.waitUntil(work)`. */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | undefined;
}

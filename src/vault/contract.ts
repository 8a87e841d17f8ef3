/** The contract of the vault: what users hold, and what it shows and tells. */
import type { EngineEventType, EngineState } from "../refresh/contract.ts";
import type { VaultFetch } from "../request/contract.ts";
import type { TokenSet } from "../types.ts";

/** The state that a page may show, without a token. It is replaced and never changed: `===` tells news. */
export interface Snapshot {
  /**
   * `"sign-in-required"`: the session ended without a sign-out, or the API rejects a token that nothing
   * renews. `"unavailable"`: the store does not answer, so nobody knows. `"loading"`: the store has not
   * answered yet.
   */
  readonly status: EngineState["status"];
  /** The vault's `account` option. */
  readonly account: string;
  /** When the access token was got; milliseconds since the epoch. */
  readonly issuedAt?: number | undefined;
  /** From when on the token is refreshed in the background; milliseconds since the epoch. */
  readonly refreshAt?: number | undefined;
  /** When the token expires, where its end is known; milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
  /** Which token set this is, counted from the sign-in: 1, 2, … */
  readonly generation?: number | undefined;
  /** Space-separated, as in RFC 6749 §3.3. */
  readonly scope?: string | undefined;
  /**
   * The claims of an access token that is a JWT: decoded, not verified, for display only. Absent where
   * the provider says `showsClaims: false`.
   */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  /**
   * What the login's reply said of the user, as the provider's `read` picked it: the server's word, for
   * display only. JSON, frozen, without prototypes; absent where the provider gives none.
   */
  readonly profile?: Readonly<Record<string, unknown>> | undefined;
  /** `false` while memory is ahead of the store. */
  readonly persisted: boolean;
}

/** Something that happened, for logs and metrics. It holds no secret. */
export interface VaultEvent {
  /** `docs/state.md` has a line for each. */
  readonly type:
    | EngineEventType
    /** A request is sent once more after its 401. */
    | "retried"
    /** A request went out without a token, because its origin is not listed: told once for each origin. */
    | "bare";
  /** The vault's `account` option. */
  readonly account: string;
  /** Random, and new with each sign-in; absent where the event is about no session. */
  readonly sessionId?: string | undefined;
  /** Which token set of that session: 1, 2, … */
  readonly generation?: number | undefined;
  /** The HTTP status that caused the event, where one did. */
  readonly status?: number | undefined;
  /** With `bare`: the origin that the request went to. */
  readonly origin?: string | undefined;
}

/** One account of one provider: sends requests with its token, and keeps that token fresh. */
export interface Vault<Credentials = never> {
  /**
   * `fetch` with the token. After a 401 the token is refreshed and the request sent once more. Requests
   * to URLs that are not on the provider's `origins` go out without a token. Statuses are responses.
   *
   * Rejects as `fetch` does (network, abort), and with a `VaultError` where there is no token to send:
   * `no_session`, `sign_in_required`, `session_changed`, `refresh_failed`, `store_unavailable`,
   * `clock_unknown`, `closed`; `worker_unavailable` if a worker runs the vault.
   */
  readonly fetch: VaultFetch;
  /**
   * Starts a session with credentials, which are kept only if the provider renews by them. `signal` ends
   * the waiting.
   *
   * Rejects with the signal's own reason, or with a `VaultError`: `credentials_refused`; `sign_in_failed`,
   * whose `reason` says why; `invalid_token` or `invalid_option` where the credentials are malformed or absent;
   * `clock_unknown` where a signed assertion was refused and the server shows no time; `store_unavailable` where no
   * session begins without the store, as with a cookie and in a Durable Object; `worker_unavailable` if a worker
   * runs the vault; `closed`.
   */
  signIn(credentials: Credentials, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Starts a session with tokens that somebody got elsewhere. Only the four members of `TokenSet` are
   * taken. Rejects with a `VaultError`: `invalid_token` where a token is malformed, `invalid_option` where
   * another member is of the wrong type; `worker_unavailable` if a worker runs the vault; `closed`.
   */
  adopt(tokens: TokenSet): Promise<void>;
  /**
   * The access token alone. Rejects with a `VaultError`, as `fetch` does. The code is `session_changed` where
   * somebody else has signed in since `rejected` was got: then send nothing again.
   */
  getToken(options?: {
    /** A token of `getToken` that the server answered with 401. The answer is a newer token, if there is any. */
    readonly rejected?: string;
    readonly signal?: AbortSignal;
  }): Promise<string>;
  /**
   * The ready value of `Authorization`, or of the provider's `header`, auth-scheme included, for clients
   * of your own. Rejects with a `VaultError`, as `fetch` does.
   */
  authorization(options?: { readonly signal?: AbortSignal }): Promise<string>;
  /**
   * Ends the session: in this context at once, in the store, and in other contexts when they hear of it.
   * Works offline. Revokes the tokens on the server where the provider can. Rejects with a `VaultError`,
   * `store_unavailable`, where the store could not be told; `worker_unavailable` if a worker runs the vault;
   * `closed`. Everywhere but
   * on Cloudflare, `void vault.signOut()` is safe: a rejection that nobody handles is not reported.
   */
  signOut(options?: {
    /**
     * Also waits until the server has answered to the revocation, for five seconds at most: for a page that
     * is left at once, which would take the request with it. `false` by default. On Cloudflare the object
     * outlives its caller, so that nobody needs to wait.
     */
    readonly untilRevoked?: boolean;
  }): Promise<void>;
  /**
   * The accounts of this provider in the store, until each is signed out. One whose session has ended without
   * a sign-out is among them: its calls reject with `sign_in_required`. Rejects with a `VaultError`:
   * `store_unavailable`; `worker_unavailable` if a worker runs the vault; `closed`.
   */
  accounts(): Promise<string[]>;
  /**
   * Signs an account out and takes it off the list. A tombstone without tokens stays for a day at least. Rejects
   * with a `VaultError`: `invalid_option` where the name is no account's; otherwise as `signOut` does.
   */
  removeAccount(account: string): Promise<void>;
  /** The state of this moment; the same object until something changes. */
  snapshot(): Snapshot;
  /**
   * Calls back at once and after each change, and returns how to stop: React's external store, Svelte's
   * store contract.
   */
  subscribe(listener: (snapshot: Snapshot) => void): () => void;
  /** Calls back with each event, and returns how to stop. */
  events(listener: (event: VaultEvent) => void): () => void;
  /**
   * Lets go of timers and channels, and begins nothing any more. The session stays. What was under way is
   * finished; where a worker runs the vault, the page gives up all but a sign-out.
   */
  close(): void;
  /** Closes as `close()` does; resolves when everything that was under way here has ended. */
  [Symbol.asyncDispose](): Promise<void>;
}

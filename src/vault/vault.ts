/**
 * The vault: what users hold. It wires one account's engine to `fetch`, and shows its state without
 * ever showing a token.
 */
import { shownClaims } from "../guard/claims.ts";
import { listAccounts } from "./accounts.ts";
import { createHandedOut } from "./handed-out.ts";
import { snapshotOf } from "./snapshot.ts";
import type { Engine, EngineEventType, EngineState } from "../refresh/contract.ts";
import { systemClock } from "../refresh/clock.ts";
import { createEngine } from "../refresh/engine.ts";
import { own } from "../guard/json.ts";
import { keyOf } from "../guard/record.ts";
import { isAccount } from "../guard/syntax.ts";
import { check, VaultError } from "../errors.ts";
import { createFetch, type Follow, type VaultFetch } from "../request/fetch.ts";
import { createPolicy, type Policy } from "../request/policy.ts";
import type { AccessToken, TokenName, TokenSet, VaultOptions } from "../types.ts";

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
   * Rejects with a `VaultError`: `credentials_refused`; `sign_in_failed`, whose `reason` says why;
   * `invalid_token` or `invalid_option` where the credentials are malformed or absent; `closed`.
   */
  signIn(credentials: Credentials, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * Starts a session with tokens that somebody got elsewhere. Only the four members of `TokenSet` are
   * taken. Rejects with a `VaultError`: `invalid_token` where a token is malformed, `invalid_option` where
   * another member is of the wrong type, `closed`.
   */
  adopt(tokens: TokenSet): Promise<void>;
  /**
   * The access token alone. Rejects with a `VaultError`, as `fetch` does: with `session_changed` where
   * somebody else has signed in since `rejected` was got: then nothing is to be sent again.
   */
  getToken(options?: {
    /** A token of `getToken` that the server answered with 401. A newer one is got, if there is any. */
    readonly rejected?: string;
    readonly signal?: AbortSignal;
  }): Promise<string>;
  /**
   * The ready `Authorization` value, auth-scheme included, for clients of your own. Rejects with a
   * `VaultError`, as `fetch` does.
   */
  authorization(options?: { readonly signal?: AbortSignal }): Promise<string>;
  /**
   * Ends the session: in this context at once, in the store, and in other contexts when they hear of it.
   * Works offline. Revokes the tokens on the server where the provider can. Rejects with a `VaultError`,
   * `store_unavailable`, where the store could not be told. Everywhere but
   * on Cloudflare, `void vault.signOut()` is safe: a rejection that nobody handles is not reported.
   */
  signOut(): Promise<void>;
  /** The accounts of this provider that are signed in, as the store says. */
  accounts(): Promise<string[]>;
  /** Signs an account out and takes it off the list. A tombstone without tokens stays for a day at least. */
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
  /** Lets go of timers and channels, and begins nothing any more. The session stays. */
  close(): void;
  /** The same; resolves when everything that was under way has ended. */
  [Symbol.asyncDispose](): Promise<void>;
}

function checkAccount(name: unknown): asserts name is string {
  check(isAccount(name), "account, of 1 to 256 characters");
}

/** Checks provider and store, for every kind of vault. */
export function checkParts({ provider, store }: Pick<VaultOptions, "provider" | "store">): void {
  check(provider?.origins?.length, "provider, with origins");
  check(store?.shared, "store");
  check(
    provider.renewal?.rotation !== "strict" || store.atomic,
    'store, atomic where tokens rotate: use "tokenkeep/cloudflare"',
  );
}

/** Makes a vault for one account. `makeFollow` is for runtimes that show redirects. */
export const createVaultWith = <Credentials>(
  options: VaultOptions<Credentials>,
  makeFollow?: (policy: Policy) => Follow,
): Vault<Credentials> => createOwnedVault(options, makeFollow).vault;

/** The same for an owner that hands tokens on, who needs the engine too. */
export function createOwnedVault<Credentials>(
  given: VaultOptions<Credentials>,
  makeFollow?: (policy: Policy) => Follow,
): { readonly vault: Vault<Credentials>; readonly engine: Engine } {
  // Somebody's missing id must not become the default account, which is another's session (S11). A member
  // that is put on `Object.prototype` later on is no option (S15).
  const options = own({ account: "default", ...given });
  const { provider, store, account } = options;
  checkParts(options);
  checkAccount(account);
  const policy = createPolicy(provider, options.dangerouslyAllowLoopbackHttp);
  const fetch_ = options.fetch ?? ((...request) => fetch(...request));
  const { scheme = "Bearer" } = provider;
  const prefix = keyOf(provider, "");
  const { clock = systemClock } = options;

  let hasToldOddities = false;
  /** The engines of accounts whose removal the store has not taken. */
  const removing = new Set<Engine>();
  const listeners = new Set<(event?: VaultEvent) => void>();
  let shown: Snapshot | undefined;
  let shownToken: AccessToken | undefined;

  function snapshot(): Snapshot {
    const state = engine.state();
    const { token, status, persisted } = state;
    if (shown?.status !== status || shown.persisted !== persisted || shownToken !== token) {
      shownToken = token;
      const claims = shownClaims(provider, token?.accessToken);
      shown = Object.freeze(snapshotOf(state, { account, claims }));
    }
    return shown;
  }

  /** F5: never from inside a step that somebody waits for; one listener's error is its own. */
  function tell(type?: VaultEvent["type"], session?: TokenName, status?: number): void {
    const { sessionId, generation } = own({ ...session });
    spread(type && own({ type, account, sessionId, generation, status }));
  }

  function spread(event: VaultEvent | undefined): void {
    for (const listener of listeners)
      queueMicrotask(() => void (listeners.has(listener) && listener(event)));
  }

  /** Callers pass a new function each time, because a user may join with the same one twice. */
  function join(listener: (event?: VaultEvent) => void): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  const made = createEngine(keyOf(provider, account), options as VaultOptions<never>, tell);
  const engine = provider.wrap?.(made, { ...options, clock, tell }) ?? made;
  const { look, wake, getToken, signOut } = engine;
  const stopWaking = options.onWake?.(wake);

  let token: AccessToken | undefined;
  let header = "";
  const authorization = (next: AccessToken): string =>
    next === token ? header : (header = `${scheme} ${(token = next).accessToken}`);

  const handedOut = createHandedOut();
  /** Other clients do not report which endpoints let their token through. */
  const isHandedOn = true;

  async function close(): Promise<void> {
    stopWaking?.();
    await Promise.all([engine, ...removing].map((one) => one.close()));
  }

  const vault: Vault<Credentials> = {
    fetch: createFetch({
      policy,
      source: engine,
      authorization,
      fetch: fetch_,
      follow: makeFollow?.(policy),
      isSelfSigned: provider.renewal?.selfSigned,
      onRetry: (named) => tell("retried", named, 401),
      onBare: (origin) => spread(own<VaultEvent>({ type: "bare", account, origin })),
      maxReplayBytes: options.maxReplayBytes,
      running: clock.running,
    }),
    async signIn(credentials, options) {
      const { signal } = own({ ...options });
      await engine.signIn(credentials as never, signal);
    },
    adopt: (tokens) => engine.adopt(tokens),
    async getToken(options) {
      const { rejected, signal } = own({ ...options });
      const since = clock.running();
      let got = await getToken({ signal, isHandedOn });
      const { sessionId } = got;
      if (got.accessToken === rejected) {
        const waited = clock.running() - since;
        got = await getToken({ rejected: got, waited, signal, isHandedOn });
      }
      const isCrossed = rejected !== undefined && handedOut.isAnothers(rejected, got.sessionId);
      if (isCrossed || got.sessionId !== sessionId) throw new VaultError("session_changed");
      handedOut.note(got);
      return got.accessToken;
    },
    async authorization(options) {
      const { signal } = own({ ...options });
      return authorization(await getToken({ signal, isHandedOn }));
    },
    signOut() {
      const done = signOut();
      // Here it is signed out in any case: no process ends because a page did not wait for the store.
      done.catch(() => {});
      return done;
    },
    async accounts() {
      const { names, oddities } = await listAccounts(store, prefix, clock);
      if (oddities && !hasToldOddities) tell("unreadable");
      hasToldOddities ||= oddities > 0;
      return [...names];
    },
    async removeAccount(of) {
      checkAccount(of);
      const key = keyOf(provider, of);
      const quiet = { ...options, refreshAhead: false } as VaultOptions<never>;
      const other = of === account ? engine : createEngine(key, quiet, () => {});
      if (other === engine) return engine.signOut();
      // A sign-out that the store did not take is tried again until this vault is closed.
      removing.add(other);
      await other.signOut();
      removing.delete(other);
      await other.close();
    },
    snapshot,
    subscribe(listener) {
      let known = snapshot();
      listener(known);
      if (known.status === "loading") void look();
      // News that were on their way when this listener joined are no news to it.
      return join(() => {
        if (known !== snapshot()) listener((known = shown!));
      });
    },
    events(listener) {
      const own = listener.bind(undefined);
      return join((event) => event && own(event));
    },
    // Nobody waits here, so that an error has nobody to be told to.
    close: () => void close().catch(() => {}),
    [Symbol.asyncDispose]: close,
  };
  return { vault, engine };
}

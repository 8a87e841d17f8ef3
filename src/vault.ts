/**
 * The vault: what users hold. It wires one account's engine to `fetch`, and shows its state without
 * ever showing a token.
 */
import { decodeClaims } from "./engine/claims.ts";
import { randomId, systemClock } from "./engine/clock.ts";
import { createEngine, type Engine, type EngineEventType, type EngineState } from "./engine/engine.ts";
import { VaultError } from "./errors.ts";
import { createFetch, type Send, sendWith, type VaultFetch } from "./fetch.ts";
import { createPolicy, type Policy } from "./policy.ts";
import type { AccessToken, Channel, Clock, Lock, Provider, TokenStore } from "./types.ts";

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
  /** Holds the runtime open for work that outlives a call. */
  readonly waitUntil?: (promise: Promise<unknown>) => void;
  /** Whether the network is there; asked before a refresh begins. */
  readonly online?: () => boolean;
  /** Calls back when timers may have been late: on wake-up, on coming online. */
  readonly onWake?: (listener: () => void) => () => void;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** Jitter, from 0 to 1; `Math.random` by default. */
  readonly random?: () => number;
}

/** What a page may show: never a token. Replaced, not changed, so that `===` tells news. */
export interface Snapshot {
  readonly status: EngineState["status"];
  readonly account: string;
  /** When the access token was got, is renewed, and expires. */
  readonly issuedAt?: number;
  readonly refreshAt?: number;
  readonly expiresAt?: number;
  /** Which token set this is, counted from the sign-in. */
  readonly generation?: number;
  readonly scope?: string;
  /** The access token's claims where it is a JWT: decoded, not verified, for display only. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** `false` while the store has not taken what memory has. */
  readonly persisted: boolean;
}

/** Something that happened, for logs and metrics. It holds no secret. */
export interface VaultEvent {
  readonly type: EngineEventType | "retried";
  readonly account: string;
  readonly sessionId?: string;
  readonly generation?: number;
  /** The HTTP status that caused it, where one did. */
  readonly status?: number;
}

export interface Vault<Credentials = never> {
  /** `fetch` with the token; a 401 refreshes and retries once. */
  readonly fetch: VaultFetch;
  /** Gets tokens for credentials and starts a session. Credentials are not kept. */
  signIn(credentials: Credentials, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Starts a session with a token that one already has. */
  adopt(tokens: {
    readonly accessToken: string;
    readonly refreshToken?: string;
    readonly expiresAt?: number;
    readonly scope?: string;
  }): Promise<void>;
  /** The access token alone. Pass one that the server answered with 401 as `rejected`. */
  getToken(options?: {
    readonly rejected?: string;
    readonly signal?: AbortSignal;
  }): Promise<string>;
  /** The ready `Authorization` value, for WebSockets, server-sent events and other clients. */
  authorization(options?: { readonly signal?: AbortSignal }): Promise<string>;
  /** Ends the session everywhere. Works offline. */
  signOut(): Promise<void>;
  /** The accounts of this provider that are signed in, by this store. */
  accounts(): Promise<string[]>;
  /** Signs an account out and forgets that it was there. */
  removeAccount(account: string): Promise<void>;
  /** The state as of now; the same object until something changes. */
  snapshot(): Snapshot;
  /** Calls back at once and after each change: React's external store, Svelte's store contract. */
  subscribe(listener: (snapshot: Snapshot) => void): () => void;
  /** Calls back with what happens; returns how to stop. */
  events(listener: (event: VaultEvent) => void): () => void;
  /** Lets go of timers and channels. The session stays. */
  close(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

const fail = (message: string): never => {
  throw new VaultError("invalid_option", message);
};

/** Joins what keeps sessions apart; no part can pass for two (S11). */
const joinKey = (parts: readonly string[]): string => parts.map(encodeURIComponent).join("|");

/** Makes a vault for one account. `follow` is the way of runtimes that show redirects. */
export function createVaultWith<Credentials>(
  options: VaultOptions<Credentials>,
  follow?: (fetch_: typeof fetch, policy: Policy) => Send,
): Vault<Credentials> {
  const { provider, store, account = "default", clock = systemClock } = options;
  if (!provider?.origins?.length) fail("A vault needs a provider with origins: pass one");
  if (!store) fail("A vault needs a store: pass memoryStore() or a platform's own");
  if (typeof account !== "string" || !account || account.length > 256)
    fail("An account is a text of 1 to 256 characters");
  if (provider.renewal?.rotation === "strict" && !store.atomic)
    fail("This provider rotates refresh tokens: use a store that compares and sets");
  const policy = createPolicy(provider, options.dangerouslyAllowLoopbackHttp);
  const fetch_ = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const prefix = joinKey([provider.name, provider.origins[0]!, ...(provider.partition ?? [])]) + "|";

  const listeners = new Set<(snapshot: Snapshot) => void>();
  const observers = new Set<(event: VaultEvent) => void>();
  let shown: Snapshot | undefined;
  let told: Snapshot | undefined;
  let telling = false;

  const makeEngine = (name: string, own: boolean): Engine =>
    createEngine({
      key: prefix + encodeURIComponent(name),
      provider: provider as Provider<never>,
      store,
      lock: options.lock,
      channel: options.channel,
      clock,
      fetch: fetch_,
      random: options.random ?? Math.random,
      randomId,
      online: options.online ?? (() => true),
      patience: options.patience ?? 20_000,
      maxStaleness: options.maxStaleness ?? 60_000,
      refreshAhead: own && !!options.refreshAhead,
      waitUntil: options.waitUntil,
      onChange: own ? change : () => {},
      onEvent: emit,
    });
  const engine = makeEngine(account, true);
  const stopWaking = options.onWake?.(() => void engine.look());
  if (options.refreshAhead) void engine.look();

  function emit(
    type: VaultEvent["type"],
    named?: { readonly sessionId: string; readonly generation: number },
    status?: number,
  ): void {
    const event: VaultEvent = {
      type,
      account,
      ...(named && { sessionId: named.sessionId, generation: named.generation }),
      ...(status !== undefined && { status }),
    };
    // F5: never from inside a step that somebody waits for; one observer's error is its own.
    for (const observer of observers) queueMicrotask(() => observer(event));
  }

  function change(): void {
    shown = undefined;
    if (telling || !listeners.size) return;
    telling = true;
    queueMicrotask(() => {
      telling = false;
      const now = snapshot();
      if (now === told) return;
      told = now;
      for (const listener of listeners) queueMicrotask(() => listener(now));
    });
  }

  let last: Snapshot | undefined;
  function snapshot(): Snapshot {
    if (shown) return shown;
    const { session, status, persisted } = engine.state();
    const same =
      last?.status === status &&
      last.persisted === persisted &&
      last.generation === session?.generation &&
      last.issuedAt === session?.issuedAt;
    if (same) return (shown = last!);
    const { accessToken, expiresAt, scope } = session?.tokenSet ?? {};
    const claims = accessToken === undefined ? undefined : decodeClaims(accessToken);
    const { issuedAt, refreshAt, generation } = session ?? {};
    const all = { issuedAt, refreshAt, expiresAt, generation, scope, claims };
    return (shown = last =
      Object.freeze({
        status,
        account,
        persisted,
        ...(Object.fromEntries(
          Object.entries(all).filter(([, value]) => value !== undefined),
        ) as Partial<Snapshot>),
      }));
  }

  const scheme = (provider.scheme ?? "Bearer") + " ";
  let token: AccessToken | undefined;
  let header = "";
  const authorization = (next: AccessToken): string => {
    if (next !== token) header = scheme + (token = next).accessToken;
    return header;
  };

  return {
    fetch: createFetch({
      source: engine,
      policy,
      authorization,
      fetch: fetch_,
      send: (follow ?? sendWith)(fetch_, policy),
      returns401: !provider.renewal,
      onRetry: (named) => emit("retried", named, 401),
    }),
    async signIn(credentials, { signal } = {}) {
      if (!provider.signIn) fail(`${provider.name} has no sign-in: call adopt() with a token`);
      await engine.signIn((exchange) => provider.signIn!(credentials, exchange), signal);
    },
    adopt: (tokens) => engine.adopt(tokens),
    async getToken({ rejected, signal } = {}) {
      let got = await engine.getToken({ signal });
      if (got.accessToken === rejected) got = await engine.getToken({ rejected: got, signal });
      return got.accessToken;
    },
    authorization: async (need) => authorization(await engine.getToken(need)),
    signOut: () => engine.signOut(),
    async accounts() {
      const keys = await store.list(prefix);
      const heads = await Promise.all(keys.map((key) => store.head(key)));
      return keys
        .filter((_, index) => heads[index] && !heads[index].tombstone)
        .map((key) => decodeURIComponent(key.slice(prefix.length)));
    },
    async removeAccount(name) {
      const other = name === account ? engine : makeEngine(name, false);
      try {
        await other.signOut();
      } finally {
        if (other !== engine) other.close();
      }
      const key = prefix + encodeURIComponent(name);
      const head = await store.head(key);
      if (head?.tombstone) await store.write(key, undefined, head);
    },
    snapshot,
    subscribe(listener) {
      // One wrapper for each call: the same function may subscribe twice.
      const own = (now: Snapshot): void => listener(now);
      listeners.add(own);
      listener((told = snapshot()));
      if (told.status === "loading") void engine.look();
      return () => void listeners.delete(own);
    },
    events(listener) {
      const own = (event: VaultEvent): void => listener(event);
      observers.add(own);
      return () => void observers.delete(own);
    },
    close,
    async [Symbol.asyncDispose]() {
      close();
    },
  };

  function close(): void {
    stopWaking?.();
    engine.close();
  }
}

/**
 * The Worker's vault: a `TokenSource` in front of the object that owns the session. It gets access tokens
 * only, and keeps them in the isolate's memory for as long as they may be served unasked.
 */
import { randomId } from "../guard/random.ts";
import { systemClock } from "../refresh/clock.ts";
import { CLAIM } from "../refresh/timing.ts";
import { VaultError } from "../errors.ts";
import { createFetch, type VaultFetch } from "../request/fetch.ts";
import type { Policy } from "../request/policy.ts";
import { createFollow } from "../request/redirects.ts";
import type { AccessToken, Clock, Provider, TokenNeed, TokenSet, TokenSource } from "../types.ts";
import type { Vault, VaultEvent } from "../vault/vault.ts";
import { createAsk, type Question, unavailable, within } from "./ask.ts";
import type { TokenCache } from "./cache.ts";
import type { Held, Memory } from "./memory.ts";
import {
  type Call,
  check,
  eventTeller,
  type Lease,
  type Owner,
  type SessionState,
  teller,
  toLease,
  type TokenReply,
} from "./wire.ts";

/** A vault whose session a Durable Object owns. */
export interface CloudflareVault<Credentials = unknown> extends Pick<
  Vault,
  "authorization" | "fetch" | "getToken" | "signOut"
> {
  /**
   * Gets tokens for credentials and starts a session, in the object. With `unlessSignedIn` it does
   * nothing where there is one; many at once sign in once, and share a failure, too. The credentials
   * are plain data.
   */
  signIn(credentials: Credentials, options?: StartOptions): Promise<void>;
  /** Starts a session with a token that one already has, from a secret say. */
  adopt(tokens: TokenSet, options?: StartOptions): Promise<void>;
  /**
   * Signs the account out and forgets that it was there: its object's storage is given back, as soon
   * as KV has heard of it.
   */
  removeAccount(): Promise<void>;
  /**
   * The session's state as the object sees it, without a token. `keyId` tells which key seals it: a
   * rotation is through when no account names the old one.
   */
  state(): Promise<SessionState>;
}

export interface StartOptions {
  /** `false` by default. */
  readonly unlessSignedIn?: boolean;
}

/** What a vault of one request is made of. */
export interface ProxyParts {
  readonly call: Call;
  readonly provider: Provider<never>;
  readonly policy: Policy;
  readonly memory: Memory;
  /** The object, anew for each call: a stub that has failed stays broken. */
  readonly owner: (hash: string) => Owner;
  /** The object's name. */
  readonly hash: () => Promise<string>;
  /** The object's id, under which KV has its token. */
  readonly objectId: (hash: string) => string;
  readonly cache: TokenCache | undefined;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  readonly fetch?: typeof fetch | undefined;
  readonly clock?: Clock | undefined;
  readonly patience: number;
  readonly maxStaleness: number;
  readonly maxReplayBytes?: number | undefined;
  readonly onEvent?: ((event: VaultEvent) => unknown) | undefined;
}

/** How long KV may take before the object is asked. */
const KV_PATIENCE = 1_000;
const TRIES = 3;

export function createProxy<Credentials>(parts: ProxyParts): CloudflareVault<Credentials> {
  const { call, provider, policy, memory, cache, clock = systemClock, waitUntil } = parts;
  const { maxStaleness } = parts;
  const { key } = call;
  const { scheme = "Bearer" } = provider;
  const tellOf = eventTeller(parts.onEvent, waitUntil);
  const tell = teller(parts.onEvent, call.account, waitUntil);
  const fetch_ = parts.fetch ?? ((...request) => fetch(...request));

  const ask = createAsk({
    owner: parts.owner,
    hash: parts.hash,
    clock,
    patience: parts.patience,
    waitUntil,
    onOver: (revision) => void memory.take(key, { revision }, clock.now()),
  });

  /** Asks for something that says how the token stands. */
  async function askForToken(
    question: Question<TokenReply>,
    tries: number,
    need?: TokenNeed,
  ): Promise<Lease | undefined> {
    const { revision, lease: said } = await ask(question, tries, need);
    const lease = toLease(said, provider);
    memory.take(key, { revision, lease }, clock.now());
    return lease;
  }

  const isFresh = ({ token, until, at }: Held, now: number): boolean =>
    !!token && now < until && now >= at && now < at + maxStaleness;

  /** From KV, or from the object: the second step of the read path, and the third. */
  async function renew(need: TokenNeed): Promise<AccessToken> {
    const { rejected, endpoint, waited, date, signal } = need;
    if (rejected) memory.reject(key, rejected);
    else if (cache) {
      const found = await within(
        { clock, ms: KV_PATIENCE, signal },
        parts.hash().then((hash) => cache.read(parts.objectId(hash), clock.now())),
      );
      const held = found && memory.adopt(key, found, clock.now());
      if (held?.token) return held.token;
    }
    const named = rejected && { sessionId: rejected.sessionId, generation: rejected.generation };
    const passed = memory.passed(endpoint);
    const lease = await askForToken(
      (owner) => owner.token(call, { rejected: named, endpoint, passed, waited, date }),
      TRIES,
      need,
    );
    if (!lease) throw unavailable();
    const { accessToken, sessionId, generation } = lease;
    return { accessToken, sessionId, generation, isWatched: true };
  }

  const getToken: TokenSource["getToken"] = (need = {}) => {
    const { rejected } = need;
    const now = clock.now();
    const held = memory.get(key);
    if (!held || !isFresh(held, now)) return renew(need);
    const { token } = held;
    if (rejected?.sessionId === token!.sessionId && rejected.generation >= token!.generation)
      return renew(need);
    if (now >= held.at + maxStaleness / 2 && now >= held.lookedAt + CLAIM * 5) {
      held.lookedAt = now;
      (need.waitUntil ?? waitUntil)(renew({}).catch(() => {}));
    }
    return token!;
  };

  const authorization = ({ accessToken }: AccessToken): string => `${scheme} ${accessToken}`;

  const vaultFetch: VaultFetch = createFetch({
    policy,
    source: {
      getToken,
      // Watched, so that it is never sent from here: it tells which session a request is of.
      ready: () => memory.get(key)?.last,
      passed: (endpoint, { generation }) => memory.pass(endpoint, generation),
    },
    authorization,
    fetch: fetch_,
    follow: createFollow(policy),
    isSelfSigned: provider.renewal?.selfSigned,
    onRetry: (named) => tell("retried", named, 401),
    onBare: (origin) => tellOf({ type: "bare", account: call.account, origin }),
    maxReplayBytes: parts.maxReplayBytes,
    running: clock.running,
  });

  return {
    fetch: vaultFetch,
    async getToken({ rejected, signal } = {}) {
      const need = signal ? { signal } : {};
      let got = await getToken(need);
      if (got.accessToken === rejected) got = await getToken({ ...need, rejected: got });
      return got.accessToken;
    },
    authorization: async (need) => authorization(await getToken(need)),
    async signIn(credentials, options = {}) {
      const sent = plain(credentials);
      // Never twice: nobody knows whether the first one got through.
      await askForToken((owner) => owner.signIn(call, sent, options), 1);
    },
    async adopt(tokens, options = {}) {
      const sent = plain(tokens);
      // One for all tries: what was adopted, and whose answer was lost, is not adopted again (F101).
      const adoption = { sessionId: randomId(), startedAt: clock.now() };
      await askForToken((owner) => owner.adopt(call, sent, { ...options, adoption }), TRIES);
    },
    async signOut() {
      await askForToken((owner) => owner.signOut(call), TRIES);
    },
    async removeAccount() {
      await askForToken((owner) => owner.removeAccount(call), TRIES);
    },
    async state() {
      const { snapshot } = await ask((owner) => owner.state(call), TRIES);
      check(snapshot, "Worker and Durable Object are of different versions: deploy both");
      return snapshot;
    },
  };
}

/** What can be sent to the object: a class's instance goes as its members (F102). */
function plain<Data>(data: Data): Data {
  try {
    return structuredClone(data);
  } catch {
    throw new VaultError(
      "invalid_option",
      "Cannot send this to the Durable Object: functions, promises and the like cannot be cloned. Pass plain data",
    );
  }
}

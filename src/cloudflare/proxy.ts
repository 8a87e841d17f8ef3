/**
 * The Worker's vault: a `TokenSource` in front of the object that owns the session. It gets access tokens
 * only, and keeps them in the isolate's memory for as long as they may be served unasked.
 */
import { systemClock } from "../refresh/clock.ts";
import { CLAIM } from "../refresh/timing.ts";
import { VaultError } from "../errors.ts";
import { createFetch, type VaultFetch } from "../request/fetch.ts";
import type { Policy } from "../request/policy.ts";
import { createFollow } from "../request/redirects.ts";
import type { AccessToken, Clock, Provider, TokenNeed, TokenSet, TokenSource } from "../types.ts";
import type { Snapshot, Vault, VaultEvent } from "../vault/vault.ts";
import type { TokenCache } from "./cache.ts";
import type { Held, Memory } from "./memory.ts";
import { type Answer, type Call, check, fromWire, type Owner, teller, toLease } from "./wire.ts";

/** A vault whose session a Durable Object owns. */
export interface CloudflareVault<Credentials = unknown> extends Pick<
  Vault,
  "authorization" | "fetch" | "getToken" | "signOut"
> {
  /**
   * Gets tokens for credentials and starts a session, in the object. With `unlessSignedIn` it does
   * nothing where there is one, and many at once sign in once.
   */
  signIn(credentials: Credentials, options?: StartOptions): Promise<void>;
  /** Starts a session with a token that one already has, from a secret say. */
  adopt(tokens: TokenSet, options?: StartOptions): Promise<void>;
  /** The session's state as the object sees it, without a token. */
  state(): Promise<Snapshot>;
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
  readonly hash: () => Promise<string>;
  /** The object's id, under which KV has its token. */
  readonly objectId: (hash: string) => string;
  readonly cache: TokenCache | undefined;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  readonly fetch?: typeof fetch | undefined;
  readonly clock?: Clock | undefined;
  readonly patience: number;
  readonly maxStaleness: number;
  readonly onEvent?: ((event: VaultEvent) => void) | undefined;
}

/** How long KV may take before the object is asked. */
const KV_PATIENCE = 1_000;
/** How much longer than a caller's patience an object may take to say anything. */
const GRACE = 10_000;
const TRIES = 3;

export function createProxy<Credentials>(parts: ProxyParts): CloudflareVault<Credentials> {
  const { call, provider, policy, memory, cache, clock = systemClock, waitUntil } = parts;
  const { maxStaleness } = parts;
  const { key } = call;
  const { scheme = "Bearer" } = provider;
  const tell = teller(parts.onEvent, call.account);
  const fetch_ = parts.fetch ?? ((...request) => fetch(...request));

  /** Settles in time, whatever becomes of the promise: an own timer in this very request (F31). */
  async function within<T>(
    ms: number,
    promise: Promise<T>,
    signal?: AbortSignal | null,
  ): Promise<T | undefined> {
    signal?.throwIfAborted();
    let timer: unknown;
    let abort: (() => void) | undefined;
    try {
      return await Promise.race([
        promise,
        new Promise<undefined>((resolve, reject) => {
          timer = clock.setTimeout(() => resolve(undefined), ms);
          abort = () => reject(signal!.reason);
          signal?.addEventListener("abort", abort);
        }),
      ]);
    } finally {
      clock.clearTimeout(timer);
      if (abort) signal?.removeEventListener("abort", abort);
    }
  }

  /** Asks the object, once more where it was reset under the question and asking twice does no harm. */
  async function ask(question: (owner: Owner) => Promise<Answer>, tries: number): Promise<Answer> {
    const hash = await parts.hash();
    for (let left = tries; ;) {
      try {
        const owner = parts.owner(hash);
        check(
          owner.token,
          "This Worker has no RPC: in wrangler.jsonc set compatibility_date to 2024-04-03 or later",
        );
        return await question(owner);
      } catch (error) {
        if (error instanceof VaultError) throw error;
        // What the platform says is not for users, and may hold anything.
        if (!--left) throw unavailable();
        // Jittered, so that those whom an object has turned away do not come back in step.
        const least = (error as { overloaded?: unknown }).overloaded ? 1_000 : 100;
        const wait = least * 4 ** (tries - left) * Math.random();
        await new Promise<void>((resolve) => clock.setTimeout(resolve, wait));
      }
    }
  }

  async function askInTime(
    question: (owner: Owner) => Promise<Answer>,
    tries: number,
    { signal, waitUntil: hold = waitUntil }: Pick<TokenNeed, "signal" | "waitUntil"> = {},
  ): Promise<Answer> {
    const asked = ask(question, tries);
    // A caller that gives up changes nothing for the object.
    hold(asked.catch(() => {}));
    const said = await within(parts.patience + GRACE, asked, signal);
    if (!Number.isSafeInteger(said?.revision)) throw unavailable();
    const { revision, error, snapshot } = said!;
    const answer: Answer = { revision, snapshot, lease: toLease(said!.lease, provider) };
    const isOver = error && /^(no_session|sign_in_required)$/.test(error.code);
    if (error ? isOver : !snapshot) memory.take(key, answer, clock.now());
    if (error) throw fromWire(error);
    return answer;
  }

  const isFresh = ({ token, until, at }: Held, now: number): boolean =>
    !!token && now < until && now >= at && now < at + maxStaleness;

  /** From KV, or from the object: the second step of the read path, and the third. */
  async function renew(need: TokenNeed): Promise<AccessToken> {
    const { rejected, date, signal } = need;
    if (rejected) memory.reject(key, rejected);
    else if (cache) {
      const found = await within(
        KV_PATIENCE,
        parts.hash().then((hash) => cache.read(parts.objectId(hash), clock.now())),
        signal,
      );
      const held = found && memory.adopt(key, found, clock.now());
      if (held?.token) return held.token;
    }
    const named = rejected && { sessionId: rejected.sessionId, generation: rejected.generation };
    const { lease } = await askInTime(
      (owner) => owner.token(call, { rejected: named, date }),
      TRIES,
      need,
    );
    if (!lease) throw unavailable();
    return lease;
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

  const start = async (
    question: (owner: Owner) => Promise<Answer>,
    tries: number,
  ): Promise<void> => {
    await askInTime(question, tries);
  };

  const vaultFetch: VaultFetch = createFetch({
    policy,
    // Until the owner itself answers so: a 401 of what cannot be renewed brings the same token back.
    source: {
      getToken(need) {
        const rejected = need?.rejected as AccessToken | undefined;
        const got = getToken(need);
        return rejected && !provider.renewal ? Promise.resolve(got).catch(() => rejected) : got;
      },
    },
    authorization,
    fetch: fetch_,
    follow: createFollow(policy),
    isSelfSigned: provider.renewal?.selfSigned,
    onRetry: (named) => tell("retried", named, 401),
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
    // Never twice: nobody knows whether the first one got through.
    signIn: (credentials, options = {}) =>
      start((owner) => owner.signIn(call, credentials, options), 1),
    adopt: (tokens, options = {}) => start((owner) => owner.adopt(call, tokens, options), TRIES),
    signOut: () => start((owner) => owner.signOut(call), TRIES),
    async state() {
      const { snapshot } = await askInTime((owner) => owner.state(call), TRIES);
      check(snapshot, "Worker and Durable Object are of different versions: deploy both");
      return snapshot;
    },
  };
}

const unavailable = (): VaultError =>
  new VaultError("store_unavailable", "Durable Object unavailable: nothing is lost, try again");

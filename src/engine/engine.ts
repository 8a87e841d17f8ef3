/**
 * The shell around `decide.ts`: it reads, writes, waits and sends, and decides nothing. One engine
 * serves one account of one provider; several engines, in several tabs, hold together by the record.
 */
import { VaultError, type VaultErrorCode } from "../errors.ts";
import type {
  AccessToken,
  Channel,
  Clock,
  Exchange,
  Grant,
  Lock,
  Outcome,
  PeerMessage,
  Provider,
  Session,
  TokenName,
  TokenNeed,
  TokenSet,
  TokenSource,
  TokenStore,
} from "../types.ts";
import { isObject } from "./claims.ts";
import { CLAIM, decide, type Decision, EXCHANGE, MARGIN, nextLook } from "./decide.ts";
import { createLedger, type LedgerTrouble } from "./ledger.ts";
import { type Life, lifeOf } from "./lifetime.ts";
import { toRecord } from "./record.ts";
import { isToken } from "./syntax.ts";
import { begun, granted, refused, troubled } from "./transitions.ts";

export interface EngineOptions {
  readonly key: string;
  readonly provider: Provider<never>;
  readonly store: TokenStore;
  readonly lock: Lock | undefined;
  readonly channel: Channel | undefined;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly random: () => number;
  readonly randomId: () => string;
  readonly online: () => boolean;
  readonly patience: number;
  readonly maxStaleness: number;
  readonly refreshAhead: boolean;
  readonly waitUntil: ((promise: Promise<unknown>) => void) | undefined;
  readonly onChange: () => void;
  readonly onEvent: (type: EngineEventType, session: Session | undefined, status?: number) => void;
}

export type EngineEventType =
  | "signed-in"
  | "refreshing"
  | "refreshed"
  | "adopted"
  | "refused"
  | "trouble"
  | "signed-out"
  | LedgerTrouble;

export interface EngineState {
  readonly session: Session | undefined;
  readonly status: "loading" | "signed-in" | "signed-out" | "sign-in-required" | "unavailable";
  /** Whether the store has what memory has. */
  readonly persisted: boolean;
}

export interface Engine extends TokenSource {
  state(): EngineState;
  /** Reads the record, and renews in passing if that is due. Never rejects. */
  look(): Promise<void>;
  signIn(run: (exchange: Exchange) => Promise<Outcome>, signal?: AbortSignal): Promise<void>;
  /** Starts a session with a token that somebody else got. */
  adopt(grant: Grant): Promise<void>;
  signOut(): Promise<void>;
  close(): void;
}

export function createEngine(options: EngineOptions): Engine {
  const { key, provider, lock, clock, random, onEvent, onChange } = options;
  const { renewal } = provider;
  const ledger = createLedger(options.store, key, onSession, (type) => {
    emit(type);
    onChange();
  });
  const { session: current } = ledger;

  let view: AccessToken | undefined;
  let viewUntil = 0;
  let checkedAt = NaN;
  let checkedRunning = NaN;
  let step: Promise<void> | undefined;
  let epoch = 0;
  let closed = false;
  let exchanging = false;
  let concluding = false;
  let status: number | undefined;
  let refusedId: string | undefined;
  /** An intent of our own that was not followed by a request. */
  let unsentId: string | undefined;
  let seen: { readonly attemptId: string; readonly at: number } | undefined;
  let silentAbout: string | undefined;
  let claimed = false;
  let timer: unknown;
  const sleepers = new Set<() => void>();
  const peers = options.channel?.open(key, onMessage);

  function emit(type: EngineEventType, session: Session | undefined = current()): void {
    onEvent(type, session, status);
  }

  /** Sleeps at most `ms`, or until something has changed. */
  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const handle = clock.setTimeout(done, ms);
      sleepers.add(done);
      function done(): void {
        sleepers.delete(done);
        clock.clearTimeout(handle);
        resolve();
      }
    });
  }

  const wake = (): void => sleepers.forEach((done) => done());

  /** The poll of a waiter, jittered, so that waiters do not read in step. */
  const poll = (most: number): Promise<void> => sleep(Math.min(most, 100 + 400 * random()));

  const post = (type: PeerMessage["type"], { sessionId, generation }: TokenName): void =>
    peers?.post({ type, sessionId, generation });

  /** A look that failed is a look too: a store that is out of reach is not asked at every call. */
  function checked(session: Session | undefined): void {
    checkedAt = clock.now();
    checkedRunning = clock.running();
    viewUntil =
      session && !session.rejected
        ? (session.refreshAt ?? session.tokenSet.expiresAt ?? Infinity)
        : 0;
  }

  function onSession(session: Session | undefined, before: Session | undefined): void {
    checked(session);
    if (session) {
      const { sessionId, generation, tokenSet, intent } = session;
      const { accessToken, expiresAt } = tokenSet;
      // Not by generation: two contexts may both have made the next one, and one was not written.
      if (view?.sessionId !== sessionId || view.accessToken !== accessToken)
        view = { accessToken, sessionId, generation, ...(expiresAt !== undefined && { expiresAt }) };
      if (intent && seen?.attemptId !== intent.attemptId)
        seen = { attemptId: intent.attemptId, at: clock.running() };
      if (before?.sessionId === sessionId && before.generation < generation)
        emit(concluding ? "refreshed" : "adopted");
      if (session.refused && refusedId !== sessionId) {
        refusedId = sessionId;
        emit("refused");
      }
    } else {
      view = undefined;
      if (before) emit("signed-out", before);
    }
    arm();
    wake();
    onChange();
  }

  /** Timers are hints: every use checks again. */
  function arm(): void {
    clock.clearTimeout(timer);
    const session = current();
    if (closed || !(ledger.unwritten() || (session && options.refreshAhead))) return;
    const now = clock.now();
    const at = ledger.unwritten() ? now + MARGIN : nextLook(session!, now);
    // F15: a timer above 2^31 ms fires at once; an hour is soon enough to look again.
    timer = clock.setTimeout(() => void look(), Math.max(0, Math.min(at - now, 3_600_000)));
    // In Node a mere hint must not keep the process alive; elsewhere handles are numbers.
    (timer as { unref?: () => void }).unref?.();
  }

  const attemptId = (): string | undefined => current()?.intent?.attemptId;

  function judge(rejected: TokenName | undefined): Decision {
    const id = attemptId();
    return decide(current(), rejected, {
      now: clock.now(),
      renewal,
      intentAge: seen && seen.attemptId === id ? clock.running() - seen.at : 0,
      silent: id !== undefined && silentAbout === id,
      unsent: id !== undefined && unsentId === id,
      online: options.online(),
    });
  }

  /** Runs an exchange with the provider under the hard deadline; a rejection is trouble. */
  function exchange(
    run: (exchange: Exchange) => Promise<Outcome>,
    signal?: AbortSignal,
  ): Promise<Outcome> {
    const controller = new AbortController();
    return new Promise((resolve) => {
      let due = clock.running() + EXCHANGE;
      let handle = clock.setTimeout(expire, EXCHANGE);
      function expire(): void {
        // Thawed after a freeze: a reply that arrived meanwhile is heard first.
        if (clock.running() - due > CLAIM) {
          due = clock.running() + CLAIM;
          handle = clock.setTimeout(expire, CLAIM);
        } else abort();
      }
      function abort(): void {
        controller.abort();
        finish({ type: "trouble" });
      }
      function finish(outcome: Outcome): void {
        clock.clearTimeout(handle);
        signal?.removeEventListener("abort", abort);
        resolve(outcome);
      }
      signal?.addEventListener("abort", abort);
      const io = { signal: controller.signal, fetch: options.fetch, now: clock.now };
      (async () => run(io))().then(finish, () => finish({ type: "trouble" }));
    });
  }

  const life = (grant: Grant, startedAt: number, adopted?: boolean): Life =>
    lifeOf(grant, startedAt, random, renewal?.assumedLifetime, adopted);

  const sound = (grant: Grant): boolean =>
    isToken(grant.accessToken, provider.scheme) &&
    (grant.refreshToken === undefined || isToken(grant.refreshToken, "Token"));

  /** Best effort: nobody waits for it, nothing depends on it (RFC 7009). */
  function revoke(tokenSet: TokenSet): void {
    if (provider.revoke)
      options.waitUntil?.(exchange((io) => provider.revoke!(tokenSet, io) as Promise<Outcome>));
  }

  /** Steps 2 to 8 of the protocol: intent, fence, exchange, commit. */
  async function attempt(rejected: TokenName | undefined, repeated: boolean): Promise<void> {
    const startedAt = clock.now();
    const next = begun(current()!, options.randomId(), startedAt, rejected, repeated);
    const { intent, sessionId, material } = next;
    unsentId = intent.attemptId;
    if (!(await ledger.replace(next))) return;
    emit("refreshing");
    let asked;
    do {
      asked = clock.running();
      if (!(await ledger.holds(next))) return;
      // Frozen while the store answered: others may have taken over since then.
    } while (clock.running() - asked > CLAIM);
    unsentId = undefined;
    exchanging = true;
    const { refreshToken } = next.tokenSet;
    const outcome = await exchange((io) =>
      provider.renew!({ material, ...(refreshToken !== undefined && { refreshToken }) }, io),
    );
    exchanging = false;

    const now = clock.now();
    const conclude = (change: (stored: Session) => Session | undefined): Promise<void> =>
      ledger.persist((stored) => {
        const after = stored?.sessionId === sessionId && change(stored);
        return after ? toRecord(after) : undefined;
      });
    if (outcome.type === "granted" && sound(outcome.grant)) {
      const got = life(outcome.grant, startedAt);
      if (current()?.sessionId === sessionId) {
        concluding = true;
        await conclude((stored) => granted(stored, intent, got, now, outcome.grant.material));
        concluding = false;
      }
      const after = current();
      // Persist, then tell. A session that has ended takes its late tokens along.
      if (after?.sessionId === sessionId) post("changed", after);
      else revoke(got.tokenSet);
    } else if (current()?.sessionId === sessionId) {
      status = outcome.type === "granted" ? undefined : outcome.status;
      if (outcome.type === "refused") await conclude((stored) => refused(stored, intent));
      else {
        emit("trouble");
        const trouble = outcome.type === "trouble" ? outcome : {};
        await conclude((stored) => troubled(stored, intent, trouble, now, random));
      }
    }
  }

  /** Under the lock, if it can be had: looks again, and does what is then to be done. */
  async function act(rejected: TokenName | undefined): Promise<void> {
    silentAbout = undefined;
    for (;;) {
      if (!ledger.alone()) await ledger.load();
      const decision = judge(rejected);
      const kind = stepOf(decision);
      if (kind) return attempt(rejected, kind === "recover");
      if (decision.type !== "wait" || decision.for !== "peers" || claimed) return;
      const asked = attemptId()!;
      post("ask", current()!);
      await new Promise<void>((resolve) => clock.setTimeout(resolve, decision.ms));
      if (!claimed) silentAbout = asked;
    }
  }

  /** The lock saves work; when it cannot be had in time, the record alone decides. */
  async function gate(task: () => Promise<void>): Promise<void> {
    if (!lock) return task();
    const controller = new AbortController();
    const handle = clock.setTimeout(() => controller.abort(), EXCHANGE + MARGIN);
    let had = false;
    try {
      await lock.run(
        key,
        () => {
          had = true;
          return task();
        },
        controller.signal,
      );
    } catch (error) {
      if (had) throw error;
      await task();
    } finally {
      clock.clearTimeout(handle);
    }
  }

  async function run(rejected: TokenName | undefined): Promise<void> {
    claimed = false;
    try {
      if (ledger.unwritten())
        await ledger.flush().catch((error) => {
          if (!ledger.alone()) throw error;
        });
      if (!ledger.alone()) await ledger.load();
      let decision = judge(rejected);
      if (stepOf(decision) || (decision.type === "wait" && decision.for !== "pause")) {
        await gate(() => act(rejected));
        decision = judge(rejected);
      }
      if (decision.type === "wait") await poll(decision.ms);
    } catch {
      // The ledger has counted the failure; whoever waits decides what it means to them.
      checked(current());
      await poll(Infinity);
    }
  }

  /** One pass, shared by everyone who needs one. It never rejects. */
  function advance(rejected?: TokenName): Promise<void> {
    step ??= run(rejected).finally(() => {
      step = undefined;
    });
    options.waitUntil?.(step);
    return step;
  }

  async function look(): Promise<void> {
    await step;
    if (!closed) await advance();
  }

  const error = (code: VaultErrorCode): VaultError =>
    new VaultError(code, ADVICE[code]!, {
      status,
      retryAfter: (current()?.coolDown?.until ?? NaN) - clock.now() || undefined,
    });

  /** The way of a caller that memory cannot serve at once. Its abort and its patience are its own. */
  async function obtain({ rejected, signal, waitUntil }: TokenNeed = {}): Promise<AccessToken> {
    let stop!: (reason: unknown) => void;
    const stopped = new Promise<never>((_, reject) => {
      stop = reject;
    });
    const abort = (): void => stop(signal!.reason);
    const handle = clock.setTimeout(
      () => stop(error(ledger.failures() ? "store_unavailable" : "refresh_failed")),
      options.patience,
    );
    signal?.addEventListener("abort", abort);
    try {
      signal?.throwIfAborted();
      for (let looked = false; ; looked = true) {
        if (closed) throw error("closed");
        const decision = judge(rejected);
        const fresh = looked || clock.running() - checkedRunning <= options.maxStaleness;
        if (decision.type === "use" && fresh) {
          if (decision.renew || !looked) waitUntil?.(advance());
          return view!;
        }
        if (looked && ledger.failures() > 1) throw error("store_unavailable");
        if (looked && !ledger.failures() && decision.type === "sign-in") throw error(decision.code);
        const pass = advance(rejected);
        waitUntil?.(pass);
        await Promise.race([pass, stopped]);
      }
    } finally {
      clock.clearTimeout(handle);
      signal?.removeEventListener("abort", abort);
    }
  }

  function onMessage(message: unknown): void {
    const session = current();
    if (!isObject(message) || closed) return;
    const mine = session?.sessionId === message["sessionId"];
    if (message["type"] === "claim") claimed ||= mine;
    else if (message["type"] === "changed") void look();
    else if (
      mine &&
      (exchanging || (ledger.unwritten() && session!.generation > Number(message["generation"])))
    )
      post("claim", session!);
  }

  async function start(grant: Grant, startedAt: number, adopted?: boolean): Promise<void> {
    const since = epoch;
    const got = life(grant, startedAt, adopted);
    const sessionId = options.randomId();
    const { material } = grant;
    await ledger.begin({
      sessionId,
      generation: 1,
      revision: 1,
      attempt: 0,
      ...got,
      ...(material !== undefined && { material }),
    });
    if (since !== epoch) {
      revoke(got.tokenSet);
      throw error("closed");
    }
    post("changed", { sessionId, generation: 1 });
    emit("signed-in");
  }

  return {
    getToken(need) {
      if (view && !closed) {
        const now = clock.now();
        const rejected = need?.rejected;
        if (
          now >= checkedAt &&
          now < viewUntil &&
          clock.running() - checkedRunning < options.maxStaleness / 2 &&
          (!rejected ||
            rejected.sessionId !== view.sessionId ||
            rejected.generation < view.generation)
        )
          return view;
      }
      return obtain(need);
    },
    state() {
      const session = current();
      return {
        session,
        persisted: !ledger.unwritten(),
        status: session
          ? judge(undefined).type === "sign-in"
            ? "sign-in-required"
            : "signed-in"
          : ledger.known()
            ? "signed-out"
            : ledger.failures()
              ? "unavailable"
              : "loading",
      };
    },
    look,
    async signIn(ask, signal) {
      signal?.throwIfAborted();
      const since = epoch;
      const startedAt = clock.now();
      const outcome = await exchange(ask, signal);
      signal?.throwIfAborted();
      status = outcome.type === "granted" ? undefined : outcome.status;
      if (outcome.type === "refused") throw error("credentials_refused");
      if (outcome.type === "trouble" || !sound(outcome.grant)) throw error("sign_in_failed");
      if (since !== epoch || closed) {
        revoke(life(outcome.grant, startedAt).tokenSet);
        throw error("closed");
      }
      await start(outcome.grant, startedAt);
    },
    async adopt(grant) {
      if (!sound(grant)) throw error("invalid_token");
      await start(grant, clock.now(), true);
    },
    async signOut() {
      epoch++;
      const session = await ledger.end();
      if (session) {
        post("changed", session);
        revoke(session.tokenSet);
      }
      if (ledger.unwritten()) throw error("store_unavailable");
    },
    close() {
      closed = true;
      clock.clearTimeout(timer);
      peers?.close();
      wake();
    },
  };
}

const stepOf = (decision: Decision): "begin" | "recover" | undefined =>
  decision.type === "use"
    ? decision.renew
    : decision.type === "begin" || decision.type === "recover"
      ? decision.type
      : undefined;

const ADVICE: { readonly [code in VaultErrorCode]?: string } = {
  no_session: "Nobody is signed in: call signIn() first",
  sign_in_required: "The session has ended: sign in again",
  credentials_refused: "The server refused these credentials: check them and sign in again",
  refresh_failed: "The token could not be refreshed in time: the session is kept, try again",
  sign_in_failed: "The server could not be reached or made no sense: try to sign in again",
  store_unavailable: "The token store cannot be reached: nothing is lost, try again",
  invalid_token: "The token is malformed: look for spaces and line breaks, and paste it again",
  closed: "The vault was closed or signed out meanwhile",
};

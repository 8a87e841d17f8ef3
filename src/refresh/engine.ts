/**
 * The engine of one account: it wires what reads, writes, waits and sends around what is known, and
 * decides nothing. Several engines, in several tabs, hold together by the record.
 */
import { check, isVaultError, VaultError, type VaultErrorCode } from "../errors.ts";
import { adoptable } from "../grant/adoptable.ts";
import { type Life, skewOf } from "../grant/lifetime.ts";
import { shortHash } from "../guard/hash.ts";
import { own } from "../guard/json.ts";
import { randomId } from "../guard/random.ts";
import { secureFetch } from "../guard/secure.ts";
import type { AccessToken, Outcome, Session, TokenSet, VaultOptions } from "../types.ts";
import { createAttempt } from "./attempt.ts";
import { createCallers, errorOf } from "./callers.ts";
import { systemClock } from "./clock.ts";
import type { Adoption, Engine, OnNews } from "./contract.ts";
import { createExchanges } from "./exchange.ts";
import { createKeeper } from "./keeper.ts";
import { isPersisted, needsSignIn } from "./knowledge.ts";
import { createMind } from "./mind.ts";
import { createPass } from "./pass.ts";
import { createPeers } from "./peers.ts";
import { createSigns } from "./signs.ts";
import { holdOpen, underLock } from "./waiting.ts";
import { createWriter } from "./writer.ts";

const SECOND = 1_000;

/** What a failed sign-in is told as. */
function refusalOf(outcome: Outcome): unknown {
  const { status } = outcome.type === "granted" ? {} : outcome;
  if (outcome.type !== "trouble")
    return new VaultError("credentials_refused", undefined, { status });
  const { error, retryAfter, reason } = outcome;
  // What is wrong with the credentials is told by those who looked at them; the rest is trouble.
  if (isVaultError(error) && error.code !== "sign_in_failed") return error;
  return new VaultError("sign_in_failed", undefined, { status, retryAfter, reason });
}

/** Asks what the application has given; a question that throws is answered with yes. */
function ask(question: (() => boolean) | undefined): boolean {
  try {
    return question?.() ?? true;
  } catch {
    return true;
  }
}

export function createEngine(key: string, options: VaultOptions<never>, onNews: OnNews): Engine {
  const { provider, store, lock, clock = systemClock, random = Math.random, waitUntil } = options;
  const { patience = 20_000, maxStaleness = 60_000, refreshAhead } = options;
  let isClosed = false;
  let isAttempting = false;
  let step: Promise<unknown> | undefined;
  /** How often this account was signed out here. */
  let signOuts = 0;
  /** What was revoked here, by its hash: two ways may lead to one token. */
  const revoked = new Set<string>();
  /** The session that was last ended in the store. */
  let released: string | undefined;
  const underWay = new Set<Promise<unknown>>();

  const mind = createMind({
    setting: { renewal: provider.renewal && own(provider.renewal), store },
    clock,
    maxStaleness,
    refreshAhead,
    world: () => ({
      isOnline: ask(options.online),
      isHeldOpen: ask(options.isHeldOpen),
      canAsk: peers.isConnected(),
      isWanted: callers.areThere(),
    }),
    look: () => void look(),
    onNews,
  });
  const peers = createPeers({
    channel: options.channel,
    key,
    clock,
    mind: () => mind,
    isAttempting: () => isAttempting,
    onChanged: () => void look(),
  });
  const keeper = createKeeper(store, key, clock);
  /** Jittered, so that those who wait do not read in step. No mere hint: a sign-in may wait for it. */
  async function pause(): Promise<void> {
    const timer = clock.setTimeout(mind.wake, 100 + 400 * random());
    await mind.changed();
    clock.clearTimeout(timer);
  }
  const exchanges = createExchanges({
    provider,
    clock,
    random,
    send: secureFetch(
      options.fetch ?? ((...request) => fetch(...request)),
      options.dangerouslyAllowLoopbackHttp,
    ),
    ahead: () => skew ?? mind.known.session?.skew ?? 0,
  });
  /** How far the server's clock is ahead, where this context has seen it. */
  let skew: number | undefined;

  /** The same token may have been adopted twice, and one of the two sessions has gone. */
  function isInUse({ accessToken, refreshToken }: TokenSet): boolean {
    const { session, changes } = mind.known;
    const begun = changes.flatMap((change) => (change.type === "begin" ? [change.session] : []));
    return [session, ...begun].some(
      (one) =>
        one?.tokenSet.accessToken === accessToken ||
        (refreshToken !== undefined && one?.tokenSet.refreshToken === refreshToken),
    );
  }

  /** Best effort: nobody waits for it, nothing depends on it (RFC 7009). */
  function revoke(tokenSet: TokenSet): void {
    const name = shortHash(tokenSet.refreshToken ?? tokenSet.accessToken);
    if (!provider.revoke || isClosed || revoked.has(name) || isInUse(tokenSet)) return;
    revoked.add(name);
    holdOpen(
      exchanges.run(async (io) => provider.revoke?.(tokenSet, io)),
      waitUntil,
    );
  }

  const writer = createWriter({
    mind,
    keeper,
    pause,
    release({ ended, dropped }) {
      for (const session of ended) {
        released = session.sessionId;
        peers.post("changed", session);
      }
      for (const tokenSet of [...ended.map((session) => session.tokenSet), ...dropped])
        revoke(tokenSet);
    },
  });
  const signs = createSigns(lock, store, { clock, scope: keeper.scope });
  const pass = createPass({
    mind,
    writer,
    peers,
    signs,
    underLock: (task) => underLock(lock, key, clock, task),
    attempt: createAttempt({
      provider,
      mind,
      keeper,
      writer,
      exchanges,
      signs,
      jitter: random,
      isClosed: () => isClosed,
      announce: (session) => peers.post("changed", session),
      revoke: (got) => revoke(got.tokenSet),
    }),
    pause,
    isWaitedFor: () => callers.areThere(),
    isClosed: () => isClosed,
    attempting: (is) => void (isAttempting = is),
  });

  /** One pass, shared by everybody who needs one. It settles with what is a fault of our own. */
  function advance(): Promise<unknown> {
    step ??= finishing(
      pass()
        .then(
          () => undefined,
          (fault: unknown) => fault,
        )
        .finally(() => {
          step = undefined;
        }),
    );
    holdOpen(step, waitUntil);
    return step;
  }

  /** What `close` waits for. */
  function finishing<T>(work: Promise<T>): Promise<T> {
    underWay.add(work);
    return work.finally(() => underWay.delete(work));
  }

  /** A fault is told to callers: nobody waits for this. */
  async function look(): Promise<void> {
    await step;
    if (!isClosed) await advance();
  }

  const callers = createCallers({ mind, clock, patience, advance, isClosed: () => isClosed });

  const error = (code: VaultErrorCode): unknown =>
    errorOf(code, mind.known, { now: clock.now(), since: clock.running() });

  async function start(got: Life, since: number, adoption?: Adoption): Promise<void> {
    const { now, running } = mind.moment();
    const sessionId = adoption?.sessionId ?? randomId();
    const startedAt = adoption?.startedAt ?? now;
    const session: Session = own({
      ...got,
      sessionId,
      startedAt,
      generation: 1,
      revision: 1,
      attempt: 0,
    });
    if (since !== signOuts) return giveUp(got);
    const earlier = mind.known.changes.find((change) => change.type === "begin");
    const basis = adoption ? undefined : mind.known.found.head;
    const madeAt = running - Math.max(0, now - startedAt);
    mind.learn({
      type: "changed",
      change: {
        type: "begin",
        session,
        basis,
        madeAt,
        isFailed: false,
        isAskedAgain: adoption !== undefined,
        mayBeWritten: false,
      },
    });
    // Nobody serves that one any more.
    if (earlier) revoke(earlier.session.tokenSet);
    await writer.persist();
    if (mind.known.ended.has(sessionId)) return giveUp(got);
    peers.post("changed", session);
    mind.learn({ type: "started", sessionId });
  }

  /** A sign-out came in between. */
  function giveUp(got: Life): never {
    revoke(got.tokenSet);
    throw error("closed");
  }

  async function signIn(credentials: never, signal: AbortSignal | undefined): Promise<void> {
    const since = signOuts;
    const { outcome, got } = await exchanges.run(async (io) => provider.signIn?.(credentials, io), {
      signal,
    });
    if (signal?.aborted && got) revoke(got.tokenSet);
    signal?.throwIfAborted();
    if (got) return start(got, since);
    throw refusalOf(outcome);
  }

  async function signOut(): Promise<void> {
    signOuts += 1;
    const { session, met, changes, found } = mind.known;
    const begin = changes.find((change) => change.type === "begin");
    const mayArrive = begin?.mayBeWritten ? begin.session.sessionId : undefined;
    const sessionIds = new Set(met);
    if (session) sessionIds.add(session.sessionId);
    if (found.session) sessionIds.add(found.session.sessionId);
    mind.learn({
      type: "changed",
      change: { type: "end", sessionIds, at: mind.moment(), mayArrive, isFailed: false },
    });
    await writer.persist();
    if (session) {
      // It was told with its record; what memory had beside it was not.
      if (session.sessionId !== released) peers.post("changed", session);
      revoke(session.tokenSet);
    }
    if (!isPersisted(mind.known)) throw error("store_unavailable");
  }

  /** Takes the server's time from a 401 of what is signed by the clock; says whether it is news. */
  function learnTime(date: number | undefined): boolean {
    const ahead = provider.renewal?.selfSigned ? skewOf(date, clock.now()) : undefined;
    if (ahead === undefined) return false;
    const before = skew ?? mind.known.session?.skew ?? 0;
    skew = ahead;
    return Math.abs(ahead - before) > SECOND;
  }

  function handOn(token: AccessToken): AccessToken {
    const { sessionId, generation } = token;
    if (!mind.known.isHandedOn) mind.learn({ type: "handed-on", sessionId, generation });
    return token;
  }

  if (refreshAhead) void look();

  return {
    getToken(given) {
      const need = own({ ...given });
      const ready = need.rejected ? undefined : mind.ready();
      const got = ready ?? callers.obtain(need, learnTime(need.date));
      if (!need.isHandedOn) return got;
      return ready ? handOn(ready) : Promise.resolve(got).then(handOn);
    },
    ready: mind.ready,
    passed(endpoint, { sessionId, generation }) {
      mind.learn({ type: "passed", sessionId, generation, endpoint });
    },
    state() {
      const { known, token } = mind;
      const here = needsSignIn(known, clock.now()) ? "sign-in-required" : "signed-in";
      // A store that has not answered is never taken for an empty one.
      const gone = known.isKnown ? "signed-out" : known.failures ? "unavailable" : "loading";
      const { session } = known;
      return { session, token, persisted: isPersisted(known), status: session ? here : gone };
    },
    look,
    wake() {
      mind.learn({ type: "woke" });
      return look();
    },
    async signIn(credentials, signal) {
      check(provider.signIn, "a provider with signIn, or call adopt()");
      if (isClosed) throw error("closed");
      await finishing(signIn(credentials, signal));
    },
    async adopt(tokens, adoption) {
      if (isClosed) throw error("closed");
      // Asked for once more, because an answer was lost: it was begun here, whatever came after it (F101).
      if (adoption && mind.known.met.has(adoption.sessionId)) return finishing(writer.persist());
      const got = exchanges.life({ ...adoptable(tokens), aged: true }, clock.now());
      await finishing(start(got, signOuts, adoption));
    },
    signOut: () => finishing(signOut()),
    async close() {
      isClosed = true;
      mind.close();
      // Its last word may still be a message to the others.
      if (underWay.size > 0) await Promise.allSettled(underWay);
      try {
        if (mind.known.changes.length > 0) await writer.persist();
      } finally {
        signs.keep(new Set());
        peers.close();
      }
    },
  };
}

/**
 * The shell around `decide.ts`: it reads, writes, waits and sends, and decides nothing. One engine
 * serves one account of one provider; several engines, in several tabs, hold together by the record.
 */
import { check, isVaultError, VaultError, type VaultErrorCode } from "../errors.ts";
import type { AccessToken, Session, TokenName, TokenNeed, VaultOptions } from "../types.ts";
import { randomId, systemClock } from "./clock.ts";
import { type Engine, type EngineEventType, type OnNews } from "./contract.ts";
import {
  CLAIM,
  decide,
  type Decision,
  EXCHANGE,
  isAsking,
  isCurrent,
  isServing,
  isStep,
  nextLook,
} from "./decide.ts";
import { createHint, createLimit, holdOpen, underLock } from "./waiting.ts";
import { createExchanges } from "./exchange.ts";
import { createLedger } from "./ledger.ts";
import { adoptable } from "../grant/adoptable.ts";
import { type Life, skewOf } from "../grant/lifetime.ts";
import { createPeers } from "./peers.ts";
import { toRecord } from "../guard/record.ts";
import { secureFetch } from "../guard/secure.ts";
import { begun, concluded, type Trouble } from "./transitions.ts";

export function createEngine(
  key: string,
  {
    provider,
    store,
    lock,
    channel,
    clock = systemClock,
    random = Math.random,
    fetch: fetch_ = (...request) => fetch(...request),
    online = () => true,
    patience = 20_000,
    maxStaleness = 60_000,
    refreshAhead,
    waitUntil,
    dangerouslyAllowLoopbackHttp,
  }: VaultOptions<never>,
  onNews: OnNews,
): Engine {
  const { renewal } = provider;
  const { now, running } = clock;
  const ledger = createLedger(store, key, onSession, (type) => emit(type));
  const peers = createPeers(channel, key, clock, ledger, look);
  const nap = createHint(clock, () => wake());
  const hint = createHint(clock, look);
  const stale = createHint(clock, () => void (viewUntil = 0));

  let view: AccessToken | undefined;
  let viewUntil = 0;
  let checkedAt = NaN;
  let checkedRunning = NaN;
  let step: Promise<void> | undefined;
  /** When the step has looked at the record: whoever only needs that need not wait for its end. */
  let seen: Promise<void>;
  let see!: () => void;
  /** How often the record has been looked at. */
  let looks = 0;
  let epoch = 0;
  let closed = false;
  /** Ends the pause of a step, because something has changed. */
  let wake = (): void => {};
  /** The access token that this context has refreshed last. */
  let gotHere: string | undefined;
  let status: number | undefined;
  let reason: Trouble["reason"];
  /** The sessions of which that was told. One that is in memory alone may give way to an earlier one. */
  const refused = new Set<string>();
  let rejectedHere: TokenName | undefined;
  /** An intent of our own that was not followed by a request. */
  let unsentId: string | undefined;
  /** The intent that stands, and since when this context has seen it. */
  let seenId: string | undefined;
  let seenAt = 0;
  let retries = 0;
  /** How far the server's clock is ahead, where this context has seen it. */
  let skew: number | undefined;

  function emit(type: EngineEventType, session: TokenName | undefined = ledger.session): void {
    onNews(type, session, status);
  }

  /** Once for each session that only a sign-in helps. */
  function tell(): void {
    const id = ledger.session?.sessionId;
    if (!id || refused.has(id)) return;
    refused.add(id);
    emit("refused");
  }

  /** A look that failed is a look too: a store that is out of reach is not asked at every call. */
  function checked(session: Session | undefined): void {
    if (closed) return;
    checkedAt = now();
    checkedRunning = running();
    const { refreshAt, tokenSet } = session ?? {};
    const end = Math.min(
      refreshAt ?? tokenSet?.expiresAt ?? Infinity,
      checkedAt + maxStaleness / 2,
    );
    viewUntil = judge(session) === "use" ? end : 0;
    // The same by running time, so that no step of the clock makes what was seen last longer.
    stale(maxStaleness / 2);
    retries = ledger.persisted ? 0 : retries + 1;
    if (retries) hint(CLAIM * 2 ** retries);
    else hint(session && refreshAhead ? nextLook(session, checkedAt) : undefined);
  }

  function onSession(session: Session | undefined, before: Session | undefined): void {
    checked(session);
    if (session) {
      const { sessionId, generation, intent } = session;
      const { accessToken } = session.tokenSet;
      const isSame = before?.sessionId === sessionId;
      // Not by generation alone: two contexts may both make the next one, and one is not written.
      if (!isCurrent(session, view) || view!.accessToken !== accessToken)
        view = { accessToken, sessionId, generation };
      if (seenId !== intent?.attemptId) {
        seenId = intent?.attemptId;
        seenAt = checkedRunning;
      }
      if (isSame && before!.generation < generation)
        emit(accessToken === gotHere ? "refreshed" : "adopted");
      if (session.refused) tell();
    } else {
      view = undefined;
      if (before) emit("signed-out", before);
    }
    wake();
    onNews();
  }

  const judge = (session: Session | undefined = ledger.session, unsent = unsentId): Decision =>
    decide(
      session,
      rejectedHere,
      renewal,
      now(),
      running() - seenAt,
      unsent,
      peers.areSilent(session),
      online(),
    );

  const { run: exchange, life } = createExchanges(
    provider,
    clock,
    random,
    secureFetch(fetch_, dangerouslyAllowLoopbackHttp),
    () => skew ?? ledger.session?.skew ?? 0,
  );

  /** Best effort: nobody waits for it, nothing depends on it (RFC 7009). */
  const revoke = ({ tokenSet }: Pick<Session, "tokenSet">): void =>
    provider.revoke &&
    holdOpen(
      exchange((io) => provider.revoke!(tokenSet, io)),
      waitUntil,
    );

  /** Steps 2 to 8 of the protocol: intent, fence, exchange, commit. */
  async function attempt(): Promise<void> {
    const before = ledger.session!;
    const begunAt = running();
    const next = begun(before, rejectedHere, randomId(), now(), unsentId);
    const { sessionId, material, tokenSet } = next;
    const intent = next.intent!;
    const unsent = unsentId;
    unsentId = intent.attemptId;
    if (!(await ledger.replace(next))) return;
    emit("refreshing");
    let asked;
    do {
      asked = running();
      if (!(await ledger.holds(next))) return;
      // Frozen while the store answered: others may have taken over since then.
    } while (running() - asked > CLAIM);
    // The same question once more, in the task in which it is acted upon: a reuse window may have
    // closed, or the store may have eaten the deadline, which is the intent's (F38).
    const left = EXCHANGE - (running() - begunAt);
    if (left <= CLAIM || !isStep(judge(before, unsent))) return;
    unsentId = undefined;
    const { refreshToken } = tokenSet;
    const [outcome, got] = await exchange(
      (io) => provider.renew!({ material, refreshToken }, io),
      undefined,
      left,
    );

    const at = now();
    const isOurs = (session: Session | undefined): boolean => session?.sessionId === sessionId;
    if (isOurs(ledger.session)) {
      gotHere = got?.tokenSet.accessToken;
      ({ status, reason } = outcome as Trouble);
      if (!got && outcome.type !== "refused") emit("trouble");
      const jitter = random();
      await ledger.persist((stored) => {
        const after = isOurs(stored)
          ? concluded(stored!, intent, outcome, got, at, jitter)
          : undefined;
        return after && toRecord(after);
      });
    }
    if (!got) return;
    // Persist, then tell. A session that has ended takes its late tokens along.
    if (isOurs(ledger.session)) peers.post("changed", next);
    else revoke(got);
  }

  /** Under the lock, if it can be had: looks again, and does what is then to be done. */
  async function act(): Promise<void> {
    for (;;) {
      await ledger.load();
      const decision = judge();
      if ((peers.attempting = isStep(decision))) return attempt();
      if (!isAsking(decision) || peers.claimed) return;
      await peers.ask(ledger.session!);
    }
  }

  async function run(): Promise<void> {
    peers.hush();
    try {
      await ledger.flush();
      await ledger.load();
      looks++;
      see();
      if (!/^use$|_/.test(judge())) await underLock(lock, key, clock, act);
      const decision = judge();
      if (isServing(decision) || /_/.test(decision)) return;
    } catch {
      // The ledger keeps the failure; whoever waits decides what it means to them.
      checked(ledger.session);
    } finally {
      peers.attempting = false;
    }
    // Jittered, so that waiters do not read in step.
    await new Promise<void>((resolve) => {
      wake = resolve;
      nap(100 + 400 * random());
    });
  }

  /** One pass, shared by everyone who needs one. It never rejects. */
  function advance(): Promise<void> {
    if (!step) {
      seen = new Promise((resolve) => (see = resolve));
      step = run().finally(() => {
        see();
        step = undefined;
      });
    }
    holdOpen(step, waitUntil);
    return step;
  }

  async function look(): Promise<void> {
    await step;
    if (!closed) await advance();
  }

  /** What a caller is told. The store's own sentence says what to do, where it has one. */
  function error(code: VaultErrorCode): unknown {
    const { session, trouble } = ledger;
    const wait = (session?.coolDown?.until ?? 0) - now();
    return code === "store_unavailable" && isVaultError(trouble)
      ? trouble
      : new VaultError(code, undefined, {
          status: /fai|ref|req/.test(code) ? status : undefined,
          retryAfter: wait > 0 ? Math.ceil(wait) : undefined,
          reason:
            code === "sign_in_required" && session?.refused
              ? "refresh_token_refused"
              : code === "refresh_failed"
                ? reason
                : undefined,
        });
  }

  /** The way of a caller that memory cannot serve at once. Its abort and its patience are its own. */
  async function obtain(need: TokenNeed): Promise<AccessToken> {
    const { rejected, signal } = need;
    const { stopped, end } = createLimit(clock, patience, signal, () =>
      error(ledger.failures ? "store_unavailable" : "refresh_failed"),
    );
    try {
      if (renewal?.selfSigned) skew = skewOf(need.date, now()) ?? skew;
      const since = looks;
      for (let looked = false; ; looked = true) {
        if (closed) throw error("closed");
        const earlier = rejectedHere;
        if (ledger.session && isCurrent(ledger.session, rejected)) rejectedHere = rejected;
        const decision = judge();
        // Nobody is served this one any more, though the record does not say so yet. It never says
        // so of a token that cannot be renewed: a static token is not lost by one 401.
        if (decision === "use") rejectedHere = earlier;
        else viewUntil = 0;
        const { failures } = ledger;
        const age = looked ? 0 : running() - checkedRunning;
        const serve = age <= maxStaleness && isServing(decision);
        if (serve && decision === "use" && age < maxStaleness / 2) return view!;
        if (!serve && looked && failures > 1) throw error("store_unavailable");
        // Only a look of one's own tells that nothing helps: others' reads clear the failures too.
        if (looks > since && !failures && /_/.test(decision)) {
          tell();
          throw error(decision as VaultErrorCode);
        }
        const pass = advance();
        holdOpen(pass, need.waitUntil);
        if (serve) return view!;
        await Promise.race([isServing(decision) ? seen : pass, stopped]);
      }
    } finally {
      end();
    }
  }

  async function start(got: Life, since: number): Promise<void> {
    const sessionId = randomId();
    if (since === epoch)
      await ledger.begin({ ...got, sessionId, generation: 1, revision: 1, attempt: 0 });
    if (since !== epoch) {
      revoke(got);
      throw error("closed");
    }
    peers.post("changed", { sessionId, generation: 1 });
    emit("signed-in");
  }

  if (refreshAhead) void look();

  return {
    getToken(need) {
      const time = now();
      return view && time >= checkedAt && time < viewUntil && !isCurrent(view, need?.rejected)
        ? view
        : obtain(need ?? {});
    },
    state() {
      const { session, persisted, known, failures } = ledger;
      const here = judge() === "sign_in_required" ? "sign-in-required" : "signed-in";
      // A store that has not answered is never taken for an empty one.
      const gone = known ? "signed-out" : failures ? "unavailable" : "loading";
      return { session, token: view, persisted, status: session ? here : gone };
    },
    look,
    async signIn(credentials, signal) {
      check(provider.signIn, "provider has no sign-in, call adopt()");
      if (closed) throw error("closed");
      const since = epoch;
      const [outcome, got] = await exchange((io) => provider.signIn!(credentials, io), signal);
      signal?.throwIfAborted();
      const facts = outcome as Trouble;
      const { error: cause } = facts;
      ({ status } = facts);
      if (outcome.type === "refused") throw error("credentials_refused");
      // What is wrong with the credentials is told by whoever looked at them; the rest is trouble.
      if (isVaultError(cause)) throw cause;
      if (!got) {
        const { retryAfter, reason } = facts;
        throw new VaultError("sign_in_failed", undefined, { status, retryAfter, reason });
      }
      await start(got, since);
    },
    async adopt(grant) {
      if (closed) throw error("closed");
      await start(life({ ...adoptable(grant), aged: true }, now()), epoch);
    },
    async signOut() {
      epoch++;
      const session = await ledger.end();
      if (session) {
        peers.post("changed", session);
        revoke(session);
      }
      if (!ledger.persisted) throw error("store_unavailable");
    },
    close() {
      closed = true;
      epoch++;
      viewUntil = 0;
      hint(undefined);
      stale(undefined);
      peers.close();
      wake();
    },
  };
}

/**
 * The engine of one account. It wires the parts that read, write, wait and send around the knowledge, and
 * decides nothing. Several engines, in several tabs, hold together by the record.
 */
import { check, type VaultErrorCode } from "../errors.ts";
import { own } from "../guard/json.ts";
import { createLimit } from "../guard/limit.ts";
import { secureFetch } from "../guard/secure.ts";
import { shelfIn } from "../guard/shelf.ts";
import type { AccessToken, Session, VaultOptions } from "../types.ts";
import { createAttempt } from "./attempt.ts";
import { createCallers, errorOf } from "./callers.ts";
import { systemClock } from "./clock.ts";
import type { Engine, EngineState, OnNews } from "./contract.ts";
import { createEnding } from "./ending.ts";
import { createExchanges } from "./exchange.ts";
import { createKeeper } from "./keeper.ts";
import { isPersisted, needsSignIn } from "./knowledge.ts";
import { holdOpen, underLock } from "./lock-and-timer.ts";
import { createMind, type Mind } from "./mind.ts";
import { createPass } from "./pass.ts";
import { createPeers } from "./peers.ts";
import { createRevoking } from "./revoking.ts";
import { createServerTime } from "./server-time.ts";
import { createSessions } from "./sessions.ts";
import { createSigns } from "./attempt-lock.ts";
import { FAREWELL } from "./timing.ts";
import { createWriter } from "./writer.ts";

/** Asks a function of the application's; where it throws, the answer is yes. */
function ask(question: (() => boolean) | undefined): boolean {
  try {
    return question?.() ?? true;
  } catch {
    return true;
  }
}

/** What an engine shows of its account. */
function stateOf({ known, token }: Mind, now: number): EngineState {
  const { session } = known;
  const here = needsSignIn(known, now) ? "sign-in-required" : "signed-in";
  // A store that has not answered is never taken for an empty one.
  const gone = known.isKnown ? "signed-out" : known.failures ? "unavailable" : "loading";
  return { session, token, persisted: isPersisted(known), status: session ? here : gone };
}

export function createEngine(key: string, options: VaultOptions<unknown>, onNews: OnNews): Engine {
  const { provider, store, lock, clock = systemClock, random = Math.random, waitUntil } = options;
  const { patience = 20_000, maxStaleness = 60_000, refreshAhead } = options;
  const ending = createEnding(clock);
  const { isClosed, isOver, finishing } = ending;
  let isAttempting = false;
  let step: Promise<unknown> | undefined;
  /** The session that was last ended in the store. */
  let released: string | undefined;

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
    look: () => void look(),
  });
  const keeper = createKeeper(store, key, { clock, isClosed });
  /** Jittered, so that waiting contexts do not read in step. It always fires: a sign-in may wait for it. */
  async function pause(): Promise<void> {
    const timer = clock.setTimeout(mind.wake, 100 + 400 * random());
    await mind.changed();
    clock.clearTimeout(timer);
  }
  const time = createServerTime(provider.renewal, { clock, mind });
  const exchanges = createExchanges({
    provider,
    context: own({ ...shelfIn(store, key), key, clock, isClosed }),
    random,
    send: secureFetch(
      options.fetch ?? ((...request) => fetch(...request)),
      options.dangerouslyAllowLoopbackHttp,
    ),
    ahead: time.ahead,
  });

  const announce = (session: Session): void => peers.post("changed", session);
  const { revoke, settled } = createRevoking({
    provider,
    mind,
    exchanges,
    hold: (work) => holdOpen(finishing(work), waitUntil),
    isClosed,
  });
  const writer = createWriter({
    mind,
    keeper,
    pause,
    isOver,
    release({ ended, dropped }) {
      for (const session of ended) {
        released = session.sessionId;
        announce(session);
      }
      for (const { tokenSet } of ended) void revoke(tokenSet, { isSignedOut: true });
      for (const tokenSet of dropped) void revoke(tokenSet);
    },
  });
  const signs = createSigns(lock, store, { clock, scope: keeper.scope });
  const pass = createPass({
    mind,
    writer,
    peers,
    signs,
    underLock: (task) => underLock({ lock, name: key, clock, ended: ending.signal }, task),
    attempt: createAttempt({
      provider,
      mind,
      keeper,
      writer,
      exchanges,
      signs,
      jitter: random,
      isClosed,
      arrived: peers.arrived,
      announce,
      revoke: (got) => void revoke(got.tokenSet),
    }),
    pause,
    isWaitedFor: () => callers.areThere(),
    isClosed,
    attempting(is) {
      isAttempting = is;
    },
  });

  /** One pass, shared by all callers that need one. It rejects only with the fault of a bug. */
  function advance(): Promise<unknown> {
    if (isClosed() && !step) return Promise.resolve();
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

  /** Callers are told of a fault; nobody waits for this promise. */
  async function look(): Promise<void> {
    await step;
    if (!isClosed()) await advance();
  }

  const callers = createCallers({ mind, clock, patience, advance, isClosed });

  const error = (code: VaultErrorCode): unknown =>
    errorOf(code, mind.known, { now: clock.now(), since: clock.running() });

  const sessions = createSessions({
    provider,
    mind,
    writer,
    exchanges,
    now: () => clock.now(),
    announce,
    isEndTold: ({ sessionId }) => sessionId === released,
    revoke,
    revoked: settled,
    async briefly(work) {
      const { stopped, end } = createLimit(clock, FAREWELL);
      await Promise.race([work, stopped]).catch(() => {});
      end();
    },
    error,
  });

  function handOn(token: AccessToken): AccessToken {
    const { sessionId, generation } = token;
    if (!mind.known.isHandedOn) {
      mind.learn({ type: "handed-on", sessionId, generation });
      peers.passed(token);
    }
    return token;
  }

  if (refreshAhead) void look();

  return {
    getToken(given) {
      const { rejected } = own({ ...given });
      const need = own({ ...given, ...(rejected && { rejected: own({ ...rejected }) }) });
      const ready = need.rejected ? undefined : mind.ready();
      const got = ready ?? callers.obtain(need, time.learn(need.date));
      if (!need.isHandedOn) return got;
      return ready ? handOn(ready) : Promise.resolve(got).then(handOn);
    },
    ready: mind.ready,
    passed(endpoint, name) {
      const { sessionId, generation } = name;
      try {
        mind.learn({ type: "passed", sessionId, generation, endpoint });
        peers.passed(name);
      } catch {
        // The call has its answer, which no bug of ours may take away: it would be sent again.
      }
    },
    state: () => stateOf(mind, clock.now()),
    look,
    wake() {
      mind.learn({ type: "woke" });
      return look();
    },
    async signIn(credentials, signal, earlier) {
      check(provider.signIn, "a provider with signIn, or call adopt()");
      if (isClosed()) throw error("closed");
      await finishing(sessions.signIn(credentials, signal, earlier));
    },
    async adopt(tokens, adoption) {
      if (isClosed()) throw error("closed");
      await finishing(sessions.adopt(tokens, adoption));
    },
    async signOut(untilRevoked) {
      if (isClosed()) throw error("closed");
      await finishing(sessions.signOut(untilRevoked));
    },
    async close() {
      ending.close();
      mind.close();
      try {
        const isLeft = (): boolean => mind.known.changes.length > 0;
        const rest = ending.finish({ isLeft, write: writer.persist, pause });
        if (rest) await rest;
      } finally {
        signs.keep(new Set());
        peers.close();
      }
    },
  };
}

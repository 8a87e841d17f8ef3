/**
 * Stands in front of an engine whose session may lie in a cookie. It looks for the cookie once, before anybody
 * is told that nobody is signed in, and pays a logout that the server has not heard of.
 */
import { isVaultError, VaultError } from "../errors.ts";
import { own } from "../guard/json.ts";
import { createLimit } from "../guard/limit.ts";
import { randomId } from "../guard/random.ts";
import type { AccessToken, Adoption, Grant, Surroundings, TokenNeed, Wrapped } from "../types.ts";
import type { Visit } from "./jar.ts";

/** What is to be done at the jar. It goes to `signIn` in the place of credentials. */
export class Errand {
  readonly task: "login" | "find" | "find quietly" | "pay" | "claim" | "bury";
  readonly credentials: unknown;
  /** When the context that asks was opened. */
  readonly since: number;
  /** A visit that ends only when the session which it has brought is stored. */
  visit: Visit | undefined;
  /** Why there is no grant, where that is no failure. */
  end: "kept" | "nothing" | undefined;

  constructor(task: Errand["task"], since: number, credentials?: unknown) {
    this.task = task;
    this.since = since;
    this.credentials = credentials;
  }
}

/** Between two tries to find a cookie, while somebody waits. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
/** A caller never asks again sooner. */
const SHORTEST_PAUSE = 100;

const isNobody = (status: string): boolean =>
  status === "signed-out" || status === "sign-in-required";

const isMissing = (error: unknown): boolean =>
  isVaultError(error) && (error.code === "no_session" || error.code === "sign_in_required");

/** What a caller is told whose session could not be looked for. */
function failureOf(error: VaultError): VaultError {
  const { status, reason, retryAfter } = error;
  return error.code === "sign_in_failed"
    ? new VaultError("refresh_failed", undefined, { status, reason, retryAfter })
    : error;
}

/** One thing after the other. Who is aborted leaves at once, and what was begun goes on. */
function createQueue(): <T>(task: () => Promise<T>, signal?: AbortSignal) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return async (task, signal) => {
    // Such a signal tells nobody any more.
    signal?.throwIfAborted();
    const turn = last.then(() => {
      signal?.throwIfAborted();
      return task();
    });
    last = turn.catch(() => {});
    if (!signal) return turn;
    let leave = (): void => {};
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason);
    });
    signal.addEventListener("abort", leave);
    try {
      return await Promise.race([turn, left]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  };
}

/** Asks a function of the application's; where it throws, the answer is yes. */
function isSo(question: (() => boolean) | undefined): boolean {
  try {
    return question?.() ?? true;
  } catch {
    return true;
  }
}

export function seeking<Source extends Wrapped>(engine: Source, given: Surroundings): Source {
  // What is put on `Object.prototype` later on is no option (S15).
  const around = own(given);
  const { clock, tell, refreshAhead, patience = 20_000 } = around;
  const since = clock.now();
  const inTurn = createQueue();
  let isSought = false;
  let isClosed = false;
  /** Why the last search has failed, and until when the next one waits; running time. */
  let trouble: { readonly error: VaultError; readonly pause: number; until: number } | undefined;
  let search: Promise<void> | undefined;
  /** How many callers wait for what is being looked for. */
  let waiting = 0;
  let adoptions = 0;

  async function carryOut(errand: Errand, signal?: AbortSignal, earlier?: Adoption): Promise<void> {
    try {
      await engine.signIn(errand, signal, earlier);
    } finally {
      await errand.visit?.leave();
      errand.visit = undefined;
    }
  }

  const run = (errand: Errand, signal?: AbortSignal, earlier?: Adoption): Promise<void> =>
    inTurn(() => carryOut(errand, signal, earlier), signal);

  /** An end that is no failure, or any other typed error, is nobody's trouble. */
  async function quietly(errand: Errand, work: Promise<void>): Promise<VaultError | undefined> {
    try {
      await work;
    } catch (error) {
      if (!isVaultError(error)) throw error;
      if (!errand.end) return error;
      if (errand.end === "kept") await engine.look();
    }
    return undefined;
  }

  function runQuietly(errand: Errand, earlier?: Adoption): Promise<VaultError | undefined> {
    return quietly(errand, run(errand, undefined, earlier));
  }

  async function find(): Promise<void> {
    const errand = new Errand("find quietly", since);
    const error = await runQuietly(errand, { sessionId: randomId(), startedAt: clock.now() });
    // Signed out, or closed, in between: nobody looks any more.
    if (!error || error.code === "closed") {
      isSought = true;
      trouble = undefined;
      return;
    }
    const pause = trouble ? Math.min(LONGEST_PAUSE, 2 * trouble.pause) : FIRST_PAUSE;
    const until = clock.running() + Math.max(pause, error.retryAfter ?? 0);
    trouble = { error, pause, until };
  }

  async function look(): Promise<void> {
    await engine.look();
    if (isSought || isClosed || clock.running() < (trouble?.until ?? -Infinity)) return;
    // In the background nothing is begun that may end half done; a caller's own event holds the runtime open.
    const isPossible = isSo(around.online) && isSo(around.isHeldOpen);
    if (!isPossible && waiting === 0) return;
    const { status } = engine.state();
    if (isNobody(status)) await find();
    else if (status === "signed-in") isSought = true;
  }

  /** One search for all who wait for it. */
  function seek(): Promise<void> {
    search ??= look().finally(() => {
      search = undefined;
      tell();
    });
    return search;
  }

  /** In the turn before any sign-in that comes later; an adoption, and other contexts, wait for no turn. */
  function bury(done: Promise<void>, untilRevoked: boolean | undefined): Promise<void> {
    const before = adoptions;
    const leftAt = clock.now();
    const turn = inTurn(async () => {
      await done;
      const errand = new Errand("bury", since);
      const error = await quietly(errand, carryOut(errand));
      if (!error || isClosed || adoptions !== before) return;
      // A session stands: one that was being found, or one that was begun after this sign-out (F41).
      await engine.look();
      const { startedAt = -Infinity } = engine.state().session ?? {};
      if (startedAt <= leftAt) await engine.signOut(untilRevoked);
    });
    turn.catch(() => {});
    return turn;
  }

  async function pay(): Promise<void> {
    if (engine.state().status === "signed-out") await runQuietly(new Errand("pay", since));
  }

  /** Seeks until a session is found or surely missing, or the caller's patience ends. */
  async function seekFor({ signal, waited = 0 }: TokenNeed): Promise<void> {
    const overdue = (): VaultError =>
      trouble
        ? failureOf(trouble.error)
        : new VaultError("refresh_failed", undefined, { reason: "timed_out" });
    const limit = createLimit(clock, Math.max(0, patience - waited), { by: signal, overdue });
    waiting += 1;
    try {
      for (;;) {
        await Promise.race([seek(), limit.stopped]);
        // A store that is out of reach is the engine's to tell.
        if (isSought || isClosed || !(trouble || isNobody(engine.state().status))) return;
        // That search was not for a caller.
        if (!trouble) continue;
        // No server is to be waited for.
        if (trouble.error.code === "store_unavailable") throw trouble.error;
        const left = trouble.until - clock.running();
        const rest = createLimit(clock, Math.max(SHORTEST_PAUSE, left));
        await Promise.race([rest.stopped.catch(() => {}), limit.stopped]).finally(rest.end);
      }
    } finally {
      waiting -= 1;
      limit.end();
    }
  }

  async function obtain(need: TokenNeed): Promise<AccessToken> {
    const begunAt = clock.running();
    try {
      return await engine.getToken(need);
    } catch (error) {
      if (isSought || !isMissing(error)) throw error;
    }
    await seekFor({ ...need, waited: (need.waited ?? 0) + clock.running() - begunAt });
    const waited = (need.waited ?? 0) + clock.running() - begunAt;
    return engine.getToken(own({ ...need, waited }));
  }

  if (refreshAhead) void seek();

  return own({
    ...engine,
    getToken: (need?: TokenNeed) => (isSought ? engine.getToken(need) : obtain(own({ ...need }))),
    state() {
      const state = engine.state();
      if (isSought || !isNobody(state.status)) return state;
      return own({ ...state, status: trouble ? "unavailable" : "loading" });
    },
    async look() {
      await seek();
      await pay();
    },
    async wake() {
      if (trouble) trouble.until = -Infinity;
      await engine.wake();
      if (!isSought) await seek();
      await pay();
    },
    async signIn(credentials: unknown, signal?: AbortSignal) {
      const errand = new Errand(credentials === undefined ? "find" : "login", since, credentials);
      try {
        await run(errand, signal);
      } catch (error) {
        if (errand.end !== "kept") throw error;
        await engine.look();
      }
      isSought = true;
      tell();
    },
    async adopt(tokens: Grant, adoption?: Adoption) {
      adoptions += 1;
      try {
        await engine.adopt(tokens, adoption);
      } catch (error) {
        adoptions -= 1;
        throw error;
      }
      isSought = true;
      // The session stands, whatever comes of this.
      await engine.signIn(new Errand("claim", since)).catch(() => {});
    },
    async signOut(untilRevoked?: boolean) {
      const { status } = engine.state();
      isSought = true;
      const done = engine.signOut(untilRevoked);
      // What another context is just finding ends too, and not what is begun here afterwards (F41).
      const buried = status === "signed-in" ? undefined : bury(done, untilRevoked);
      await done;
      if (!buried) return;
      await buried;
      void pay();
    },
    close() {
      isClosed = true;
      return engine.close();
    },
  });
}

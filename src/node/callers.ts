/**
 * Nothing is spent in the background where the process may end under it: a tool prints and exits. So a
 * refresh begins only while a call is under way, and a call that finds the soft time has come stays until
 * the refresh that it began is stored.
 */
import { deferred } from "../guard/deferred.ts";
import type { Engine } from "../refresh/contract.ts";
import { isRenewable } from "../refresh/decide.ts";
import type { Clock, Renewal } from "../types.ts";
import type { Vault } from "../vault/vault.ts";

export interface Callers {
  /** For the engine: whether somebody holds the process open. */
  isHeldOpen(): boolean;
  /** Whether a call still waits for its own answer. */
  areUnderWay(): boolean;
  /** For the engine: its work, while it is under way. */
  waitUntil(work: Promise<unknown>): void;
  /** Another process refreshes: no call has to stay for that. */
  dismiss(): void;
  /** The same vault, whose calls hold the process open. */
  holding<Credentials>(vault: Vault<Credentials>, parts: HeldParts): Vault<Credentials>;
}

/** What tells whether a refresh is due, or has begun. */
export interface HeldParts {
  readonly engine: Pick<Engine, "look" | "state">;
  readonly renewal: Renewal | undefined;
  readonly clock: Pick<Clock, "now">;
}

type Signal = AbortSignal | null | undefined;

/** The signal of a call, which ends its staying, too. As in `fetch`, `null` takes a Request's signal away. */
function signalOf(input: unknown, init: { readonly signal?: Signal } | undefined): Signal {
  const signal = init?.signal;
  return signal === undefined && input instanceof Request ? input.signal : signal;
}

/** Settles when the call is aborted; `end` lets go of the signal. */
function whenAborted(signal: Signal): { readonly aborted: Promise<void>; end(): void } {
  const { done, settle } = deferred();
  signal?.addEventListener("abort", settle);
  return { aborted: done, end: () => signal?.removeEventListener("abort", settle) };
}

/** Whether the token's soft time has come, something can renew it, and no back-off is under way. */
function isDue(engine: Pick<Engine, "state">, renewal: Renewal | undefined, now: number): boolean {
  const { session } = engine.state();
  if (!session || !isRenewable(session, renewal)) return false;
  const { refreshAt = Infinity, coolDown } = session;
  return now >= refreshAt && now >= (coolDown?.until ?? 0);
}

/** By its status: what another library's `fetch` answers is no `Response` of the platform's. */
const isUnauthorized = (answer: unknown): boolean =>
  typeof answer === "object" && answer !== null && Reflect.get(answer, "status") === 401;

export function createCallers(): Callers {
  /** The engine's work that is under way. */
  const passes = new Set<Promise<unknown>>();
  let calls = 0;
  let staying = 0;
  let dismissal = deferred();

  async function stay(engine: Pick<Engine, "look">, signal: Signal): Promise<void> {
    staying += 1;
    const { aborted, end } = whenAborted(signal);
    try {
      await Promise.race([engine.look(), dismissal.done, aborted]);
    } finally {
      staying -= 1;
      end();
    }
  }

  return {
    isHeldOpen: () => calls + staying > 0,
    areUnderWay: () => calls > 0,
    waitUntil(work) {
      const end = (): void => void passes.delete(work);
      passes.add(work);
      work.then(end, end);
    },
    dismiss() {
      dismissal.settle();
      dismissal = deferred();
    },
    holding(vault, { engine, renewal, clock }) {
      const mayRenew = (): boolean => {
        const { session } = engine.state();
        return !!session && isRenewable(session, renewal);
      };

      /** Runs a call, and stays until a refresh that it may have begun is stored. */
      async function held<T>(call: () => Promise<T>, signal: Signal): Promise<T> {
        calls += 1;
        let isRejected = false;
        try {
          const answer = await call();
          isRejected = isUnauthorized(answer);
          return answer;
        } finally {
          // A request that cannot be sent again has its 401 at once, and the refresh is for the next call.
          const hasBegun = isRejected && passes.size > 0 && mayRenew();
          // One of them at least, without a gap between the two.
          const isStaying = hasBegun || isDue(engine, renewal, clock.now());
          const stayed = isStaying && !signal?.aborted ? stay(engine, signal) : undefined;
          calls -= 1;
          // No turn more than needed (F92).
          if (stayed) await stayed.catch(() => {});
        }
      }

      /** What is aborted already begins nothing. */
      const hold = <T>(call: () => Promise<T>, signal: Signal): Promise<T> =>
        signal?.aborted ? call() : held(call, signal);

      return {
        ...vault,
        fetch: (input, init) => hold(() => vault.fetch(input, init), signalOf(input, init)),
        getToken: (options) => hold(() => vault.getToken(options), options?.signal),
        authorization: (options) => hold(() => vault.authorization(options), options?.signal),
      };
    },
  };
}

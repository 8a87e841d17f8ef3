/**
 * Nothing is spent in the background where the process may end under it: a tool prints and exits. So a
 * refresh begins only while a call is under way, and a call that finds the soft time has come stays until
 * the refresh that it began is stored.
 */
import { deferred } from "../guard/deferred.ts";
import type { Engine } from "../refresh/contract.ts";
import type { Clock } from "../types.ts";
import type { Vault } from "../vault/vault.ts";

export interface Callers {
  /** For the engine: whether somebody holds the process open. */
  isHeldOpen(): boolean;
  /** Whether a call still waits for its own answer. */
  areUnderWay(): boolean;
  /** Another process refreshes: no call has to stay for that. */
  dismiss(): void;
  /** The same vault, whose calls hold the process open. */
  holding<Credentials>(
    vault: Vault<Credentials>,
    engine: Engine,
    clock: Pick<Clock, "now">,
  ): Vault<Credentials>;
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

/** Whether the token's soft time has come, and no back-off is under way. */
function isDue(engine: Engine, now: number): boolean {
  const { session } = engine.state();
  if (!session || session.refused) return false;
  const { refreshAt = Infinity, coolDown } = session;
  return now >= refreshAt && now >= (coolDown?.until ?? 0);
}

export function createCallers(): Callers {
  let calls = 0;
  let staying = 0;
  let dismissal = deferred();

  async function stay(engine: Engine, signal: Signal): Promise<void> {
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
    dismiss() {
      dismissal.settle();
      dismissal = deferred();
    },
    holding(vault, engine, clock) {
      async function leave<T>(answer: Promise<T>, signal: Signal): Promise<T> {
        try {
          return await answer;
        } finally {
          // One of them at least, without a gap between the two.
          const isStaying = !signal?.aborted && isDue(engine, clock.now());
          const stayed = isStaying ? stay(engine, signal) : undefined;
          calls -= 1;
          await stayed?.catch(() => {});
        }
      }

      /** Runs a call. One that memory serves, with a token that is not due, gets its own promise back. */
      function hold<T>(call: () => Promise<T>, signal: Signal): Promise<T> {
        const isWarm = engine.ready?.() !== undefined;
        calls += 1;
        const answer = call();
        const left = leave(answer, signal);
        if (!isWarm) return left;
        left.catch(() => {});
        return answer;
      }

      return {
        ...vault,
        fetch: (input, init) => hold(() => vault.fetch(input, init), signalOf(input, init)),
        getToken: (options) => hold(() => vault.getToken(options), options?.signal),
        authorization: (options) => hold(() => vault.authorization(options), options?.signal),
      };
    },
  };
}

/** Exchanges with a provider: each ends by its hard deadline, and its grant is checked here. */
import { isVaultError, type VaultErrorReason } from "../errors.ts";
import { lifeOf } from "../grant/lifetime.ts";
import { type NarrowGrant, narrowGrant, narrowOutcome } from "../grant/outcome.ts";
import { own } from "../guard/json.ts";
import { createLimit } from "../guard/limit.ts";
import type { Exchange, ExchangeContext, Fetch, Grant, Outcome, Provider } from "../types.ts";
import { EXCHANGE, QUEUED_EXCHANGE, softTimeOf } from "./timing.ts";
import type { DatedGrant } from "./transitions.ts";

/** How an exchange ended, and its grant, if that can be used. */
export interface Ended {
  readonly outcome: Outcome;
  readonly got?: DatedGrant | undefined;
}

export interface ExchangeOptions {
  /** Ends the exchange before its deadline. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; fifteen seconds by default, a minute where exchanges wait for each other. */
  readonly deadline?: number;
  /** Goes on though its vault is closed, until its deadline. */
  readonly outlives?: boolean;
  /** Asked before each send; where it says no, nothing is sent and no reply comes. */
  readonly mayStillSend?: () => Promise<boolean>;
  /** Told of a grant that comes when the exchange has ended: not every provider hears its signal (P20). */
  readonly late?: (ended: Ended) => unknown;
}

export interface Exchanges {
  /** Asks the provider; an error that it throws is trouble. */
  run(ask: (exchange: Exchange) => Promise<unknown>, options?: ExchangeOptions): Promise<Ended>;
  /** Dates a grant by the start of the request that got it. */
  life(grant: Grant, startedAt: number): DatedGrant;
}

export interface ExchangeParts {
  readonly provider: Provider;
  readonly context: ExchangeContext;
  /** Jitter, from 0 to 1. */
  readonly random: () => number;
  /** The way to the token endpoint. */
  readonly send: Fetch;
  /** How many milliseconds the server's clock is ahead. */
  readonly ahead: () => number;
}

/** Each member is its own: a polluted prototype grants, refuses and delays nothing (S15). */
const ended = (outcome: Outcome, got?: DatedGrant): Ended => own({ outcome: own(outcome), got });

/** A way to the network, and why an exchange over it has come to nothing. */
interface Watched {
  readonly fetch: Fetch;
  readonly reasonOf: (error: unknown, isOver: boolean) => VaultErrorReason | undefined;
}

/** `mayWait`: the provider may have waited for another exchange all the time. */
function watched(way: Fetch, mayWait: boolean): Watched {
  let hasAsked = mayWait;
  let isLost = false;
  return {
    fetch(input, init) {
      hasAsked = true;
      const reply = way(input, init);
      // Beside what the provider does with the reply, in the same turn.
      Promise.resolve(reply).catch(() => {
        isLost = true;
      });
      return reply;
    },
    reasonOf(error, isOver) {
      if (isOver) return hasAsked ? "timed_out" : "provider_failed";
      if (isVaultError(error)) return error.reason;
      return isLost ? "no_connection" : "provider_failed";
    },
  };
}

export function createExchanges({
  provider,
  context,
  random,
  send,
  ahead,
}: ExchangeParts): Exchanges {
  const { renewal } = provider;
  const { clock } = context;
  const longest = provider.wrap ? QUEUED_EXCHANGE : EXCHANGE;
  const lasting = own<ExchangeContext>({ ...context, isClosed: () => false });

  /** Whether the grant's refresh token cannot be kept, and the one before it is spent. */
  const isLost = ({ isRefreshTokenLost }: NarrowGrant): true | undefined =>
    isRefreshTokenLost && renewal?.rotation === "strict" ? true : undefined;

  function life(grant: NarrowGrant, issuedAt: number, skew = ahead()): DatedGrant {
    const one = lifeOf(grant, { issuedAt, assumed: renewal?.assumedLifetime });
    const { expiresAt } = one.tokenSet;
    const refreshAt = expiresAt && softTimeOf(issuedAt, expiresAt - issuedAt, random());
    return { ...one, refreshAt, skew, refreshTokenLost: isLost(grant) };
  }

  /**
   * The fence stands right above the network, because a mechanism may sign or look something up first. A
   * mechanism that comes when its exchange is over sends nothing: nobody would hear the reply.
   */
  const fenced =
    (signal: AbortSignal, mayStillSend: () => Promise<boolean>): Fetch =>
    async (input, init) => {
      const may = !signal.aborted && (await mayStillSend());
      if (!may || signal.aborted) throw new Error("This exchange has been overtaken");
      return send(input, init);
    };

  return {
    life,
    async run(ask, options) {
      const { signal: by, deadline = longest, mayStillSend, late, outlives } = own({ ...options });
      const startedAt = clock.now();
      // Kept for the whole exchange: a session tells by which time its token was signed.
      const skew = ahead();
      const now = (): number => clock.now() + skew;
      const { signal, stopped, end } = createLimit(clock, deadline, { by });
      const way = mayStillSend ? fenced(signal, mayStillSend) : send;
      const { fetch, reasonOf } = watched(way, !!provider.wrap);
      function read(answer: unknown): Ended {
        const outcome = narrowOutcome(answer);
        if (!outcome) throw new TypeError("The provider gave no outcome");
        if (outcome.type !== "granted") return ended(outcome);
        const grant = narrowGrant(outcome.grant);
        return typeof grant === "object"
          ? ended(outcome, life(grant, startedAt, skew))
          : ended({ type: "trouble", reason: grant });
      }
      const asked = ask({ signal, fetch, now, context: outlives ? lasting : context });
      try {
        return read(await Promise.race([asked, stopped]));
      } catch (error) {
        // Where exchanges wait for each other, the next one may have followed already.
        if (signal.aborted && late && !provider.wrap)
          asked
            .then(read)
            .then((one) => one.got && late(one))
            .catch(() => {});
        return ended({ type: "trouble", error, reason: reasonOf(error, signal.aborted) });
      } finally {
        end();
      }
    },
  };
}

/** Exchanges with a provider: each ends by its hard deadline, and what it brings is judged here. */
import { type Life, lifeOf } from "../grant/lifetime.ts";
import { isSound } from "../guard/syntax.ts";
import type { Clock, Exchange, Grant, Outcome, Provider } from "../types.ts";
import { EXCHANGE } from "./timing.ts";
import { createLimit } from "./waiting.ts";

/** How an exchange ended, and what it has brought, if that can be used. */
export interface Ended {
  readonly outcome: Outcome;
  readonly got?: Life;
}

export interface ExchangeOptions {
  /** Ends it before its deadline. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; fifteen seconds by default. */
  readonly deadline?: number;
  /** Asked before each send; a send that may not be is no reply. */
  readonly mayStillSend?: () => Promise<boolean>;
}

export interface Exchanges {
  /** Whatever is thrown is trouble. */
  run(ask: (exchange: Exchange) => Promise<unknown>, options?: ExchangeOptions): Promise<Ended>;
  /** What a grant is worth that came in reply to what was asked then. */
  life(grant: Grant, startedAt: number): Life;
}

export interface ExchangeParts {
  readonly provider: Provider<never>;
  readonly clock: Clock;
  /** Jitter, from 0 to 1. */
  readonly random: () => number;
  /** The way to the token endpoint. */
  readonly send: typeof fetch;
  /** How far the server's clock is ahead, in milliseconds. */
  readonly ahead: () => number;
}

export function createExchanges({
  provider,
  clock,
  random,
  send,
  ahead,
}: ExchangeParts): Exchanges {
  const { renewal, scheme } = provider;
  const now = (): number => clock.now() + ahead();

  const life = (grant: Grant, startedAt: number): Life => ({
    ...lifeOf(grant, startedAt, random(), renewal?.assumedLifetime),
    skew: ahead(),
  });

  /** The fence stands right above the network: a mechanism may sign or look something up first. */
  const fenced =
    (mayStillSend: () => Promise<boolean>): typeof fetch =>
    async (input, init) => {
      if (!(await mayStillSend())) throw new Error("This exchange has been overtaken");
      return send(input, init);
    };

  return {
    life,
    async run(ask, { signal: by, deadline = EXCHANGE, mayStillSend } = {}) {
      const startedAt = clock.now();
      const { signal, stopped, end } = createLimit(clock, deadline, by);
      try {
        const fetch = mayStillSend ? fenced(mayStillSend) : send;
        const answer = await Promise.race([ask({ signal, fetch, now }), stopped]);
        const outcome = answer as Outcome;
        // No answer at all throws here.
        return outcome.type === "granted" && isSound(outcome.grant, scheme)
          ? { outcome, got: life(outcome.grant, startedAt) }
          : { outcome };
      } catch (error) {
        return { outcome: { type: "trouble", error } };
      } finally {
        end();
      }
    },
  };
}

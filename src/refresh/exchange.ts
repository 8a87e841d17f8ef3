/** Exchanges with a provider: each ends by its hard deadline, and what it brings is judged here. */
import { isVaultError } from "../errors.ts";
import type { Clock, Exchange, Grant, Outcome, Provider } from "../types.ts";
import { EXCHANGE } from "./decide.ts";
import { type Life, lifeOf } from "../grant/lifetime.ts";
import { narrowGrant } from "../grant/outcome.ts";
import { createLimit } from "./waiting.ts";

export interface Exchanges {
  /** The outcome, and what it has brought, if that can be used. Whatever is thrown is trouble. */
  run(
    ask: (exchange: Exchange) => Promise<unknown>,
    by?: AbortSignal,
    deadline?: number,
  ): Promise<readonly [outcome: Outcome, got?: Life]>;
  /** What a grant is worth that came in reply to what was asked then. */
  life(grant: Grant, startedAt: number): Life;
}

/** `send` is the way to the token endpoint; `ahead` is how far the server's clock is ahead, in milliseconds. */
export function createExchanges(
  { renewal }: Provider<never>,
  clock: Clock,
  random: () => number,
  send: typeof fetch,
  ahead: () => number,
): Exchanges {
  const now = (): number => clock.now() + ahead();

  const life = (grant: Grant, startedAt: number): Life => ({
    ...lifeOf(grant, startedAt, random(), renewal?.assumedLifetime),
    skew: ahead(),
  });

  return {
    life,
    async run(ask, by, deadline = EXCHANGE) {
      const startedAt = clock.now();
      const { signal, stopped, end } = createLimit(clock, deadline, by);
      try {
        const answer = await Promise.race([ask({ signal, fetch: send, now }), stopped]);
        const outcome = answer as Outcome;
        // No answer at all throws here.
        if (outcome.type !== "granted") return [outcome];
        const grant = narrowGrant(outcome.grant);
        return typeof grant === "object"
          ? [outcome, life(grant, startedAt)]
          : [{ type: "trouble", reason: grant }];
      } catch (error) {
        const reason = isVaultError(error) ? error.reason : undefined;
        return [{ type: "trouble", error, reason: signal.aborted ? "timed_out" : reason }];
      } finally {
        end();
      }
    },
  };
}

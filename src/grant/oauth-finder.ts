/** Finds an OAuth server, and its keys, before anything is spent there. */
import { isVaultError, VaultError } from "../errors.ts";
import { own } from "../guard/json.ts";
import { createLimit } from "../guard/limit.ts";
import type { Exchange, Outcome } from "../types.ts";
import type { LookUp, LookUpFlaw } from "./oauth.ts";

/** A failure before there was a reply. A typed error is the fence's or the URL check's own. */
export function lost(error: unknown, { signal }: Exchange): Extract<Outcome, { type: "trouble" }> {
  const reason = signal.aborted ? "timed_out" : "no_connection";
  if (!isVaultError(error)) return own({ type: "trouble", reason } as const);
  return own({ type: "trouble", error, reason: error.reason } as const);
}

/** In milliseconds: a third of an exchange, and two thirds of it. */
const BRIEF = 5_000;
export const PATIENT = 10_000;

/**
 * Asks for something beside an exchange's one request, within a part of its time. A look-up that hung would take
 * the request's own, and at the exchange's deadline nobody would hear that nothing was spent.
 */
export async function briefly<T>(
  exchange: Exchange,
  ask: (exchange: Exchange) => Promise<T>,
  ms: number = BRIEF,
): Promise<T> {
  const clock = exchange.context?.clock;
  if (!clock) return ask(exchange);
  const overdue = (): Error => new VaultError("sign_in_failed", undefined, { reason: "timed_out" });
  const { signal, stopped, end } = createLimit(clock, ms, { by: exchange.signal, overdue });
  try {
    return await Promise.race([ask(own({ ...exchange, signal })), stopped]);
  } finally {
    end();
  }
}

/** Goes on with what is looked up, or says what came in between. Then nothing was spent. */
export async function withFound<T extends object>(
  exchange: Exchange,
  lookUp: LookUp<T>,
  then: (found: T) => Promise<Outcome>,
): Promise<Outcome> {
  let found: T | LookUpFlaw;
  try {
    found = await lookUp(exchange);
  } catch (error) {
    return { ...lost(error, exchange), unprocessed: true };
  }
  if (!("flaw" in found)) return then(found);
  const { flaw: reason, status, retryAfter } = own(found);
  return own({ type: "trouble", unprocessed: true, reason, status, retryAfter } as const);
}

/** Finds an OAuth server before anything is spent there. */
import { isVaultError, VaultError } from "../errors.ts";
import { own } from "../guard/json.ts";
import { createLimit } from "../guard/limit.ts";
import type { Exchange, Outcome } from "../types.ts";
import { createLookUp, type LookUpFlaw, type OAuthClient, type OAuthServer } from "./oauth.ts";

/** A failure before there was a reply. A typed error is the fence's or the URL check's own. */
export function lost(error: unknown, { signal }: Exchange): Extract<Outcome, { type: "trouble" }> {
  const reason = signal.aborted ? "timed_out" : "no_connection";
  if (!isVaultError(error)) return own({ type: "trouble", reason } as const);
  return own({ type: "trouble", error, reason: error.reason } as const);
}

/** In milliseconds: a third of an exchange. */
const BRIEF = 5_000;

/**
 * A look-up beside the exchange's one request. One that hangs ends early: at the exchange's own deadline nobody
 * would hear that nothing was spent, nor would there be time to revoke what was granted.
 */
export async function briefly<T>(
  exchange: Exchange,
  lookUp: (exchange: Exchange) => Promise<T>,
): Promise<T> {
  const clock = exchange.context?.clock;
  if (!clock) return lookUp(exchange);
  const overdue = (): Error => new VaultError("sign_in_failed", undefined, { reason: "timed_out" });
  const { signal, stopped, end } = createLimit(clock, BRIEF, { by: exchange.signal, overdue });
  try {
    return await Promise.race([lookUp(own({ ...exchange, signal })), stopped]);
  } finally {
    end();
  }
}

/** Goes on with the server, or says what came in between. Where the server is not found, nothing was spent. */
export type WithServer = (
  exchange: Exchange,
  then: (server: OAuthServer) => Promise<Outcome>,
) => Promise<Outcome>;

export function createFinder(client: OAuthClient): WithServer {
  const lookUp = createLookUp(client);
  return async (exchange, then) => {
    let server: OAuthServer | LookUpFlaw;
    try {
      server = await briefly(exchange, lookUp);
    } catch (error) {
      return { ...lost(error, exchange), unprocessed: true };
    }
    if (!("flaw" in server)) return then(server);
    const { flaw: reason, status, retryAfter } = server;
    return own({ type: "trouble", unprocessed: true, reason, status, retryAfter } as const);
  };
}

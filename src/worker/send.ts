/**
 * `vault.fetch` in a page that has no engine. It takes the same steps on a `Request`, which browsers have in
 * full. The owner of the tokens judges where they may go.
 */
import type { Answer, VaultFetch, VaultRequestInit } from "../request/contract.ts";
import { AUTHORIZATION } from "../request/presentation.ts";
import { dateOf, isHealable, isNewer, release, seen } from "../request/unauthorized.ts";
import type { Fetch, TokenName } from "../types.ts";
import { keep, type Kept, requestOf, saidOf } from "./keep.ts";
import { readWireError } from "./narrow.ts";
import { createPassed } from "./passed.ts";
import { refusal } from "./refusal.ts";

/** A token on its way into a request. */
export interface Ticket extends TokenName {
  /** The name of the header that shows the token, in lower case. */
  readonly header: string;
  /** The header's whole value. */
  readonly authorization: string;
  /** The error after another 401, if the 401 before showed no time by which the token could be signed. */
  readonly clockError?: unknown;
}

/** The question for a ticket; it crosses to the worker as JSON. */
export interface TicketNeed extends Partial<TokenName> {
  readonly url: string;
  readonly method: string;
  /** The names of the request's headers: one that would show the token wins (S6). */
  readonly headers?: readonly string[];
  /** The `Date` of the 401, in milliseconds. */
  readonly date?: number;
  /** The last generation of that session that the endpoint let through. */
  readonly passed?: number | undefined;
  /** How many milliseconds the call has waited before. */
  readonly waited?: number;
}

export interface SendOptions {
  /** Resolves with `undefined` where no token may go. */
  readonly getTicket: (
    need: TicketNeed,
    signal?: AbortSignal | undefined,
  ) => Promise<Ticket | undefined>;
  readonly onRetry: (ticket: Ticket) => void;
  readonly maxReplayBytes?: number | undefined;
}

/** Its event may have ended: that is no reason to fail. */
function hold(waitUntil: VaultRequestInit["waitUntil"], work: Promise<unknown>): void {
  work.catch(() => {});
  try {
    waitUntil?.(work);
  } catch {}
}

export function createSend({ getTicket, onRetry, maxReplayBytes }: SendOptions): VaultFetch {
  const passed = createPassed();

  async function go(request: Request, ticket: Ticket, send: Fetch): Promise<Answer> {
    const { url, method, redirect } = request;
    const { header, authorization } = ticket;
    request.headers.set(header, authorization);
    // A browser takes no other header off on the way to another origin (S2).
    const mayLeak = header !== AUTHORIZATION && redirect === "follow";
    const sent = mayLeak ? requestOf(request, { redirect: "error" }) : request;
    const answer = seen(await send(sent), url, method);
    passed.note(answer, ticket, request);
    return answer;
  }

  async function settle(
    { first, isKept, again }: Kept,
    send: Fetch,
    waitUntil: VaultRequestInit["waitUntil"],
  ): Promise<Response> {
    const { url, method, headers, signal } = first;
    const need = { url, method, headers: [...headers.keys()] };
    const since = performance.now();
    const ticket = await getTicket(need, signal);
    if (!ticket) return send(first);
    const waited = performance.now() - since;
    const answer = await go(first, ticket, send);
    const { response } = answer;
    if (!isHealable(answer)) return response;

    const { sessionId, generation } = ticket;
    const rejected = {
      ...need,
      sessionId,
      generation,
      waited,
      date: dateOf(response),
      passed: passed.last(ticket, need),
    };
    const isAgain = answer.isRepeatable && (await isKept());
    const asked = getTicket(rejected, isAgain ? signal : undefined);
    hold(waitUntil, asked);
    // Renewed for the next call.
    if (!isAgain) return response;
    const newer = await asked.catch((error: unknown) => {
      release(response);
      throw error;
    });
    let end = answer;
    if (newer && isNewer(newer, ticket) && newer.authorization !== ticket.authorization) {
      release(response);
      onRetry(newer);
      end = await go(again(), newer, send);
    }
    if (newer?.clockError && isHealable(end)) throw refusal(readWireError(newer.clockError));
    return end.response;
  }

  return (input, init) => {
    try {
      const given = init ?? {};
      const send = (saidOf(given, "fetch") ?? fetch) as Fetch;
      const kept = keep(input, given, maxReplayBytes);
      const { mode, signal } = kept.first;
      // What is aborted already `fetch` says so of itself.
      if (mode === "navigate" || mode === "no-cors" || signal.aborted) return send(kept.first);
      return settle(kept, send, saidOf(given, "waitUntil") as VaultRequestInit["waitUntil"]);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

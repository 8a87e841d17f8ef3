/**
 * `vault.fetch` in a page that has no engine. The page takes the same steps on a `Request`, which browsers have in
 * full. The owner of the tokens judges where a token may go.
 */
import { own } from "../guard/json.ts";
import type { Answer, VaultFetch, VaultRequestInit } from "../request/contract.ts";
import { AUTHORIZATION } from "../request/presentation.ts";
import { answerIn, dateOf, isHealable, isNewer, release } from "../request/retryable.ts";
import type { Fetch } from "../types.ts";
import { keep, type Kept, requestOf, saidOf } from "./keep.ts";
import { readWireError } from "./narrow.ts";
import { createPassed, type Passed } from "./passed.ts";
import type { Ticket, TicketNeed } from "./protocol.ts";
import { refusal } from "./refusal.ts";

export interface SendOptions {
  /** Resolves with `undefined` where no token may go. */
  readonly getTicket: (
    need: TicketNeed,
    signal?: AbortSignal | undefined,
  ) => Promise<Ticket | undefined>;
  /** The session that the page knows now. */
  readonly session: () => string | undefined;
  readonly onRetry: (ticket: Ticket) => void;
  readonly maxReplayBytes?: number | undefined;
}

/** Holds the runtime open. An event that has ended throws, which is no reason to fail. */
function hold(waitUntil: VaultRequestInit["waitUntil"], work: Promise<unknown>): void {
  work.catch(() => {});
  try {
    waitUntil?.(work);
  } catch {}
}

/**
 * Firefox 153 takes `keepalive` from an init and not from a `Request`: without this a page that is left would take
 * the request along. Beside an init `fetch` forgets the `Request`'s referrer.
 */
const initOf = ({ keepalive, referrer, referrerPolicy }: Request): RequestInit | undefined =>
  keepalive ? own({ keepalive, referrer, referrerPolicy }) : undefined;

/** Sends a request with a ticket, and notes whether its endpoint took the token. */
const createGo =
  (passed: Passed) =>
  async (request: Request, ticket: Ticket, send: Fetch): Promise<Answer> => {
    const { url, method, redirect } = request;
    const { header, authorization } = ticket;
    request.headers.set(header, authorization);
    // A browser takes no other header off on the way to another origin (S2).
    const mayLeak = header !== AUTHORIZATION && redirect === "follow";
    const sent = mayLeak ? requestOf(request, { redirect: "error" }) : request;
    const answer = answerIn(await send(sent, initOf(sent)), url, method);
    // By URL and method from before the send: code that was given the request may have changed both.
    passed.note(answer, ticket, { url, method });
    return answer;
  };

type Settle = (
  kept: Kept,
  send: Fetch,
  waitUntil: VaultRequestInit["waitUntil"],
) => Promise<Response>;

/** A kept call with its ticket, and once more after a 401 that a newer ticket may heal. */
function createSettle({ getTicket, session, onRetry }: SendOptions): Settle {
  const passed = createPassed();
  const go = createGo(passed);

  return async ({ first, isKept, again }, send, waitUntil) => {
    const { url, method, headers, signal } = first;
    const need = { url, method, headers: [...headers.keys()] };
    const since = performance.now();
    const ticket = await getTicket({ ...need, begunIn: session() }, signal);
    if (!ticket) return send(first, initOf(first));
    const waited = performance.now() - since;
    const answer = await go(first, ticket, send);
    const { response } = answer;
    if (!isHealable(answer)) return response;

    const { sessionId, generation } = ticket;
    const told = { waited, date: dateOf(response), passed: passed.last(ticket, need) };
    const isAgain = answer.isRepeatable && (await isKept());
    const rejected = { ...need, sessionId, generation, ...told };
    const asked = getTicket(rejected, isAgain ? signal : undefined);
    hold(waitUntil, asked);
    // The token is renewed for the next call.
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
  };
}

export function createSend(options: SendOptions): VaultFetch {
  const settle = createSettle(options);

  return (input, init) => {
    try {
      const given = init ?? {};
      const send = (saidOf(given, "fetch") ?? fetch) as Fetch;
      const kept = keep(input, given, options.maxReplayBytes);
      const { url, mode, signal } = kept.first;
      // No token goes into `data:` or `blob:`, which may be longer than any question. And `fetch` itself rejects
      // a call that is aborted already.
      if (!url.startsWith("http") || mode === "navigate" || mode === "no-cors" || signal.aborted)
        return send(kept.first, initOf(kept.first));
      return settle(kept, send, saidOf(given, "waitUntil") as VaultRequestInit["waitUntil"]);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/**
 * `vault.fetch` in a page that has no engine: by the same steps, on `Request`, which only browsers have
 * whole. The owner of the tokens judges where they may go.
 */
import { keepBody } from "../request/body.ts";
import type { Answer, Given, KeptBody, VaultFetch } from "../request/contract.ts";
import { keepReferrer, readInit, saidBy } from "../request/init.ts";
import { initFor } from "../request/send.ts";
import { dateOf, isHealable, isNewer, isPassed, release, seen } from "../request/unauthorized.ts";
import type { TokenName } from "../types.ts";

/** A token on its way into a request. */
export interface Ticket extends TokenName {
  /** The whole header value. */
  readonly authorization: string;
  /** What another 401 means, if the one before showed no time by which the token could be signed. */
  readonly clockError?: unknown;
}

/** What a ticket is asked for with; it crosses to the worker as JSON. */
export interface TicketNeed extends Partial<TokenName> {
  readonly url: string;
  readonly method: string;
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
  readonly fail: (said: unknown) => never;
  readonly maxReplayBytes?: number | undefined;
}

/** How many endpoints are remembered that let a token through. */
const MOST_PASSED = 256;

export function createSend({ getTicket, onRetry, fail, maxReplayBytes }: SendOptions): VaultFetch {
  const passed = new Map<string, TokenName>();

  async function settle(request: Request, given: Given, body: KeptBody): Promise<Response> {
    const { url, method, signal, redirect } = request;
    const { waitUntil, fetch: send = fetch } = given;
    // Whoever sends may change what it is given: the second send is made from these alone (F68).
    const headers = new Headers(request.headers);
    const said = Object.assign(saidBy(request), given);
    const endpoint = method + url.replace(/[?#].*/, "");

    async function go(sent: Request, ticket: Ticket): Promise<Answer> {
      sent.headers.set("authorization", ticket.authorization);
      const answer = seen(await send(sent), url, method);
      if (isPassed(answer)) {
        if (passed.size >= MOST_PASSED) passed.clear();
        passed.set(endpoint, ticket);
      }
      return answer;
    }

    const since = performance.now();
    const ticket = await getTicket({ url, method }, signal);
    if (!ticket) return send(request);
    const waited = performance.now() - since;
    const answer = await go(request, ticket);
    const { response } = answer;
    if (!isHealable(answer)) return response;

    const { sessionId, generation } = ticket;
    const last = passed.get(endpoint);
    const need: TicketNeed = {
      url,
      method,
      sessionId,
      generation,
      waited,
      date: dateOf(response),
      passed: last?.sessionId === sessionId ? last.generation : undefined,
    };
    const isAgain = answer.isRepeatable && (await body.isKept());
    const renewed = getTicket(need, isAgain ? signal : undefined);
    waitUntil?.(renewed);
    if (!isAgain) {
      // The call after this one will find a fresh token.
      renewed.catch(() => {});
      return response;
    }
    const newer = await renewed.catch((error) => {
      // The call's patience is over, in the second of its waits (F51).
      if (error.code === "refresh_failed") return undefined;
      release(response);
      throw error;
    });
    let end = answer;
    if (newer && isNewer(newer, ticket) && newer.authorization !== ticket.authorization) {
      release(response);
      onRetry(newer);
      const again = initFor(said, { method, headers, redirect, body: body.again() });
      end = await go(new Request(url, again), newer);
    }
    if (newer?.clockError && isHealable(end)) fail(newer.clockError);
    return end.response;
  }

  return (input, init) => {
    try {
      let given = readInit(init);
      if (input instanceof Request) given = keepReferrer(given, input);
      let body = given.body == null ? undefined : keepBody(given.body, undefined);
      if (typeof given.body === "function") given.duplex = "half";
      // From here on nobody else can change it.
      const own = body ? Object.assign(given, { body: body.first }) : given;
      const request = new Request(input, own as RequestInit);
      const { mode, headers, signal } = request;
      const { fetch: send = fetch } = given;
      // Of the modes, `navigate` and `no-cors`. What is aborted already `fetch` says so of itself.
      if (mode[0] === "n" || headers.has("authorization") || signal.aborted) return send(request);
      body ??= keepBody(undefined, request, maxReplayBytes);
      return settle(request, given, body);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

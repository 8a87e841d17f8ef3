/**
 * `vault.fetch` in a page that has no engine: by the same steps, on `Request`, which only browsers have
 * whole. The owner of the tokens judges where they may go.
 */
import { keepBody } from "../request/body.ts";
import type {
  Answer,
  Given,
  KeptBody,
  SentInit,
  VaultFetch,
  VaultRequestInit,
} from "../request/contract.ts";
import { readInit, saidBy, says } from "../request/init.ts";
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

/** What is kept of a request for a second send: whoever sends the first may change it (F68). */
function keepHead(request: Request, given: Given): SentInit {
  const { method, redirect } = request;
  const headers = new Headers(request.headers);
  // A form has other boundaries each time it is sent.
  const { body } = given;
  const isForm = typeof body === "object" && !!body && "getAll" in body && says(body, "getAll");
  if (isForm && /^multipart.*boundary=/.test(headers.get("content-type") ?? ""))
    headers.delete("content-type");
  // No prototype: what somebody put there is not ours to send (S15).
  return Object.assign(Object.create(null), saidBy(request), given, { method, redirect, headers });
}

/** What to send again with; `undefined` where the 401 is the answer. */
async function renew(
  asked: Promise<Ticket | undefined>,
  response: Response,
): Promise<Ticket | undefined> {
  try {
    return await asked;
  } catch (error) {
    // The call's patience is over, in the second of its waits (F51).
    const { code } = Object(error) as { code?: unknown };
    if (code === "refresh_failed") return undefined;
    release(response);
    throw error;
  }
}

/** A call as a page keeps it: from here on nobody else can change it. */
function makeCall(
  input: string | URL | Request,
  init: VaultRequestInit | undefined,
): { request: Request; given: Given; body: KeptBody | undefined } {
  const given = readInit(init, input instanceof Request ? input : undefined);
  const body = given.body == null ? undefined : keepBody(given.body, undefined);
  if (typeof given.body === "function") given.duplex = "half";
  if (body) given.body = body.first;
  return { request: new Request(input, given as RequestInit), given, body };
}

export function createSend({ getTicket, onRetry, fail, maxReplayBytes }: SendOptions): VaultFetch {
  /** Which generation an endpoint has let through last. */
  const passed = new Map<string, TokenName>();
  const endpointOf = ({ url, method }: Request): string => method + url.replace(/[?#].*/, "");

  async function go(request: Request, ticket: Ticket, send = fetch): Promise<Answer> {
    request.headers.set("authorization", ticket.authorization);
    const { url, method } = request;
    const endpoint = endpointOf(request);
    const answer = seen(await send(request), url, method);
    if (isPassed(answer)) {
      if (passed.size >= MOST_PASSED) passed.clear();
      passed.set(endpoint, ticket);
    }
    return answer;
  }

  async function settle(request: Request, given: Given, body: KeptBody): Promise<Response> {
    const { url, method, signal } = request;
    const { waitUntil, fetch: send = fetch } = given;
    const kept = keepHead(request, given);
    const since = performance.now();
    const ticket = await getTicket({ url, method }, signal);
    if (!ticket) return send(request);
    const waited = performance.now() - since;
    const answer = await go(request, ticket, send);
    const { response } = answer;
    if (!isHealable(answer)) return response;

    const { sessionId, generation } = ticket;
    const last = passed.get(endpointOf(request));
    const through = last?.sessionId === sessionId ? last.generation : undefined;
    const date = dateOf(response);
    const isAgain = answer.isRepeatable && (await body.isKept());
    const need = { url, method, sessionId, generation, waited, date, passed: through };
    const asked = getTicket(need, isAgain ? signal : undefined);
    asked.catch(() => {});
    try {
      waitUntil?.(asked);
    } catch {
      // Its event has ended: that is no reason to fail.
    }
    // The call after this one will find a fresh token.
    if (!isAgain) return response;
    const newer = await renew(asked, response);
    let end = answer;
    if (newer && isNewer(newer, ticket) && newer.authorization !== ticket.authorization) {
      release(response);
      onRetry(newer);
      kept.body = body.again();
      end = await go(new Request(url, kept as RequestInit), newer, send);
    }
    if (newer?.clockError && isHealable(end)) fail(newer.clockError);
    return end.response;
  }

  return (input, init) => {
    try {
      const { request, given, body } = makeCall(input, init);
      const { mode, headers, signal } = request;
      const { fetch: send = fetch } = given;
      // Of the modes, `navigate` and `no-cors`. What is aborted already `fetch` says so of itself.
      if (mode[0] === "n" || headers.has("authorization") || signal.aborted) return send(request);
      return settle(request, given, body ?? keepBody(undefined, request, maxReplayBytes));
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

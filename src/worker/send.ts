/**
 * `vault.fetch` in a page that has no engine: by the same steps, on `Request`, which only browsers have
 * whole. The owner of the tokens judges where they may go.
 */
import { says } from "../guard/json.ts";
import { hasNoBody, readAlong } from "../request/body.ts";
import type { Answer, VaultFetch, VaultRequestInit } from "../request/contract.ts";
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

/** A call as a page keeps it: from here on nobody else can change it. */
interface Kept {
  readonly first: Request;
  /** Whether the same request can be had again; told late where its body is still being read. */
  isKept(): boolean | Promise<boolean>;
  again(): Request;
}

/** A member of a caller's init. */
const saidOf = (init: object, name: string): unknown =>
  says(init, name) ? Reflect.get(init, name, init) : undefined;

/**
 * A request with this body, of an init without what somebody has put on `Object.prototype` (S15). It is
 * `Request` that asks for each member, so that none is forgotten (F90).
 */
function requestOf(input: string | URL | Request, init: object, body: unknown): Request {
  // Where a `Request` comes from, the next one would forget.
  const { referrer, referrerPolicy } = input as Partial<Request>;
  const kept: Record<string, unknown> = Object.assign(Object.create(null), {
    duplex: "half",
    referrer,
    referrerPolicy,
  });
  const get = (_: object, name: string): unknown =>
    name === "body" ? body : (saidOf(init, name) ?? kept[name]);
  return new Request(input, new Proxy({}, { get } as ProxyHandler<object>));
}

/** What is sent first is the callee's from then on: a copy is made before (F68). */
function keep(
  input: string | URL | Request,
  init: VaultRequestInit,
  maxReplayBytes: number | undefined,
): Kept {
  const given = saidOf(init, "body") as VaultRequestInit["body"];
  if (typeof given === "function") {
    // Its own body is never read.
    const head = requestOf(input, init, new Blob());
    const make = (): Request => requestOf(head, {}, given());
    return { first: make(), isKept: () => true, again: make };
  }
  const first = requestOf(input, init, given);
  // A stream that is copied would be kept whole. Known by what it can do: it may be another realm's.
  if (given instanceof Object && "getReader" in given)
    return { first, isKept: () => false, again: () => first };
  const copy = first.clone();
  if (given != null || hasNoBody(first)) return { first, isKept: () => true, again: () => copy };
  const body = readAlong(copy, maxReplayBytes);
  return { first, isKept: body.isKept, again: () => requestOf(copy, {}, body.again()) };
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

export function createSend({ getTicket, onRetry, fail, maxReplayBytes }: SendOptions): VaultFetch {
  /** Which generation an endpoint has let through last. */
  const passed = new Map<string, TokenName>();
  const endpointOf = ({ url, method }: Request): string => method + url.replace(/[?#].*/, "");

  async function go(request: Request, ticket: Ticket, send: typeof fetch): Promise<Answer> {
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

  async function settle(
    { first, isKept, again }: Kept,
    send: typeof fetch,
    waitUntil: VaultRequestInit["waitUntil"],
  ): Promise<Response> {
    const { url, method, signal } = first;
    const since = performance.now();
    const ticket = await getTicket({ url, method }, signal);
    if (!ticket) return send(first);
    const waited = performance.now() - since;
    const endpoint = endpointOf(first);
    const answer = await go(first, ticket, send);
    const { response } = answer;
    if (!isHealable(answer)) return response;

    const { sessionId, generation } = ticket;
    const last = passed.get(endpoint);
    const through = last?.sessionId === sessionId ? last.generation : undefined;
    const date = dateOf(response);
    const isAgain = answer.isRepeatable && (await isKept());
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
      end = await go(again(), newer, send);
    }
    if (newer?.clockError && isHealable(end)) fail(newer.clockError);
    return end.response;
  }

  return (input, init) => {
    try {
      const given = init ?? {};
      const send = (saidOf(given, "fetch") ?? fetch) as typeof fetch;
      const kept = keep(input, given, maxReplayBytes);
      const { mode, headers, signal } = kept.first;
      // What is aborted already `fetch` says so of itself.
      if (
        mode === "navigate" ||
        mode === "no-cors" ||
        headers.has("authorization") ||
        signal.aborted
      )
        return send(kept.first);
      return settle(kept, send, saidOf(given, "waitUntil") as VaultRequestInit["waitUntil"]);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/**
 * Follows redirects where the runtime shows them (Node, Bun, Deno, workerd), by Fetch's rules
 * (https://fetch.spec.whatwg.org/#http-redirect-fetch), and with the token only where it may go (S2).
 */
import { own } from "../guard/json.ts";
import type { Answer, Call, Follow, Given, SentInit } from "./contract.ts";
import { headersWith, saidBy } from "./init.ts";
import { PAST, toldBy } from "./past.ts";
import type { Policy } from "./policy.ts";
import { AUTHORIZATION } from "./presentation.ts";
import { followed, initFor } from "./send.ts";
import { hopReferrer } from "./referrer.ts";
import { answerIn, release } from "./retryable.ts";

declare const importScripts: unknown;

/** Whether the runtime hides where a redirect leads: browsers do. */
export const hidesRedirects = (): boolean =>
  typeof document === "object" || typeof importScripts === "function";

/** The address of a redirect that is to be followed: a status of Fetch's list, and a `Location`. */
function locationOf({ status, headers }: Response): string | null {
  const location = [301, 302, 303, 307, 308].includes(status) ? headers.get("location") : null;
  try {
    // A header's bytes come as Latin-1; browsers, Node and Bun take a Location for UTF-8.
    return location && decodeURIComponent(escape(location));
  } catch {
    return location;
  }
}

/** Without the address, which may hold secrets; `URL`'s own error would repeat it (S4). */
const refusal = (): TypeError => new TypeError("Cannot follow the redirect");

/** Where a redirect leads, if Fetch would go there. */
function targetOf(location: string, from: URL, mode: SentInit["mode"]): URL {
  let next: URL;
  try {
    next = new URL(location, from);
  } catch {
    throw refusal();
  }
  // Nor with a user or a password.
  const isWeb = /^https?:\/\/[^/@]+\//.test(next.href);
  if (!isWeb || (mode === "same-origin" && next.origin !== from.origin)) throw refusal();
  next.hash ||= from.hash;
  return next;
}

const turnsIntoGet = (status: number, method: string): boolean =>
  status === 303 ? !/^(get|head)$/i.test(method) : status < 303 && /^post$/i.test(method);

/** The members that hold at every hop: init's, and the `Request`'s where init says nothing. */
const constant = ({ input, given }: Call): Given =>
  Object.assign(Object.create(null), typeof input === "object" && saidBy(input), given);

/** Marks a response as redirected, as `fetch` does, and its copies too. */
function redirected(response: Response): Response {
  // Its own: another library's `fetch` gives another `Response`.
  const native = response.clone;
  const clone = (): Response => redirected(native.call(response));
  // A descriptor's `get` is asked of its prototype too (S15). A reply that nobody may change stays as it is.
  const mark = (name: string, value: unknown): unknown =>
    Reflect.defineProperty(response, name, own({ value, configurable: true }));
  mark("redirected", true);
  mark("clone", clone);
  return response;
}

/** One request on its way from hop to hop. */
interface Trail {
  url: URL;
  method: string;
  hasBody: boolean;
  /** Whether it has never been off the list: once it was, the token does not come back (F63). */
  isListed: boolean;
  headers: Call["headers"];
  /** The header that shows the token. */
  readonly header: string;
  readonly init: Given;
}

/** Takes the trail one hop further, by what the reply says. */
function advance(trail: Trail, response: Response, next: URL): void {
  const { init, url, header } = trail;
  const dropped: string[] = [];
  if (turnsIntoGet(response.status, trail.method)) {
    trail.method = "GET";
    trail.hasBody = false;
    dropped.push(...["encoding", "language", "location", "type"].map((part) => "content-" + part));
  }
  // Headers of the caller's own that Fetch takes off when the origin changes.
  if (next.origin !== url.origin)
    dropped.push(AUTHORIZATION, "proxy-authorization", "cookie", "host");
  if (dropped.length) {
    const left = new Headers(trail.headers);
    for (const name of dropped) left.delete(name);
    trail.headers = left;
  }
  hopReferrer(init, response, url);
  init[PAST] = toldBy(header, init[PAST], url.href);
  trail.url = next;
}

export const createFollow =
  (policy: Policy): Follow =>
  async (call, response, token) => {
    const init = constant(call);
    // Called as a function: a Worker's `fetch` refuses any `this` but its own.
    const { send } = call;
    if (init.signal) init.signal = followed(init.signal, call);
    const trail: Trail = {
      url: new URL(call.href),
      method: call.method,
      headers: call.headers,
      header: call.presentation.header,
      init,
      hasBody: true,
      isListed: true,
    };
    for (let hops = 0; ; hops++) {
      const answer = answerIn(response, trail.url.href, trail.method);
      const location = locationOf(response);
      if (location === null) return hops ? at(trail, call, answer) : answer;
      if (hops > 19) throw refusal();
      advance(trail, response, targetOf(location, trail.url, init.mode));
      release(response);
      trail.isListed &&= answer.isCarried && !!policy(trail.url.href);
      if (trail.hasBody && !(await call.body.isKept()))
        throw new TypeError("Cannot send a stream again");
      const shown = trail.isListed ? token : undefined;
      const headers = headersWith(trail.headers, call.presentation, shown);
      const body = trail.hasBody ? call.body.again() : undefined;
      const own = initFor(init, { method: trail.method, headers, body, redirect: "manual" });
      response = await send(trail.url.href, own);
    }
  };

const at = (trail: Trail, { method }: Call, answer: Answer): Answer => ({
  response: redirected(answer.response),
  isCarried: trail.isListed && answer.isCarried,
  isRepeatable: trail.method === method && answer.isRepeatable,
});

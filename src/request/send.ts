/** One send of a call. Its init is made anew from the vault's own copies, and given away (F68). */
import type { Answer, Call, Given, SentInit } from "./contract.ts";
import { headersWith, NOTHING } from "./init.ts";
import { seen } from "./unauthorized.ts";

/**
 * Makes an init without `Object.prototype`, so that no member which a script has put there is sent. It is
 * a constructor function, because an object literal without a prototype is several times slower in V8.
 */
export const Sent = function (
  this: SentInit,
  method?: string,
  headers?: HeadersInit,
  body?: SentInit["body"],
  redirect?: SentInit["redirect"],
) {
  // Always the same members: an absent one and one that is `undefined` are the same to Fetch.
  this.method = method;
  this.headers = headers;
  this.body = body;
  this.redirect = redirect;
} as unknown as new (
  method?: string,
  headers?: HeadersInit,
  body?: SentInit["body"],
  redirect?: SentInit["redirect"],
) => SentInit;
Sent.prototype = Object.freeze(Object.create(null));

/** An init to give away: the caller's members, with those of this send in their place. */
export function initFor(
  given: Readonly<Given>,
  own: Pick<SentInit, "body" | "headers" | "method" | "redirect">,
): RequestInit {
  const { method, headers, body, redirect } = own;
  const init = new Sent(method, headers, body, redirect);
  // The call's own `fetch` is no member that the sender should see.
  if (given !== NOTHING) Object.assign(init, given, own, { fetch: undefined });
  return init as RequestInit;
}

/** Sends a call to its first address. `body` is absent where the `Request` itself has it. */
export const send = (
  { input, method, headers, redirect, given, send }: Call,
  authorization: string,
  body: SentInit["body"],
): Promise<Response> =>
  send(
    input,
    initFor(given, { method, headers: headersWith(headers, authorization), body, redirect }),
  );

/** The answer behind all redirects, which the vault or the runtime has followed. */
export const answerOf = (
  call: Call,
  response: Response,
  authorization: string,
): Answer | Promise<Answer> =>
  call.follow ? call.follow(call, response, authorization) : seen(response, call.href, call.method);

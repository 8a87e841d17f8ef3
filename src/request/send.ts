/** One send of a call. Its init is made anew from the vault's own copies, and given away (F68). */
import type { AccessToken } from "../types.ts";
import type { Answer, Call, Given, SentInit } from "./contract.ts";
import { headersWith, NOTHING } from "./init.ts";
import { answerIn } from "./retryable.ts";

/** The members that each send has of its own. */
type Own = Pick<SentInit, "body" | "headers" | "method" | "redirect">;

/** An init for `fetch`. It is a class, because V8 keeps a literal without a prototype as a dictionary. */
export class Sent {
  declare method: SentInit["method"];
  declare headers: SentInit["headers"];
  declare body: SentInit["body"];
  declare redirect: SentInit["redirect"];

  constructor({ method, headers, body, redirect }: Own) {
    // Always the same members: an absent one and one that is `undefined` are the same to Fetch.
    this.method = method;
    this.headers = headers;
    this.body = body;
    this.redirect = redirect;
  }
}
// Nothing that is put on `Object.prototype` is sent (S15).
Object.setPrototypeOf(Sent.prototype, null);

/** An init to give away: the caller's members, with those of this send in their place. */
export function initFor(given: Readonly<Given>, own: Own): RequestInit {
  const init = new Sent(own);
  // The call's own `fetch` is no member that the sender should see.
  if (given !== NOTHING) Object.assign(init, given, own, { fetch: undefined });
  return init as RequestInit;
}

/** What a further send's signal depends on, kept as long as that signal is. */
const origins = new WeakMap<AbortSignal, readonly unknown[]>();

/**
 * A signal of its own for a further send of a call. `fetch` in Node 20 hangs a listener on the signal for
 * each send, and takes it off only when the reply is collected: beyond 1,500 Node warns (F75). In Node a
 * signal does not keep what aborts it: a time-out or a `Request` that nobody else has would be collected,
 * and the send would never end (P14).
 */
export function followed(signal: AbortSignal, { input }: Pick<Call, "input">): AbortSignal {
  try {
    const own = AbortSignal.any([signal]);
    origins.set(own, [signal, input]);
    return own;
  } catch {
    // An older runtime, or a signal of another library's.
    return signal;
  }
}

/** A call that is sent once more. */
export function repeated(call: Call): Call {
  const { signal } = call;
  if (!signal) return call;
  const given = Object.assign(Object.create(null), call.given, { signal: followed(signal, call) });
  return { ...call, given };
}

/** Sends a call to its first address. `body` is absent where the `Request` itself has it. */
export function send(call: Call, token: AccessToken, body: SentInit["body"]): Promise<Response> {
  const { input, method, redirect, given, send } = call;
  const headers = headersWith(call.headers, call.presentation, token);
  return send(input, initFor(given, { method, headers, body, redirect }));
}

/** The answer behind all redirects, which the vault or the runtime has followed. */
export const answerOf = (
  call: Call,
  response: Response,
  token: AccessToken,
): Answer | Promise<Answer> =>
  call.follow ? call.follow(call, response, token) : answerIn(response, call.href, call.method);

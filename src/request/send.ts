/** One send of a call: an init of its own, made from what the vault keeps to itself (F68). */
import type { Answer, Call, Given, SentInit } from "./contract.ts";
import { headersWith, NOTHING, Sent } from "./init.ts";
import { seen } from "./unauthorized.ts";

/** An init that is the callee's from now on: what was given, and what this send says otherwise. */
export function initFor(
  given: Readonly<Given>,
  own: Pick<SentInit, "body" | "headers" | "method" | "redirect">,
): RequestInit {
  const { method, headers, body, redirect } = own;
  const init = new Sent(method, headers, body, redirect);
  // Ours is not the callee's to call.
  if (given !== NOTHING) Object.assign(init, given, own, { fetch: undefined });
  return init as RequestInit;
}

/** Sends it from the start. `body` is absent where the `Request` itself has it. */
export const send = (
  { input, method, headers, redirect, given, send }: Call,
  authorization: string,
  body: SentInit["body"],
): Promise<Response> =>
  send(
    input,
    initFor(given, { method, headers: headersWith(headers, authorization), body, redirect }),
  );

/** The answer behind all redirects, by whoever follows them. */
export const answerOf = (
  call: Call,
  response: Response,
  authorization: string,
): Answer | Promise<Answer> =>
  call.follow ? call.follow(call, response, authorization) : seen(response, call.href, call.method);

/** One send of a call: an init of its own, made from what the vault keeps to itself (F68). */
import type { Answer, Body, Call } from "./contract.ts";
import { headersWith, Sent } from "./init.ts";
import { seen } from "./unauthorized.ts";

/** Sends it from the start. `body` is absent where the `Request` itself has it. */
export function send(
  { input, method, headers, redirect, rest, send }: Call,
  authorization: string,
  body: Body | null | undefined,
): Promise<Response> {
  const init = new Sent(method, headersWith(headers, authorization), body, redirect);
  return send(input, (rest ? Object.assign(init, rest) : init) as RequestInit);
}

/** The answer behind all redirects, by whoever follows them. */
export const answerOf = (
  call: Call,
  response: Response,
  authorization: string,
): Answer | Promise<Answer> =>
  call.follow ? call.follow(call, response, authorization) : seen(response, call.href, call.method);

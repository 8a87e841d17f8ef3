/**
 * The 401 rule, as far as it acts: a call is sent with the token at hand, and once more with a newer
 * one, if the API refused the first and the request may go out again.
 */
import { isVaultError, VaultError } from "../errors.ts";
import type { AccessToken, TokenNeed } from "../types.ts";
import type { Answer, Call, FetchOptions } from "./contract.ts";
import { endpointOf } from "./endpoint.ts";
import { answerOf, send } from "./send.ts";
import { dateOf, isHealable, isNewer, isPassed, release } from "./unauthorized.ts";

/** Asked of its own members: a promise inherits what somebody has put on `Object.prototype` (F67). */
export const isToken = (got: AccessToken | Promise<AccessToken> | undefined): got is AccessToken =>
  !!got && Object.hasOwn(got, "accessToken");

/** Whether a reply is an answer, whatever else may be asked of it. */
export const isPlain = ({ status }: Response, { isWatched }: AccessToken): boolean =>
  !isWatched && (status < 300 || (status >= 400 && status !== 401));

export interface Heal {
  /** Sends a call as soon as there is a token: at once, if there is one already. */
  start(call: Call, early?: AccessToken | Promise<AccessToken>): Promise<Response>;
  /** What becomes of a reply to a call that had this token. */
  settle(call: Call, response: Response, token: AccessToken, waited?: number): Promise<Response>;
  /** Something has gone out with this token. */
  sent(token: AccessToken): void;
}

export function createHeal(options: FetchOptions): Heal {
  const { source, authorization, isSelfSigned, onRetry, running } = options;
  /** Whose token went out last: the salt for a call that has none yet. */
  let session: string | undefined;

  const endpointFor = ({ method, href }: Call, sessionId = session): string | undefined =>
    sessionId === undefined ? undefined : endpointOf(sessionId, method, href);

  function first(call: Call): AccessToken | Promise<AccessToken> {
    const { signal, waitUntil } = call;
    const warm = source.ready?.();
    if (warm && !warm.isWatched) return warm;
    // A 401 may have ended the token for this endpoint alone.
    const endpoint = source.ready && endpointFor(call, warm?.sessionId);
    return source.getToken({ signal, waitUntil, endpoint });
  }

  async function go(call: Call, token: AccessToken, waited?: number): Promise<Response> {
    session = token.sessionId;
    const response = await send(call, authorization(token), call.body.first);
    return isPlain(response, token) ? response : settle(call, response, token, waited);
  }

  async function late(
    call: Call,
    pending: Promise<AccessToken>,
    since: number,
  ): Promise<Response> {
    const token = await pending;
    return go(call, token, running() - since);
  }

  /** Tells the source what an answer says of its endpoint, where it wants to know. */
  function note({ method, href }: Call, answer: Answer, token: AccessToken): void {
    if (token.isWatched && isPassed(answer))
      source.passed?.(endpointOf(token.sessionId, method, href), token);
  }

  /** The call after this one will find a fresh token: nobody waits here. */
  function renewUnasked(need: TokenNeed): void {
    Promise.resolve(source.getToken(need)).catch(() => {});
  }

  /** What to send again with; `undefined` where the 401 is the answer. */
  async function renew(need: TokenNeed, token: AccessToken): Promise<AccessToken | undefined> {
    try {
      const got = await source.getToken(need);
      // The same token under another number would meet the same 401 (F19).
      return isNewer(got, token) && got.accessToken !== token.accessToken ? got : undefined;
    } catch (error) {
      // The call's patience is over, in the second of its waits (F51).
      if (isVaultError(error) && error.code === "refresh_failed") return undefined;
      throw error;
    }
  }

  async function repeat(call: Call, token: AccessToken): Promise<Answer> {
    onRetry?.(token);
    const value = authorization(token);
    const answer = await answerOf(call, await send(call, value, call.body.again()), value);
    note(call, answer, token);
    return answer;
  }

  async function settle(
    call: Call,
    response: Response,
    token: AccessToken,
    waited?: number,
  ): Promise<Response> {
    const answer = await answerOf(call, response, authorization(token));
    note(call, answer, token);
    if (!isHealable(answer)) return answer.response;

    const { signal, waitUntil } = call;
    const date = dateOf(answer.response);
    const endpoint = endpointFor(call, token.sessionId);
    const need: TokenNeed = { rejected: token, endpoint, date, waited, waitUntil };
    if (!answer.isRepeatable || !(await call.body.isKept())) {
      renewUnasked(need);
      return answer.response;
    }
    let last = answer;
    try {
      const newer = await renew({ ...need, signal }, token);
      if (newer) {
        release(answer.response);
        last = await repeat(call, newer);
        // Where endpoints are in question, the source learns that this one is not helped.
        if (newer.isWatched && isHealable(last)) renewUnasked({ ...need, rejected: newer });
      }
    } catch (error) {
      release(answer.response);
      throw error;
    }
    if (isSelfSigned && isHealable(last) && !date)
      throw new VaultError("clock_unknown", undefined, 401);
    return last.response;
  }

  return {
    start(call, early) {
      const since = running();
      const got = early ?? first(call);
      return isToken(got) ? go(call, got) : late(call, got, since);
    },
    settle,
    sent: (token) => void (session = token.sessionId),
  };
}

/**
 * The acting part of the 401 rule: a call is sent with the token at hand, and once more with a newer
 * token, if the API refused the first one and the request may go out again.
 */
import { isVaultError, VaultError } from "../errors.ts";
import { isStream } from "../guard/streams.ts";
import type { AccessToken, TokenNeed, TokenSource } from "../types.ts";
import type { Answer, Call, FetchOptions } from "./contract.ts";
import { endpointOf } from "./endpoint.ts";
import { answerOf, repeated, send } from "./send.ts";
import { dateOf, isHealable, isNewer, isPassed, release } from "./retryable.ts";

/** Only an own member counts: a promise inherits those of a polluted `Object.prototype` (F67). */
const isToken = (got: AccessToken | Promise<AccessToken> | undefined): got is AccessToken =>
  !!got && Object.hasOwn(got, "accessToken");

/** Whether a reply goes to the caller without a further look. */
export const isPlain = ({ status }: Response, { isWatched }: AccessToken): boolean =>
  !isWatched && (status < 300 || (status >= 400 && status !== 401));

/** What a call was sent with. */
export interface SentBy {
  readonly token: AccessToken;
  /** How many milliseconds the call has waited for it. */
  readonly waited: number | undefined;
}

export interface Retry {
  /** Sends a call as soon as there is a token: at once, if there is one already. */
  start(call: Call): Promise<Response>;
  /** Heals a reply to a call that had this token, or gives it to the caller. */
  settle(call: Call, response: Response, by: SentBy): Promise<Response>;
  /** Notes that a request has gone out with this token. */
  sent(token: AccessToken): void;
}

/** Tells the source that an endpoint let a token through, where the source wants to know. */
function note(
  source: TokenSource,
  { method, href }: Call,
  answered: { readonly answer: Answer; readonly token: AccessToken },
): void {
  const { answer, token } = answered;
  if (token.isWatched && isPassed(answer))
    source.passed?.(endpointOf(token.sessionId, method, href), token);
}

/**
 * Cancels a body that will not be sent: its producer would wait for ever. A stream that a caller has given is
 * cancelled by an abort alone, as by `fetch`: after any other failure it may be sent by another call.
 */
function drop({ body, given, signal }: Call): void {
  const { first } = body;
  const isOurs = typeof given.body === "function" || signal?.aborted;
  if (isOurs && isStream(first) && !first.locked) first.cancel(signal?.reason).catch(() => {});
}

/** Renews for the next call; nobody waits for it here. */
function renewUnasked(source: TokenSource, need: TokenNeed): void {
  Promise.resolve(source.getToken(need)).catch(() => {});
}

/** The token for the second send; `undefined` where the 401 is the answer. */
async function renew(
  source: TokenSource,
  need: TokenNeed,
  token: AccessToken,
): Promise<AccessToken | undefined> {
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

export function createRetry(options: FetchOptions): Retry {
  const { source, isSelfSigned, onRetry, running } = options;
  /** The session of the last token that went out: the salt of endpoints for a call without a token. */
  let session: string | undefined;

  const endpointFor = ({ method, href }: Call, sessionId = session): string | undefined =>
    sessionId === undefined ? undefined : endpointOf(sessionId, method, href);

  function go(call: Call, token: AccessToken, waited?: number): Promise<Response> {
    session = token.sessionId;
    return send(call, token, call.body.first).then((response) =>
      isPlain(response, token) ? response : settle(call, response, { token, waited }),
    );
  }

  function start(call: Call): Promise<Response> {
    const { signal, waitUntil } = call;
    const warm = source.ready?.();
    if (warm && !warm.isWatched) return go(call, warm);
    const since = running();
    // A 401 may have ended the token for this endpoint alone.
    const endpoint = source.ready && endpointFor(call, warm?.sessionId);
    const got = source.getToken({ signal, waitUntil, endpoint });
    if (isToken(got)) return go(call, got);
    return got.then(
      (token) => go(call, token, running() - since),
      (error: unknown) => {
        drop(call);
        throw error;
      },
    );
  }

  async function repeat(first: Call, token: AccessToken): Promise<Answer> {
    onRetry?.(token);
    const call = repeated(first);
    const answer = await answerOf(call, await send(call, token, call.body.again()), token);
    note(source, call, { answer, token });
    return answer;
  }

  async function settle(
    call: Call,
    response: Response,
    { token, waited }: SentBy,
  ): Promise<Response> {
    const answer = await answerOf(call, response, token);
    note(source, call, { answer, token });
    if (!isHealable(answer)) return answer.response;

    const { signal, waitUntil } = call;
    const date = dateOf(answer.response);
    const endpoint = endpointFor(call, token.sessionId);
    const need: TokenNeed = { rejected: token, endpoint, date, waited, waitUntil };
    if (!answer.isRepeatable || !(await call.body.isKept())) {
      renewUnasked(source, need);
      return answer.response;
    }
    let last = answer;
    try {
      const newer = await renew(source, { ...need, signal }, token);
      if (newer) {
        release(answer.response);
        last = await repeat(call, newer);
        // Where endpoints are in question, the source learns that this one rejects the newer token too.
        if (newer.isWatched && isHealable(last)) renewUnasked(source, { ...need, rejected: newer });
      }
    } catch (error) {
      release(answer.response);
      throw error;
    }
    if (isSelfSigned && isHealable(last) && !date)
      throw new VaultError("clock_unknown", undefined, { status: 401 });
    return last.response;
  }

  return {
    start,
    settle,
    sent(token) {
      session = token.sessionId;
    },
  };
}

/**
 * Reads an error reply that has one of the usual shapes.
 *
 * @module
 */
import { isAmount } from "./guard/amounts.ts";
import { type Challenge, parseChallenge } from "./guard/challenge.ts";
import { isObject, own } from "./guard/json.ts";
import { jsonIn, parseRetryAfter, readText } from "./guard/replies.ts";

/** Milliseconds; above 2^31 a timer would fire at once (F15). */
const MOST = 1e9;
/** Milliseconds; also where a given timeout is none, because this never rejects. */
const USUAL = 5_000;
/** In bytes: more than any error needs. */
const LONGEST = 65_536;

/** An error reply, read. Every field is the server's word: show it, do not trust it. */
export interface Problem {
  /** The HTTP status. */
  readonly status: number;
  /** The error's name or number, in the words of the API; 1,000 characters at most. */
  readonly code?: string;
  /** A text for people; 1,000 characters at most. */
  readonly message?: string;
  /** Milliseconds to wait, from `Retry-After` (RFC 9110 §10.2.3). */
  readonly retryAfter?: number;
  /** The first `WWW-Authenticate` challenge (RFC 9110 §11.6.1), where the runtime shows it. */
  readonly challenge?: Challenge;
}

/** The first value that says anything, as text. */
const text = (...values: unknown[]): string | undefined => {
  const found = values.find(
    (value) => (typeof value === "string" && value) || typeof value === "number",
  );
  return found === undefined ? undefined : String(found).slice(0, 1_000);
};

/**
 * The body's JSON, from a clone. A body that has not ended in time is read as far as it came, because a
 * server may keep the connection open behind a whole object.
 */
async function readBody(response: Response, timeout: number): Promise<unknown> {
  let timer;
  let turn;
  const until = new Promise((resolve) => {
    timer = setTimeout(resolve, Math.min(timeout, MOST));
  });
  try {
    const text = readText(response.clone(), { most: LONGEST, until });
    // The part that came in time is there a turn later. A body that is no stream comes as a whole, or never.
    const over = until.then(
      () => new Promise<undefined>((resolve) => void (turn = setTimeout(resolve))),
    );
    return jsonIn(await Promise.race([text, over]));
  } catch {
    // A body that was read already cannot be cloned, and a body that breaks off says nothing.
    return undefined;
  } finally {
    clearTimeout(timer);
    clearTimeout(turn);
  }
}

/** The options of {@link readProblem}. */
export interface ProblemOptions {
  /** How long the body may take to arrive, milliseconds; 5,000 by default. */
  readonly timeout?: number;
}

/**
 * Reads code, message, `Retry-After` and challenge of an error reply, from a clone, so that the response
 * stays readable. It knows `{detail}`, `{status, error, message}`, `{error: {code, message}}`, OAuth's
 * `{error, error_description}` (RFC 6749 §5.2) and problem details (RFC 9457); any other body gives
 * the status and the headers alone. The promise never rejects, and settles after `timeout` at the latest.
 *
 * @example
 * ```ts
 * import { readProblem } from "tokenkeep";
 *
 * const response = await vault.fetch("https://api.vmcloud.com/v1/vms");
 * if (!response.ok) {
 *   const { status, message, retryAfter } = await readProblem(response);
 *   console.warn(status, message, retryAfter);
 * }
 * ```
 */
export async function readProblem(
  response: Response,
  options: ProblemOptions = {},
): Promise<Problem> {
  const { timeout } = own(options);
  const body = await readBody(response, isAmount(timeout) ? timeout : USUAL);
  const top = own(isObject(body) ? body : {});
  const inner = isObject(top["error"]) ? own(top["error"]) : top;
  const code = text(inner["code"], top["code"], top["error"], top["type"]);
  const message = text(
    inner["message"],
    top["message"],
    top["error_description"],
    top["detail"],
    top["title"],
  );
  const { headers, status } = response;
  const retryAfter = parseRetryAfter(headers.get("retry-after"), Date.now());
  const challenge = parseChallenge(headers.get("www-authenticate"));
  return {
    status,
    ...(code !== undefined && { code }),
    ...(message !== undefined && { message }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(challenge !== undefined && { challenge }),
  };
}

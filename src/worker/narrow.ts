/**
 * Narrows the messages of pages and workers, which another version or another script may have sent
 * (S10).
 */
import { isObject, own } from "../guard/json.ts";
import type { WireError } from "../guard/wire-error.ts";
import {
  type Answers,
  type News,
  type Seen,
  type State,
  type Ticket,
  VERSION,
} from "./protocol.ts";
import type { TokenNeed } from "../types.ts";

type Is<T> = (value: unknown) => value is T;
type Kind = (value: unknown) => unknown;

/** A worker keeps fifty events at most. */
const MOST_NEWS = 98;

export const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length <= 65_536;

export const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(isText);

const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isGeneration = (value: unknown): value is number => Number.isSafeInteger(value);

/** A value of the wanted kind, or `undefined`. */
const as =
  <T>(is: Is<T>) =>
  (value: unknown): T | undefined =>
    is(value) ? value : undefined;

const text = /* @__PURE__ */ as(isText);
const number = /* @__PURE__ */ as(isNumber);
const isTrue = (value: unknown): boolean => value === true;

/**
 * An object of these members and no others, if the value is one. A text of a closed list is not compared
 * with that list, because a later version of the worker may have more.
 */
const shape =
  <T>(kinds: Readonly<Record<keyof T, Kind>>) =>
  (value: unknown): Partial<T> | undefined => {
    if (!isObject(value)) return undefined;
    const given = own(value);
    return Object.fromEntries(
      Object.entries<Kind>(kinds).map(([name, kind]) => [name, kind(given[name])]),
    ) as Partial<T>;
  };

export const readWireError: (value: unknown) => Partial<WireError> | undefined =
  /* @__PURE__ */ shape<WireError>({
    code: text,
    message: text,
    status: number,
    retryAfter: number,
    reason: text,
  });

/** An account's state, as far as the message has it. */
const toState = /* @__PURE__ */ shape<State>({
  owner: text,
  seq: number,
  news: (value) =>
    Array.isArray(value) &&
    value.length <= MOST_NEWS &&
    value.map(
      shape<News>({
        seq: number,
        sessionId: text,
        event: shape({
          type: String,
          sessionId: text,
          generation: number,
          status: number,
          origin: text,
        }),
        snapshot: shape({
          status: String,
          issuedAt: number,
          refreshAt: number,
          expiresAt: number,
          generation: number,
          scope: text,
          claims: as(isObject),
          profile: as(isObject),
          persisted: isTrue,
        }),
      }),
    ),
  lock: text,
  isolated: isTrue,
});

/** A header, and a value that `fetch` takes there: a token, behind a scheme and a space if there is one (S5). */
export const isTicket = (value: unknown): value is Ticket | undefined =>
  value === undefined ||
  (isObject(value) &&
    /^([!-~]+ )?[!-~]{1,16384}$/.test(String(value["authorization"])) &&
    isText(value["header"]) &&
    isText(value["sessionId"]) &&
    isNumber(value["generation"]));

const isNothing = (_: unknown): _ is never => true;

/** Whether an answer has the value of the wanted kind. */
export const isRight: { readonly [type in keyof Answers]: Is<Answers[type]> } = {
  state: isNothing,
  token: isTicket,
  signIn: isNothing,
  adopt: isNothing,
  getToken: isText,
  authorization: isText,
  signOut: isNothing,
  accounts: areTexts,
  removeAccount: isNothing,
};

/** The outcome of a question. */
export interface Reply {
  /** Absent where no sound answer came: the worker is gone, silent, or of another version. */
  readonly tokenkeep: typeof VERSION | undefined;
  readonly value: unknown;
  readonly error: Partial<WireError> | undefined;
  readonly state: Partial<State> | undefined;
}

const toAnswer = /* @__PURE__ */ shape<Reply>({
  tokenkeep: (value) => (value === VERSION ? value : undefined),
  value: (value) => value,
  error: (value) => value && (readWireError(value) ?? {}),
  state: toState,
});

/** The reply in a message; an empty one where there is no message, or none of this form. */
export const toReply = (message: unknown): Partial<Reply> => toAnswer(message) ?? {};

/** The time of a 401, by the server's `Date`. */
export const toTime = (value: unknown): number | undefined =>
  typeof value === "number" && value > 0 && value < 8.64e15 ? value : undefined;

/** The request for which a page needs a token. */
export interface Need extends Pick<TokenNeed, "rejected" | "passed" | "waited" | "date"> {
  readonly url: string | undefined;
  readonly method: string | undefined;
  /** The names of its headers, in lower case. */
  readonly headers: readonly string[];
  /** The session that the page knew when its call began. */
  readonly begunIn: string | undefined;
}

export function toNeed(value: unknown): Need {
  const given = isObject(value) ? value : {};
  const { url, method, headers, sessionId, generation, passed, waited, date, begunIn } = given;
  return {
    url: text(url),
    method: text(method),
    headers: areTexts(headers) ? headers : [],
    // A value that is no generation names no token.
    rejected: isText(sessionId) && isGeneration(generation) ? { sessionId, generation } : undefined,
    passed: isGeneration(passed) ? passed : undefined,
    waited: Number(waited) > 0 ? Number(waited) : undefined,
    date: toTime(date),
    begunIn: text(begunIn),
  };
}

/** How much of a worker's news a page has seen, if it says so. */
export function toSeen(value: unknown): Seen | undefined {
  const { owner, seq } = isObject(value) ? value : {};
  return isText(owner) && isNumber(seq) ? { owner, seq } : undefined;
}

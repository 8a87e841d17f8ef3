/** What comes back from a worker, narrowed: it may be another version's, or not ours at all (S10). */
import { isObject } from "../guard/claims.ts";
import type { State, WireError } from "./protocol.ts";
import type { Ticket } from "./send.ts";

type Is<T> = (value: unknown) => value is T;
type Kinds<T> = { readonly [name in keyof T]-?: (value: unknown) => T[name] };

export const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length <= 65_536;

export const areTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(isText);

/** The time of a 401, by the server's `Date`. */
export const toTime = (value: unknown): number | undefined =>
  typeof value === "number" && value > 0 && value < 8.64e15 ? value : undefined;

const isNumber = Number.isFinite as Is<number>;

/** A header value that `fetch` takes: the scheme, a space, a token (S5). */
export const isTicket = (value: unknown): value is Ticket | undefined =>
  value === undefined ||
  (isObject(value) &&
    /^\w+ [!-~]{1,16384}$/.test(value["authorization"] as string) &&
    isText(value["sessionId"]) &&
    isNumber(value["generation"]));

/** The value if it is of that kind. */
const as =
  <T>(is: Is<T>) =>
  (value: unknown): T | undefined =>
    is(value) ? value : undefined;

/** An object of these members and no others, if it is one. */
const shape =
  <T>(kinds: Kinds<T>) =>
  (value: unknown): T | undefined =>
    isObject(value)
      ? (Object.fromEntries(
          Object.entries<(value: unknown) => unknown>(kinds).map(([name, kind]) => [
            name,
            kind(value[name]),
          ]),
        ) as T)
      : undefined;

const text = /* @__PURE__ */ as(isText);
const number = /* @__PURE__ */ as(isNumber);

export const toWireError: (value: unknown) => Partial<WireError> | undefined =
  /* @__PURE__ */ shape({
    code: text,
    message: text,
    status: number,
    retryAfter: number,
    reason: text,
  }) as never;

/** How an account stands, as far as it says so. */
export const toState: (value: unknown) => Partial<State> | undefined = /* @__PURE__ */ shape({
  owner: text,
  lock: text,
  seq: number,
  isolated: Boolean,
  news: (value) =>
    Array.isArray(value) &&
    // A worker keeps fifty events at most.
    value.length < 99 &&
    value.map(
      shape({
        seq: number,
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
          persisted: (value) => value === true,
        }),
      }),
    ),
}) as never;

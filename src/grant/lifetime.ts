/** How long a token lives: each form in which a server tells it is converted here, once. */
import type { Grant, Session } from "../types.ts";
import { decodeClaims } from "../guard/claims.ts";
import { own } from "../guard/json.ts";

const DAY = 86_400_000;
/** Tokens live longer than this (P13): a clock by which less is left is wrong. */
const SHORTEST_BY_CLOCK = 60_000;

/** A finite duration from a second to ten years, or `undefined`: `1e300`, `"soon"` and `0` say nothing. */
const sane = (ms: number): number | undefined =>
  ms >= 1_000 && ms <= 315_360_000_000 ? ms : undefined;

const text = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

/** A number, or the text of one: `true` and `[3600]` are neither. */
const toNumber = (value: unknown): number =>
  typeof value === "number" ? value : Number(text(value));

/** A JWT's NumericDate (RFC 7519 §2) in milliseconds; `NaN` for anything else. */
const numericDate = (seconds: unknown): number =>
  typeof seconds === "number" && seconds > 0 && seconds < 1e11 ? seconds * 1_000 : NaN;

/**
 * How many milliseconds the clock that wrote `date` is ahead of this device's clock, which says `now`. A
 * `Date` counts only within a day of `now`: with one of the year 2200, a JWT would be signed that is good
 * until then (F64). Beyond a day, and without a `Date`, nothing is known.
 */
export function skewOf(date: number | undefined, now: number): number | undefined {
  const skew = (date ?? NaN) - now;
  return Math.abs(skew) <= DAY ? skew : undefined;
}

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ]([\d:.]+))?$/i;
/** No date is longer. */
const LONGEST = 64;
/** `GMT`, `UTC 2026`, `GMT+0200`; `Z`; `+02`, `+0200`, `+02:00`, `+0000 UTC`. */
const ZONE =
  / ?(?:UTC?|GMT|[ECMP][SD]T)(?: ?[+-]\d\d:?\d\d)?(?: \d{4})?|Z| ?[+-]\d\d(?::?\d\d)?(?: UTC)?/;
const ZONED = new RegExp(`:\\d[\\d.:]*(?: ?[AP]M)?(?:${ZONE.source})(?: \\(.*\\))?$`, "i");

/**
 * An instant in milliseconds: a number, or a date as text. A time without a zone is UTC's (F86). In a form that is
 * not ISO's nobody knows that, because each device reads it by its own zone.
 */
export function instantOf(value: unknown): number | undefined {
  if (typeof value === "number") return value > 0 && value < Infinity ? value : undefined;
  const [, day, time] = ISO.exec(text(value) ?? "") ?? [];
  if (day) return Date.parse(time ? `${day}T${time}Z` : day) || undefined;
  const date = text(value) ?? "";
  return (date.length <= LONGEST && ZONED.test(date) && Date.parse(date)) || undefined;
}

/**
 * The life by the client's clock, where an end can be compared with nothing else. If the clock leaves less than a
 * minute, or a small part of the assumed life, then the clock is off: refreshes by it would never end (P15).
 */
function byClock(left: number, assumed: number = 0): number {
  const life = left < SHORTEST_BY_CLOCK ? 0 : left;
  return Math.max(life, assumed / 10);
}

/** The part of a session that a grant decides, by the clock of the context that asked for the grant. */
export type Life = Pick<Session, "tokenSet" | "issuedAt" | "material" | "profile">;

/** The facts that date a grant. */
export interface Dating {
  /** When the request for the grant, or the adoption, was begun. */
  readonly issuedAt: number;
  /** How many milliseconds a token lives where its reply does not tell. */
  readonly assumed: number | undefined;
}

/**
 * The life of a fresh grant is counted from the start of its request, so that a wrong clock does not
 * matter. A token that was adopted has `aged` already: there only its end counts.
 */
export function lifeOf(grant: Grant, { issuedAt, assumed }: Dating): Life {
  const { accessToken, refreshToken, scope, material, profile } = own(grant);
  const { expiresIn, expiresAt, date, aged } = own(grant);
  const claims = decodeClaims(accessToken);
  const exp = numericDate(claims?.["exp"]);
  const end = expiresAt ?? exp;
  const life =
    (aged && Math.abs(end - issuedAt) < 1e14
      ? end - issuedAt
      : (sane(toNumber(expiresIn) * 1_000) ??
        sane(exp - numericDate(claims?.["iat"])) ??
        sane(end - (date ?? NaN)) ??
        sane(byClock(end - issuedAt, assumed)))) ??
    // A token that nothing renews serves until its 401: an adopted API key lives long.
    sane(aged && !refreshToken ? 0 : (assumed ?? 0));
  return {
    tokenSet: {
      accessToken,
      refreshToken,
      scope,
      expiresAt: life && issuedAt + life,
    },
    issuedAt,
    material,
    profile,
  };
}

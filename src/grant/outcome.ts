/** What a token endpoint's reply means, by rules that an application may change. */
import type { VaultErrorReason } from "../errors.ts";
import { copyOf, isObject, own } from "../guard/json.ts";
import { type Profile, profileIn } from "../guard/profile.ts";
import { isRefreshToken, isToken, refreshTokenFlaw, tokenFlaw } from "../guard/syntax.ts";
import type { Grant, Outcome } from "../types.ts";
import { instantOf } from "./lifetime.ts";
import { meaningOf } from "./error-codes.ts";

/** A token endpoint's reply, read whole. */
export interface TokenReply {
  readonly status: number;
  /** All headers; in a page of another origin only those that the API exposes by CORS. */
  readonly headers: Headers;
  /** The JSON object in the body; absent for any other body, such as a captive portal's page. */
  readonly body: Record<string, unknown> | undefined;
  /** The body as text; empty where it is longer than 1 MiB. */
  readonly text: string;
  /** The reply's `Date`, milliseconds since the epoch, where the runtime shows it. */
  readonly date: number | undefined;
  /** Milliseconds to wait, from `Retry-After`. */
  readonly retryAfter: number | undefined;
  /** Whether the reply is a redirect, which is never followed. */
  readonly isRedirect: boolean;
}

/** A reply's fields before any check. `expiresAt` may be an ISO date; one without a zone is UTC's. */
export type RawGrant = { readonly [Field in keyof Grant]?: unknown };

/** How a mechanism reads the replies of a token endpoint. */
export interface ReplyRules {
  /**
   * Reads the fields of a reply that grants: from its JSON object, which is empty where the body is none, or
   * from its headers and text. An error that it throws is trouble, and is never shown.
   */
  readonly read: (body: Record<string, unknown>, reply: TokenReply) => RawGrant;
  /**
   * Whether a reply without a token refuses for good. It is asked for every such reply, whatever its
   * status or type, and overrules all else; an error that it throws is no refusal. By default a known
   * code tells (`invalid_grant`, `temporarily_unavailable`, …), then a 400 or 401 with a JSON object.
   */
  readonly isRefusal?: ((reply: TokenReply) => boolean) | undefined;
  /** Whether a 503 proves that nothing was processed; `false` by default. A 429 always does. */
  readonly safe503?: boolean | undefined;
}

/**
 * No profile where it holds a token: a whole reply, shown, would show its tokens too (S7). A short token, as in
 * a test, counts as a whole text only.
 */
function withoutTokens(profile: Profile | undefined, tokens: unknown[]): Profile | undefined {
  const text = JSON.stringify(profile) ?? "";
  const isHeld = (token: unknown): boolean => {
    const quoted = JSON.stringify(token);
    return (
      typeof token === "string" &&
      token !== "" &&
      text.includes(token.length < 8 ? quoted : quoted.slice(1, -1))
    );
  };
  return tokens.some(isHeld) ? undefined : profile;
}

/** A grant after each check. */
export interface NarrowGrant extends Grant {
  /** A new refresh token came, and cannot be kept: where refresh tokens rotate, the old one is spent (P2). */
  readonly isRefreshTokenLost?: boolean | undefined;
}

/**
 * A grant's members, each of its own and of its type, or why its access token cannot be used. A wrong
 * member beside a good access token is left out, so that the old refresh token is kept (F70).
 */
export function narrowGrant(given: RawGrant): NarrowGrant | VaultErrorReason {
  const { accessToken, refreshToken, scope, material, profile } = own(given);
  // Of a mechanism's own grant, which was narrowed before.
  const { isRefreshTokenLost } = own<object>(given) as Partial<NarrowGrant>;
  const isUsable = isRefreshToken(refreshToken);
  const isLost = !isUsable && refreshTokenFlaw(refreshToken) !== "no_token";
  const { expiresIn, expiresAt, date, aged } = own(given);
  if (!isToken(accessToken)) return tokenFlaw(accessToken);
  // Each is set, so that no prototype is asked for any.
  return {
    accessToken,
    refreshToken: isUsable ? refreshToken : undefined,
    isRefreshTokenLost: isLost || isRefreshTokenLost,
    scope: typeof scope === "string" ? scope : undefined,
    expiresIn,
    expiresAt: instantOf(expiresAt),
    date: instantOf(date),
    material: copyOf(material),
    profile: withoutTokens(profileIn(profile), [accessToken, refreshToken]),
    aged: aged === true,
  };
}

/** Whether a text has the form of a reason: one of a free form may hold a secret (S4). */
const isReason = (reason: unknown): reason is VaultErrorReason =>
  typeof reason === "string" && reason.length <= 40 && /^[a-z]+\d?(_[a-z]+)*$/.test(reason);

const numberIn = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

/** What a provider has answered; `undefined` where that is no outcome. Each fact is of its type (S10). */
export function narrowOutcome(answer: unknown): Outcome | undefined {
  if (!isObject(answer)) return undefined;
  const { type, grant, status, reason, retryAfter, unprocessed, error } = own(answer);
  // `narrowGrant` looks at its members.
  if (type === "granted") return own<Outcome>({ type, grant: grant as Grant });
  const told = { status: numberIn(status), reason: isReason(reason) ? reason : undefined };
  if (type === "refused") return own<Outcome>({ type, ...told });
  if (type !== "trouble") return undefined;
  const passing = { retryAfter: numberIn(retryAfter), unprocessed: unprocessed === true };
  return own<Outcome>({ type, ...told, ...passing, error });
}

/** The grant in a reply, or why there is none. */
function grantIn(reply: TokenReply, read: ReplyRules["read"]): Grant | VaultErrorReason {
  const { status, body, date } = reply;
  if (reply.isRedirect) return "redirected";
  if (status >= 300) return "no_token";
  try {
    return narrowGrant({ date, ...read(body ?? own({}), reply) });
  } catch {
    // A captive portal's page has no fields to read.
    return body ? "read_failed" : "no_token";
  }
}

/**
 * For a mechanism that keeps no refresh token: a token that is kept nowhere promises no refresh. The token is taken
 * off only here, after the profile has been searched for it (S7).
 */
export const withoutRefreshToken = (outcome: Outcome): Outcome =>
  outcome.type === "granted"
    ? own<Outcome>({ ...outcome, grant: own({ ...outcome.grant, refreshToken: undefined }) })
    : outcome;

/** Narrowly: a captive portal's page or a firewall's 403 is trouble (P17). */
export function refusesAsUsual({ status, body }: TokenReply): boolean {
  const meaning = meaningOf(body);
  return meaning ? meaning === "final" : !!body && (status === 400 || status === 401);
}

function isRefused(reply: TokenReply, { isRefusal = refusesAsUsual }: ReplyRules): boolean {
  try {
    return isRefusal(reply) === true;
  } catch {
    return false;
  }
}

export function outcomeOf(reply: TokenReply, rules: ReplyRules): Outcome {
  const { status, body, retryAfter } = reply;
  const grant = grantIn(reply, rules.read);
  if (typeof grant === "object") return { type: "granted", grant };
  if (isRefused(reply, rules)) return { type: "refused", status };
  const unprocessed =
    status === 429 || (status === 503 && rules.safe503) || meaningOf(body) === "unspent";
  return { type: "trouble", status, retryAfter, unprocessed, reason: grant };
}

/** The requests that carry and set a cookie: what goes along with them, and what their replies mean. */
import { VaultError } from "../errors.ts";
import { decodeClaims } from "../guard/claims.ts";
import { own } from "../guard/json.ts";
import { isToken } from "../guard/syntax.ts";
import { isHeader } from "../grant/call.ts";
import type { Exchange, Outcome } from "../types.ts";
import type { Note, Visit } from "./jar.ts";
import {
  type RawGrant,
  type ReplyRules,
  type TokenReply,
  withoutRefreshToken,
} from "../grant/outcome.ts";
import { ask, send } from "../grant/token-request.ts";

declare const importScripts: unknown;

/**
 * What a server wants in a header, so that another site's form cannot use the cookie: a fixed `value`, such as
 * `X-Requested-With: XMLHttpRequest`; the value of a `cookie` that script can read; or the text or number that
 * `read` finds in the reply of a sign-in or a refresh. A value is visible ASCII, with spaces inside; what a cookie or
 * a reply has otherwise is left out.
 */
export type Csrf = { readonly header: string } & (
  | { readonly value: string }
  | { readonly cookie: string }
  | { readonly read: (body: Record<string, unknown>) => unknown }
);

/** How replies are read, and what goes along with requests. */
export interface CookieRules extends Omit<ReplyRules, "read"> {
  /**
   * Reads the fields of a reply that grants; a refresh token in it is left out. `subject` says whose token it
   * is, where that is no JWT with a `sub`. An error that it throws is trouble, and is never shown.
   */
  readonly read: (
    body: Record<string, unknown>,
    reply: TokenReply,
  ) => RawGrant & { readonly subject?: unknown };
  /** A header for requests that carry the cookie; none by default. */
  readonly csrf?: Csrf;
}

/** Whether `fetch` keeps cookies here. */
export const hasJar = (): boolean =>
  typeof document === "object" || typeof importScripts === "function";

/** The value of a cookie that script can read; many servers encode it. */
function readableCookie(name: string): string | undefined {
  if (typeof document !== "object")
    throw new VaultError(
      "invalid_option",
      "Cannot read the cookie for csrf: a worker cannot see it. Give csrf a value or a read, or run the vault in the page.",
    );
  const start = `${name}=`;
  const found = document.cookie.split("; ").find((one) => one.startsWith(start));
  if (found === undefined) return undefined;
  try {
    return decodeURIComponent(found.slice(start.length));
  } catch {
    return found.slice(start.length);
  }
}

/** In characters: no server's token is longer, and a longer header would fail the request. */
const LONGEST = 16_384;

/** Whether a header can carry what a cookie or a reply has. */
const isFit = (header: string, value: string | undefined): value is string =>
  value !== undefined && value.length <= LONGEST && isHeader(header, value);

/** The header against forged requests, if its value is known. Runtimes quote a value that no header holds. */
function headersOf(csrf: Csrf | undefined, note: Note): Record<string, string> {
  if (!csrf) return {};
  const { header } = csrf;
  const value =
    "value" in csrf ? csrf.value : "cookie" in csrf ? readableCookie(csrf.cookie) : note.csrf;
  return isFit(header, value) ? own({ [header.toLowerCase()]: value }) : {};
}

/** The cookie goes along with these requests, and with no other. */
const withCookie = (exchange: Exchange, headers: Record<string, string>): Exchange =>
  own({
    ...exchange,
    fetch: (input: string | URL | Request, init?: RequestInit) =>
      exchange.fetch(
        input,
        own({
          ...init,
          credentials: "include" as const,
          headers: own({ ...(init?.headers as Record<string, string>), ...headers }),
        }),
      ),
  });

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" || typeof value === "number" ? String(value) : undefined;

/** The `sub` of a token, where that is a JWT (RFC 7519 §4.1.2). */
export const subIn = (accessToken: unknown): string | undefined =>
  isToken(accessToken) ? textOf(decodeClaims(accessToken)?.["sub"]) : undefined;

/** How a request for a token ended. */
export interface Asked {
  readonly outcome: Outcome;
  /** Whose token was granted, as far as anything tells. */
  readonly subject: string | undefined;
  /** The token's own `sub`. */
  readonly sub: string | undefined;
}

/** Asks for a token. What the reply says for later requests is noted. */
export async function askFor(
  { url, body: asked }: { readonly url: string; readonly body: unknown },
  { csrf, read, isRefusal, safe503 }: CookieRules,
  visit: Visit,
): Promise<Asked> {
  let subject: string | undefined;
  let sub: string | undefined;
  const rules = own({
    isRefusal,
    safe503,
    read(body: Record<string, unknown>, reply: TokenReply): RawGrant {
      const { subject: told, ...grant } = own(read(body, reply));
      sub = subIn(grant.accessToken);
      subject = told === undefined ? sub : textOf(told);
      const again = csrf && "read" in csrf ? textOf(csrf.read(body)) : undefined;
      if (csrf && isFit(csrf.header, again)) visit.change({ csrf: again });
      return grant;
    },
  });
  const outcome = await visit.send((exchange) =>
    ask({ url, body: asked }, rules, withCookie(exchange, headersOf(csrf, visit.note()))),
  );
  // The cookie is what renews.
  return { outcome: withoutRefreshToken(own(outcome)), subject, sub };
}

/** Statuses of a logout by which the server may not have heard of it. */
const UNHEARD: ReadonlySet<number> = new Set([403, 405, 408, 425, 429]);

/** Tells the server of a sign-out; answers whether it has heard. Many servers then lead to a page. */
export async function tellOfSignOut(
  url: string,
  { csrf }: CookieRules,
  visit: Visit,
): Promise<boolean> {
  try {
    const { status, isRedirect } = await visit.send((exchange) =>
      send({ url, body: {} }, withCookie(exchange, headersOf(csrf, visit.note()))),
    );
    return isRedirect || (status < 500 && !UNHEARD.has(status));
  } catch {
    return false;
  }
}

/** Whether a reply without a token says that the cookie is no session, where none was known. */
export const isNothing = ({ type, status = 0 }: Outcome): boolean =>
  type === "refused" ||
  (type === "trouble" && status >= 400 && status < 500 && ![408, 425, 429].includes(status));

/** Whether two hosts look like two sites: their last two labels differ. */
function areTwoSites(one: string, other: string): boolean {
  const siteOf = (host: string): string =>
    /[\d\]]$/.test(host) ? host : host.split(".").slice(-2).join(".");
  return siteOf(one) !== siteOf(other);
}

/** Whether cookies go to another site than the page's: many browsers block those. */
export const isThirdParty = (url: string): boolean =>
  typeof location === "object" && areTwoSites(location.hostname, new URL(url).hostname);

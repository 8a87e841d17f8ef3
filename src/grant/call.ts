/**
 * The requests to token endpoints that an application writes. Each is checked before it is sent, so that none goes
 * out otherwise than it was meant.
 */
import { isVaultError, VaultError, type VaultErrorReason } from "../errors.ts";
import { isObject, own } from "../guard/json.ts";
import type { Exchange, Outcome } from "../types.ts";
import type { ReplyRules } from "./outcome.ts";
import { ask, type TokenRequest } from "./token-request.ts";

/** A request to a token endpoint, as a mechanism's option writes it. */
export interface TokenCall {
  /** `"POST"` by default. A `"GET"` takes no body. */
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | undefined;
  /** Sent beside `content-type` and `accept`, or in their place; none by default. */
  readonly headers?: TokenHeaders | undefined;
  /** `URLSearchParams` go as a form, anything else as JSON. Leave it out where nothing is to be sent. */
  readonly body?: unknown;
}

/** Headers by name. A value is visible ASCII, with spaces inside. */
export type TokenHeaders = Readonly<Record<string, string>>;

type Unsendable = Extract<VaultErrorReason, `unsendable_${string}`>;

const ADVICE: Readonly<Record<Unsendable, string>> = {
  unsendable_request: "Return an object of method, headers and body, and no promise",
  unsendable_method: "Take GET, POST, PUT, PATCH or DELETE",
  unsendable_header: "Check that each value is there, and has no line break or letter beyond ASCII",
  unsendable_body: "Return a plain object, or URLSearchParams for a form; a GET takes none",
};

/** The error names neither the name nor the value that is wrong: either may be a secret (S4). */
function refuse(reason: Unsendable): never {
  const why = reason.replaceAll("_", " ");
  const message = `Cannot ask the token endpoint: ${why}. ${ADVICE[reason]}.`;
  throw new VaultError("invalid_option", message, { reason });
}

/** Whether an object is a literal's, from whichever realm, and not a class's. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return !isObject(prototype) || Object.getPrototypeOf(prototype) === null;
}

/** JSON makes `{}` of a Map, a FormData, a promise: of each object that keeps its data elsewhere than in members. */
const keep = (_: string, value: unknown): unknown =>
  isObject(value) && !isPlain(value) && Object.keys(value).length === 0
    ? refuse("unsendable_body")
    : value;

/** The body as JSON. What JSON cannot hold at all (a circle, a bigint) throws there. */
function jsonOf(body: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(body, keep);
  } catch (error) {
    // An engine's own words may quote a member's name.
    if (isVaultError(error)) throw error;
  }
  return text ?? refuse("unsendable_body");
}

/** Whether JSON keeps a value as it is, so that a store does. */
export function isKept(value: unknown): boolean {
  try {
    return jsonOf(value) !== "";
  } catch {
    return false;
  }
}

/** RFC 9110 §5.1, names; §5.5, values. A text that ends in `undefined` comes of a token that is not there. */
export const isHeader = (name: string, value: unknown): boolean =>
  /^[\w!#$%&'*+.^`|~-]+$/.test(name) &&
  typeof value === "string" &&
  /^[!-~]([ -~]*[!-~])?$/.test(value) &&
  !/(^| )(undefined|null)$/.test(value);

const METHODS: ReadonlySet<unknown> = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);

/** The headers with their names in lower case, so that one replaces the other. */
export function headersOf(headers: unknown = {}): TokenHeaders {
  if (!isObject(headers) || !isPlain(headers)) return refuse("unsendable_header");
  const checked = Object.entries(headers).map(([name, value]) =>
    isHeader(name, value) ? [name.toLowerCase(), value] : refuse("unsendable_header"),
  );
  return own<TokenHeaders>(Object.fromEntries(checked));
}

const FORM = own({ "content-type": "application/x-www-form-urlencoded" });

/** The request that a call makes at an address; `headers` are those of all calls. */
export function requestOf(url: string, call: unknown, headers?: TokenHeaders): TokenRequest {
  if (!isObject(call) || !isPlain(call)) return refuse("unsendable_request");
  const { method = "POST", headers: more, body } = own<TokenCall>(call);
  if (!METHODS.has(method)) refuse("unsendable_method");
  // A body that is there and undefined was meant to be one.
  const hasBody = Object.hasOwn(call, "body");
  if (hasBody && method === "GET") refuse("unsendable_body");
  const isForm = body instanceof URLSearchParams;
  return own({
    url,
    method,
    headers: own({ ...(isForm && FORM), ...headers, ...headersOf(more) }),
    body: hasBody ? (isForm ? String(body) : jsonOf(body)) : undefined,
  });
}

/**
 * Writes a request and asks with it. A request that could not be written was not sent, so that nothing is
 * spent.
 */
export async function askBy(
  write: () => TokenRequest,
  rules: ReplyRules,
  exchange: Exchange,
): Promise<Outcome> {
  let request: TokenRequest;
  try {
    request = write();
  } catch (error) {
    const reason = isVaultError(error) ? error.reason : "write_failed";
    return { type: "trouble", unprocessed: true, error, reason };
  }
  return ask(request, rules, exchange);
}

/** The fields of RFC 6749 §5.1. */
export const readStandard: ReplyRules["read"] = (body) => ({
  accessToken: body["access_token"],
  expiresIn: body["expires_in"],
  refreshToken: body["refresh_token"],
  scope: body["scope"],
});

/**
 * `vault.fetch`: `fetch` with a token, where the token may go, and one more try after a 401.
 */
import type { Policy } from "./policy.ts";
import type { AccessToken, TokenNeed, TokenSource } from "./types.ts";

/** What `vault.fetch` takes beyond `RequestInit`. */
export interface VaultRequestInit extends Omit<RequestInit, "body"> {
  /** A function makes a stream anew for a second send; without one, a stream is sent once. */
  readonly body?: BodyInit | null | (() => BodyInit);
  /** Holds the runtime open for a refresh that outlives the response: `event.waitUntil`. */
  readonly waitUntil?: (promise: Promise<unknown>) => void;
}

/** `fetch`, with the two additions of {@link VaultRequestInit}. */
export type VaultFetch = (
  input: string | URL | Request,
  init?: VaultRequestInit,
) => Promise<Response>;

/** One send, the token in `Authorization`, redirects included. */
export type Send = (
  input: string | Request,
  init: RequestInit | undefined,
  authorization: string,
  /** What gives the same body once more, for a redirect that wants it. */
  again: () => Sendable | undefined,
) => Promise<Response>;

/** What is sent: a URL with a body that lasts, or a request of its own. */
export type Sendable = readonly [input: string | Request, init: RequestInit | undefined];

const isRequest = (input: unknown): input is Request =>
  typeof Request === "function" && input instanceof Request;

/** The headers as a plain object, which costs least; repeated names are joined. */
const toRecord = (headers: HeadersInit): Record<string, string> =>
  Symbol.iterator in headers
    ? Object.fromEntries(headers instanceof Headers ? headers : new Headers(headers))
    : headers;

export const withAuthorization = (
  headers: HeadersInit | undefined,
  authorization: string,
): HeadersInit => (headers ? { ...toRecord(headers), authorization } : { authorization });

/** A caller's own `Authorization` wins and switches the vault off for that request (S6). */
function hasAuthorization(headers: HeadersInit | undefined): boolean {
  for (const name in headers && toRecord(headers)) if (/^authorization$/i.test(name)) return true;
  return false;
}

/** Sends once. Redirects are the runtime's, which takes `Authorization` off between origins (S2). */
export const sendWith =
  (fetch_: typeof fetch): Send =>
  (input, init, authorization) =>
    typeof input === "string"
      ? fetch_(input, { ...init, headers: withAuthorization(init?.headers, authorization) })
      : fetch_(input, {
          // Fetch resets these two when anything else is given along.
          referrer: input.referrer,
          referrerPolicy: input.referrerPolicy,
          ...init,
          headers: withAuthorization(input.headers, authorization),
        });

/** What can be sent, and how it is made again: the bytes of the second send are the first bytes. */
function sendable(
  href: string,
  request: Request | undefined,
  init: VaultRequestInit | undefined,
): [Sendable, () => Sendable | undefined] {
  const body = init?.body;
  if (typeof body === "function") {
    const make = (): Sendable => [href, { ...init, body: body(), duplex: "half" } as RequestInit];
    return [request ? [new Request(request, make()[1]), undefined] : make(), make];
  }
  if (request ? !init : !body || typeof body === "string") {
    const same: Sendable = [request ?? href, init as RequestInit];
    // Firefox does not show a request's body; the other engines say when there is none.
    if (!request || request.body === null || /^(GET|HEAD)$/.test(request.method))
      return [same, () => same];
  }
  // A stream of the caller's is sent once, as it is.
  if (!request && typeof (body as ReadableStream).getReader === "function")
    return [[href, init as RequestInit], () => undefined];
  // A request takes the bytes at once, whatever their owner does to them later; a clone keeps them.
  const taken =
    request && !init ? request : new Request(request ?? href, init as RequestInit | undefined);
  let spare = taken.clone();
  return [
    [taken, undefined],
    () => {
      const next = spare;
      spare = next.clone();
      return [next, undefined];
    },
  ];
}

export function createFetch(
  policy: Policy,
  getToken: TokenSource["getToken"],
  authorization: (token: AccessToken) => string,
  fetch_: typeof fetch,
  send: Send,
  /** A token that cannot be renewed is not rejected for good: its 401 is the answer. */
  renews: boolean,
  onRetry: (token: AccessToken) => void,
): VaultFetch {
  return async (input, init) => {
    const request = isRequest(input) ? input : undefined;
    const href = policy(request ? request.url : String(input));
    if (
      href === undefined ||
      request?.mode === "navigate" ||
      (init?.mode ?? request?.mode) === "no-cors" ||
      hasAuthorization(init?.headers ?? request?.headers)
    )
      return typeof init?.body === "function"
        ? fetch_(...(sendable(String(input), request, init)[0] as [string, RequestInit]))
        : fetch_(input, init as RequestInit);

    const [first, again] = sendable(href, request, init);
    const got = getToken(init as TokenNeed | undefined);
    const token = "accessToken" in got ? got : await got;
    const response = await send(...first, authorization(token), again);
    // A challenge that no refresh can meet: RFC 6750 §3.1, RFC 9470 §3.
    if (
      response.status !== 401 ||
      !renews ||
      /error="?insufficient_/.test(response.headers.get("www-authenticate") ?? "")
    )
      return response;

    const next = again();
    const need: TokenNeed = {
      rejected: token,
      signal: next && (init?.signal ?? request?.signal),
      waitUntil: init?.waitUntil,
    };
    const refresh = Promise.resolve(getToken(need));
    if (!next) {
      // The call after this one will find a fresh token.
      refresh.catch(() => {});
      return response;
    }
    const newer = await refresh;
    if (newer.accessToken === token.accessToken) return response;
    response.body?.cancel().catch(() => {});
    onRetry(newer);
    return send(...next, authorization(newer), again);
  };
}

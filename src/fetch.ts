/**
 * `vault.fetch`: `fetch` with a token, where the token may go, and one more try after a 401.
 */
import type { Policy } from "./policy.ts";
import type { AccessToken, TokenSource } from "./types.ts";

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

/** What can be sent: a URL with a body that lasts, or a request that holds its bytes. */
export type Sendable = readonly [input: string | Request, init: RequestInit | undefined];

/** One send, redirects included. The headers hold the token. */
export type Send = (
  sendable: Sendable,
  headers: Record<string, string>,
  /** What gives the same bytes once more, for a redirect that wants them. */
  again: () => Sendable | undefined,
) => Promise<Response>;

const isRequest = (input: unknown): input is Request =>
  typeof Request === "function" && input instanceof Request;

/** A copy of the headers as a plain object, which costs least; repeated names are joined. */
const copyHeaders = (headers: HeadersInit | undefined): Record<string, string> =>
  headers && Symbol.iterator in headers
    ? Object.fromEntries(headers instanceof Headers ? headers : new Headers(headers))
    : { ...headers };

/** Sends once. Redirects are the runtime's, which takes `Authorization` off between origins (S2). */
export const sendWith =
  (fetch_: typeof fetch): Send =>
  ([input, init], headers) =>
    fetch_(
      input,
      // No prototype: what somebody put there is not ours to send (S15).
      (typeof input === "string"
        ? { __proto__: null, ...init, headers }
        : {
            __proto__: null,
            // Fetch resets these two when anything else is given along.
            referrer: input.referrer,
            referrerPolicy: input.referrerPolicy,
            ...init,
            headers,
          }) as RequestInit,
    );

/** What is sent, and how it is made again: the bytes of the second send are the first bytes. */
function prepare(
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
    // A copy: what the caller does to its own object later changes nothing.
    const same: Sendable = [request ?? href, init && ({ ...init } as RequestInit)];
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
    const headers = copyHeaders(init?.headers ?? request?.headers);
    if (
      href === undefined ||
      request?.mode === "navigate" ||
      (init?.mode ?? request?.mode) === "no-cors" ||
      // A caller's own wins and switches the vault off for this request (S6).
      Object.keys(headers).some((name) => /^authorization$/i.test(name))
    )
      return typeof init?.body === "function"
        ? fetch_(...(prepare(String(input), request, init)[0] as [string, RequestInit]))
        : fetch_(input, init as RequestInit);

    const [first, again] = prepare(href, request, init);
    const signal = init?.signal === undefined ? request?.signal : init.signal;
    const waitUntil = init?.waitUntil;
    const got = getToken({ signal, waitUntil });
    const token = "accessToken" in got ? got : await got;
    const response = await send(first, { ...headers, authorization: authorization(token) }, again);
    // A challenge that no refresh can meet: RFC 6750 §3.1, RFC 9470 §3.
    if (
      response.status !== 401 ||
      !renews ||
      /error="?insufficient_/.test(response.headers.get("www-authenticate") ?? "")
    )
      return response;

    const next = again();
    const refresh = Promise.resolve(
      getToken({ rejected: token, signal: next && signal, waitUntil }),
    );
    if (!next) {
      // The call after this one will find a fresh token.
      refresh.catch(() => {});
      return response;
    }
    const newer = await refresh;
    if (newer.accessToken === token.accessToken) return response;
    response.body?.cancel().catch(() => {});
    onRetry(newer);
    return send(next, { ...headers, authorization: authorization(newer) }, again);
  };
}

/**
 * `vault.fetch` in a page that has no engine: the rules of `fetch.ts` on `Request`, which only browsers
 * have whole, in a third of the bytes. The owner of the tokens judges where they may go.
 */
import type { VaultFetch, VaultRequestInit } from "../request/fetch.ts";
import type { TokenName } from "../types.ts";

/** A token on its way into a request. */
export interface Ticket extends TokenName {
  /** The whole header value. */
  readonly authorization: string;
  /** What another 401 means, if the one before showed no time by which the token could be signed. */
  readonly clockError?: unknown;
}

type Own = { -readonly [name in keyof VaultRequestInit]: VaultRequestInit[name] | undefined } & {
  duplex?: "half";
};

export const createSend =
  (
    /** Resolves with `undefined` where no token may go. */
    getTicket: (
      url: string,
      signal: AbortSignal | undefined,
      rejected?: Partial<TokenName>,
      date?: number,
    ) => Promise<Ticket | undefined>,
    onRetry: (ticket: Ticket) => void,
    fail: (said: unknown) => never,
  ): VaultFetch =>
  async (input, init) => {
    // Fetch resets these two when anything else is given along.
    const { referrer, referrerPolicy } = input as Partial<Request>;
    // No prototype: what somebody put there is not ours to send (S15).
    const own = { __proto__: null, referrer, referrerPolicy, ...init } as Own;
    const { body, waitUntil, fetch: send = fetch } = own;
    const isMade = typeof body === "function";
    // WebKit makes no copies of its own of these; a blob is one.
    if ((body as ArrayBuffer)?.byteLength >= 0) own.body = new Blob([body as ArrayBuffer]);
    if (body instanceof URLSearchParams) own.body = new URLSearchParams(body);

    function make(from: typeof input): Request {
      if (isMade) {
        own.body = body();
        own.duplex = "half";
      }
      return new Request(from, own as RequestInit);
    }
    function go(request: Request, { authorization }: Ticket): Promise<Response> {
      request.headers.set("authorization", authorization);
      return send(request);
    }

    // From here on nobody else can change it.
    const request = make(input);
    const { url, mode, headers, signal } = request;
    // Of the modes, `navigate` and `no-cors`.
    const isBare = mode[0] === "n" || headers.has("authorization");
    const ticket = isBare ? undefined : await getTicket(url, signal);
    if (!ticket) return send(request);
    // The same bytes once more; a stream is sent once.
    const spare = isMade ? request : body instanceof ReadableStream ? undefined : request.clone();
    let response = await go(request, ticket);
    // A challenge that no refresh can meet: RFC 6750 §3.1, RFC 9470 §3.
    const said = response.headers;
    if (response.status !== 401 || /error\W+insufficient_/i.test(said.get("www-authenticate")!))
      return response;
    const renewed = getTicket(url, spare && signal, ticket, Date.parse(said.get("date")!));
    waitUntil?.(renewed);
    if (!spare) {
      // The call after this one will find a fresh token.
      renewed.catch(() => {});
      return response;
    }
    const newer = await renewed;
    if (newer && newer.authorization !== ticket.authorization) {
      response.body?.cancel().catch(() => {});
      onRetry(newer);
      // A request made anew has them.
      own.headers = undefined;
      response = await go(isMade ? make(request) : spare, newer);
    }
    if (newer?.clockError && response.status === 401) fail(newer.clockError);
    return response;
  };

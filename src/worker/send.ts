/**
 * `vault.fetch` in a page that has no engine: the rules of `fetch.ts` on `Request`, which only browsers
 * have whole, in a third of the bytes. The owner of the tokens judges where they may go.
 */
import type { VaultFetch } from "../fetch.ts";
import type { TokenName } from "../types.ts";

/** A token on its way into a request. */
export interface Ticket extends TokenName {
  /** The whole header value. */
  readonly authorization: string;
}

export const createSend =
  (
    /** Resolves with `undefined` where no token may go. */
    getTicket: (
      url: string,
      signal: AbortSignal | null,
      rejected?: Partial<TokenName>,
    ) => Promise<Ticket | undefined>,
    onRetry: (ticket: Ticket) => void,
  ): VaultFetch =>
  async (input, init) => {
    const { referrer, referrerPolicy } = input as Partial<Request>;
    const { body, waitUntil } = init ?? {};
    const isMade = typeof body === "function";
    // WebKit makes no copies of its own of these; a blob is one.
    const kept =
      (body as ArrayBuffer | undefined)?.byteLength !== undefined
        ? new Blob([body as ArrayBuffer])
        : body instanceof URLSearchParams && new URLSearchParams(body);
    const next = (): Request =>
      new Request(
        input,
        // No prototype: what somebody put there is not ours to send (S15).
        init &&
          ({
            __proto__: null,
            // Fetch resets these two when anything else is given along.
            referrer: referrer === "about:client" ? undefined : referrer,
            referrerPolicy: referrerPolicy || undefined,
            ...init,
            ...(isMade && { body: body(), duplex: "half" }),
            ...(kept && { body: kept }),
          } as RequestInit),
      );
    // From here on nobody else can change it.
    const request = next();
    const { url, mode, headers, signal } = request;
    const isBare = /^na|^no-/.test(mode) || headers.has("authorization");
    const ticket = isBare ? undefined : await getTicket(url, signal);
    if (!ticket) return fetch(request);
    // The same bytes once more; a stream is sent once.
    const spare = isMade ? next : body instanceof ReadableStream ? undefined : request.clone();
    headers.set("authorization", ticket.authorization);
    const response = await fetch(request);
    // A challenge that no refresh can meet: RFC 6750 §3.1, RFC 9470 §3.
    if (
      response.status !== 401 ||
      /error="?insufficient_/.test(response.headers.get("www-authenticate") ?? "")
    )
      return response;
    const renewed = getTicket(url, spare ? signal : null, ticket);
    waitUntil?.(renewed);
    if (!spare) {
      // The call after this one will find a fresh token.
      renewed.catch(() => {});
      return response;
    }
    const newer = await renewed;
    if (!newer || newer.authorization === ticket.authorization) return response;
    response.body?.cancel().catch(() => {});
    onRetry(newer);
    const again = typeof spare === "function" ? spare() : spare;
    again.headers.set("authorization", newer.authorization);
    return fetch(again);
  };

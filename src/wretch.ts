/**
 * The vault under wretch 3, as a middleware or as an addon. Only types of wretch are imported.
 *
 * @example
 * ```ts
 * import wretch from "wretch";
 * import { vaultMiddleware } from "tokenkeep/wretch";
 *
 * const api = wretch("https://api.vmcloud.com/v1").middlewares([vaultMiddleware(vault)]);
 * const vms = await api.get("/vms").json();
 * ```
 *
 * @module
 */
import type { ConfiguredMiddleware, FetchLike, WretchAddon, WretchOptions } from "wretch";
import { VaultError } from "./errors.ts";
import type { Fetch } from "./types.ts";

/** What is needed of a vault: its `fetch`, which takes one to send a call with. */
export interface WretchVault {
  readonly fetch: (url: string, init: RequestInit & { readonly fetch: Fetch }) => Promise<Response>;
}

/** These may be sent again without harm: RFC 9110 §9.2.2. */
const isIdempotent = ({ method = "GET" }: WretchOptions): boolean =>
  /^(get|head|options|trace|put|delete)$/i.test(method);

/** Asked as headers, in whatever form they come (F61). */
const authorizationOf = ({ headers }: WretchOptions): string | null =>
  new Headers((headers ?? {}) as HeadersInit).get("authorization");

function refuse(message: string): never {
  throw new VaultError("invalid_option", message);
}

/**
 * Sends wretch's requests as `vault.fetch` does: with the token where it may go (judged on the final
 * URL, whatever a base URL was tricked into), and once more after a 401. Requests to elsewhere, and
 * those with an `Authorization` of your own (`.auth(…)`), pass untouched. A 401 that stays comes to
 * `.unauthorized()`; a `VaultError` comes to `.error("VaultError", …)`, `.fetchError()` or `.catch`.
 *
 * **List it first**, or use {@link vaultAddon}, which does. What is listed after it, and wretch's own
 * addons, see each send, with the token: there `dedupe` and `throttlingCache` are switched off, a
 * reply that was fetched for another request is refused, and so is a POST's second try.
 * `retry` may stand before it: it sees replies that are healed already, and a POST
 * or PATCH that was sent is not sent again, its first reply is given again. A `dedupe`
 * or cache that stands before it answers without asking the vault: have one for each account,
 * never one for several. A mock belongs into the vault's `fetch`: one that is listed after the vault
 * answers without reading the token, and its reply is refused as a foreign one.
 */
export function vaultMiddleware(vault: WretchVault): ConfiguredMiddleware {
  // wretch makes its chain anew for each call: what stands in here is one call's.
  return (next) => {
    let reply: Promise<Response> | undefined;
    let isSpent = false;
    return (url, options) => {
      if (isSpent) return reply!;
      reply = vault.fetch(url, {
        ...options,
        fetch: (input, given: WretchOptions = {}) => {
          const [to, init] =
            input instanceof Request ? fromRequest(input, options) : [String(input), given];
          const authorization = authorizationOf(init);
          if (authorization === null || authorizationOf(options) !== null) return next(to, init);
          isSpent ||= !isIdempotent(init);
          return sendOnce(next, to, init, authorization);
        },
      });
      return reply;
    };
  };
}

/** A page whose vault is in a worker sends a `Request`: the chain gets what that was made of. */
function fromRequest({ url, headers }: Request, options: WretchOptions): [string, WretchOptions] {
  const own = Object.assign(Object.create(null) as WretchOptions, options);
  const body: unknown = own.body;
  if (typeof body === "function") own.body = body();
  const authorization = headers.get("authorization");
  if (authorization && authorizationOf(own) === null)
    own.headers = { ...toRecord(own.headers), authorization };
  return [url, own];
}

/** Headers as a plain object, which keeps the case of its names if it was one before. */
const toRecord = (headers: HeadersInit | undefined): Record<string, string> =>
  headers && Symbol.iterator in headers ? Object.fromEntries(new Headers(headers)) : { ...headers };

/**
 * Sends with a token. Whatever sends reads the header, so that it tells what became of the request:
 * a reply that comes though nobody read it is another request's, and whoever reads it later on
 * sends again.
 */
async function sendOnce(
  next: FetchLike,
  url: string,
  init: WretchOptions,
  authorization: string,
): Promise<Response> {
  let isRead = false;
  let isOver = false;
  const headers = {
    ...toRecord(init.headers),
    get authorization() {
      if (isOver && !isIdempotent(init))
        refuse("Request sent again: list that middleware before vaultMiddleware");
      // In one go a request may be made more than once: to measure it, to log it, to send it.
      if (!isRead) queueMicrotask(() => (isOver = true));
      isRead = true;
      return authorization;
    },
  };
  // The prototype stays: the vault's has nothing for others to pollute (S15).
  const own = Object.assign(Object.create(Object.getPrototypeOf(init)) as WretchOptions, init);
  const reply = await next(url, Object.assign(own, { headers, skipDedupe: true, skipCache: true }));
  return isRead
    ? reply
    : refuse(
        "Reply without a request: list that middleware before vaultMiddleware, one per account; a mock belongs into the vault's fetch",
      );
}

/**
 * {@link vaultMiddleware}, listed before all other middlewares, in whatever order they and this
 * addon are given: no `dedupe` or cache, even one that several accounts share, answers
 * for the vault.
 *
 * @example
 * ```ts
 * import wretch from "wretch";
 * import { dedupe } from "wretch/middlewares";
 * import { vaultAddon } from "tokenkeep/wretch";
 *
 * const shared = wretch("https://api.vmcloud.com/v1").middlewares([dedupe()]);
 * const api = shared.addon(vaultAddon(vault));
 * ```
 */
export function vaultAddon(vault: WretchVault): WretchAddon<unknown> {
  return {
    beforeRequest: (wretch) =>
      wretch.middlewares([vaultMiddleware(vault), ...wretch._middlewares], true),
  };
}

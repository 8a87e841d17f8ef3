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
import { because } from "./errors.ts";
import type { Fetch } from "./types.ts";

/** The part of a vault that is needed: `fetch`, whose init may name the `fetch` that sends the call. */
export interface WretchVault {
  readonly fetch: (url: string, init: RequestInit & { readonly fetch: Fetch }) => Promise<Response>;
}

/** Requests with these methods may be sent again without harm: RFC 9110 §9.2.2. */
const isIdempotent = ({ method = "GET" }: WretchOptions): boolean =>
  /^(get|head|options|trace|put|delete)$/i.test(method);

/** Looked up as in `Headers`, in each form that headers may have (F61). */
const headersOf = ({ headers }: WretchOptions): Headers => new Headers(headers ?? {});

/** The header that the vault has added, with its token. A `Request` adds the type of its body by itself. */
function addedTo(options: WretchOptions, sent: Headers): [name: string, value: string] | undefined {
  const before = headersOf(options);
  return [...sent].find(([name]) => name !== "content-type" && !before.has(name));
}

function refuse(why: string, advice: string): never {
  throw because("invalid_option", why, advice);
}

/**
 * Sends wretch's requests as `vault.fetch` does: with the token where it may go (judged on the final
 * URL, even if a base URL was tricked into another host), and once more after a 401. Requests to elsewhere, and
 * those with an `Authorization` of your own (`.auth(…)`, where tokens go into that header), pass untouched. A 401 that stays comes to
 * `.unauthorized()`; a `VaultError` comes to `.error("VaultError", …)`, `.fetchError()` or `.catch`.
 *
 * **List the vault first**, or use {@link vaultAddon}, which does so.
 *
 * - Middlewares after the vault, and wretch's own addons, see each send with its token. There `dedupe` and
 *   `throttlingCache` are switched off; a reply that was fetched for another request is refused, and so
 *   is a second try of a POST.
 * - `retry` may stand before the vault. It sees replies that are healed already. A POST or PATCH is not sent
 *   again: `retry` gets the first reply once more.
 * - A `dedupe` or cache before the vault answers without asking the vault: have one for each account,
 *   never one for several.
 * - What sends is wretch's own `fetch`, and never the vault's: a mock, like any other `fetch` of your own, belongs
 *   in `fetchPolyfill`. A middleware after the vault that answers without reading the token is refused, as if
 *   its reply were another request's.
 *
 * @throws VaultError `invalid_option`, as the rejection of a call, where a middleware is in the wrong
 * place.
 */
export function vaultMiddleware(vault: WretchVault): ConfiguredMiddleware {
  // wretch makes its chain anew for each call, so that these variables belong to one call.
  return (next) => {
    let reply: Promise<Response> | undefined;
    let isSpent = false;
    return (url, options) => {
      if (isSpent && reply) return reply;
      reply = vault.fetch(url, {
        ...options,
        fetch: (input, given: WretchOptions = {}) => {
          const [to, init] =
            input instanceof Request ? fromRequest(input, options) : [String(input), given];
          const added = addedTo(options, headersOf(init));
          if (!added) return next(to, init);
          isSpent ||= !isIdempotent(init);
          return sendOnce(next, { url: to, init, added });
        },
      });
      return reply;
    };
  };
}

/** A page whose vault is in a worker sends a `Request`: the chain gets its URL and the call's options. */
function fromRequest(
  { url, headers, redirect }: Request,
  options: WretchOptions,
): [string, WretchOptions] {
  const own: WretchOptions = Object.assign(Object.create(null), options, { redirect });
  const body: unknown = own.body;
  if (typeof body === "function") own.body = body();
  const added = addedTo(options, headers);
  if (added) own.headers = { ...toRecord(own.headers), [added[0]]: added[1] };
  return [url, own];
}

/** Headers as a plain object. Names keep their case if the headers were one before. */
const toRecord = (headers: HeadersInit | undefined): Record<string, string> =>
  headers && Symbol.iterator in headers ? Object.fromEntries(new Headers(headers)) : { ...headers };

interface ShownCall {
  readonly url: string;
  readonly init: WretchOptions;
  /** The header that shows the token, and its value. */
  readonly added: readonly [name: string, value: string];
}

/**
 * Sends with a token. A sender has to read the header, so that the getter tells what became of the
 * request: a reply that comes although nobody read the header is another request's, and a read later on
 * is a second send.
 */
async function sendOnce(
  next: FetchLike,
  { url, init, added: [header, value] }: ShownCall,
): Promise<Response> {
  let isRead = false;
  let isOver = false;
  const headers = {
    ...toRecord(init.headers),
    get [header]() {
      if (isOver && !isIdempotent(init))
        refuse("a request is sent again", "List that middleware before vaultMiddleware");
      // In one go a request may be made more than once: to measure it, to log it, to send it.
      if (!isRead)
        queueMicrotask(() => {
          isOver = true;
        });
      isRead = true;
      return value;
    },
  };
  // The prototype stays: the vault's has nothing for others to pollute (S15).
  const own: WretchOptions = Object.assign(Object.create(Object.getPrototypeOf(init)), init);
  const reply = await next(url, Object.assign(own, { headers, skipDedupe: true, skipCache: true }));
  return isRead
    ? reply
    : refuse(
        "a reply came without a request",
        "List that middleware before vaultMiddleware, one per account; a mock belongs in wretch's fetchPolyfill",
      );
}

/**
 * {@link vaultMiddleware}, listed before all other middlewares, even those that were given before this
 * addon: no `dedupe` or cache, even one that several accounts share, answers
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

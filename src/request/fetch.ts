/**
 * `vault.fetch`: `fetch` with a token, where the token may go, and one more try after a 401. Its steps
 * stand beside it: policy, init, body, send, redirects, the 401 rule.
 */
import { createBareTeller } from "./bare.ts";
import { keepBody } from "./body.ts";
import type { Call, FetchOptions, Given, VaultFetch, VaultRequestInit } from "./contract.ts";
import { createRetry, isPlain } from "./retry.ts";
import { hasHeader, isRequest, keepHeaders, readInit } from "./init.ts";
import { isWhole, PAST, pastOf, toldBy } from "./past.ts";
import { readPlain, toCall } from "./plain.ts";
import { AUTHORIZATION } from "./presentation.ts";
import { Sent } from "./send.ts";

export type { FetchOptions, Follow, VaultFetch, VaultRequestInit } from "./contract.ts";

type Input = string | URL | Request;

/**
 * The address that is sent, even if a subclass or a property of the object shows another one (S1). The
 * platform's getter gives it: a frame's `Request` has it too, and it throws for an object of another kind.
 */
function urlOf(request: Request): string {
  try {
    return Reflect.get(Request.prototype, "url", request);
  } catch {
    throw new TypeError(
      "Cannot send this Request: it is not of this runtime's own class. Pass its URL and an init.",
    );
  }
}

/**
 * An init for a call without a token: the caller's own one, unless it has what is the vault's alone. `fetch`
 * knows no body that is a function, and another vault would send by the call's own `fetch` again.
 */
function plainly(init: object | undefined, given: Given): object | undefined {
  const { body } = given;
  if (typeof body === "function") Object.assign(given, { body: body(), duplex: "half" });
  else if (!given.fetch && !given[PAST]) return init;
  return Object.assign(given, { fetch: undefined });
}

/**
 * The mode of a call whose redirects are to be followed: absent where the runtime may follow them. There it
 * takes `Authorization` off between origins, and no other header: then none is followed (S2).
 */
function modeOf({ follow, presentation }: FetchOptions): "manual" | "error" | undefined {
  if (follow) return "manual";
  return presentation.header === AUTHORIZATION ? undefined : "error";
}

/** Keeps a call of any kind as it was made. */
function keepCall(
  options: FetchOptions,
  { href, request, headers }: Pick<Call, "href" | "headers"> & { request: Request | undefined },
  given: Given,
): Call {
  const { method = request?.method ?? "GET", body, fetch: send = options.fetch } = given;
  const { redirect = request?.redirect ?? "follow" } = given;
  if (typeof body === "function") given.duplex = "half";
  const isFollowed = redirect === "follow";
  return {
    input: request ?? href,
    href,
    method: String(method),
    headers,
    body: keepBody(body, request, options.maxReplayBytes),
    redirect: (isFollowed ? modeOf(options) : undefined) ?? given.redirect,
    given,
    send,
    presentation: options.presentation,
    signal: given.signal === undefined ? request?.signal : given.signal,
    waitUntil: given.waitUntil,
    follow: isFollowed ? options.follow : undefined,
  };
}

export function createFetch(options: FetchOptions): VaultFetch {
  const { policy, source, presentation, fetch: fetch_ } = options;
  const { header, show } = presentation;
  const { start, settle, sent } = createRetry(options);
  const tellBare = createBareTeller(options);
  const redirect = modeOf(options);
  // A call with another header takes the longer way, so that this one stays short.
  const isCommon = header === AUTHORIZATION;

  /** Any call. Each step runs at once as long as nothing has to be waited for. */
  function begin(input: Input, init: VaultRequestInit | undefined): Promise<Response> {
    const request = isRequest(input) ? input : undefined;
    const address = request ? urlOf(request) : String(input);
    const past = pastOf(init);
    const href = isWhole(past, header, policy) ? policy(address) : undefined;
    const given = readInit(init, request);
    if (past) given[PAST] = toldBy(header, past);
    if (href === undefined) tellBare(address);
    const { signal = request?.signal, mode = request?.mode, fetch: send = fetch_ } = given;
    if (
      href === undefined ||
      request?.mode === "navigate" ||
      mode === "no-cors" ||
      // `fetch` itself rejects an aborted call, in its own time and without a token (F92).
      signal?.aborted
    )
      // A call without a token goes out as the caller gave it.
      return send(input, plainly(init, given));
    const { headers: shown = request?.headers ?? {} } = given;
    const headers = keepHeaders(shown);
    if (!hasHeader(headers, header))
      return start(keepCall(options, { href, headers, request }, given));
    // The given headers may have been an iterator, which is used up by now.
    const read = given.headers ? Object.assign(given, { headers }) : init;
    return send(input, plainly(read, given));
  }

  return (input, init) => {
    try {
      const href = isCommon && typeof input === "string" ? policy(input) : undefined;
      const plain = href === undefined ? undefined : readPlain(init);
      if (href === undefined || !plain) return begin(input, init);
      const token = source.ready?.();
      if (!token || token.isWatched) return start(toCall(options, plain, href));
      sent(token);
      const { method, headers, body } = plain;
      const value = show(token);
      const shown = headers ? { ...headers, authorization: value } : { authorization: value };
      const own = new Sent({ method, headers: shown, body, redirect });
      return fetch_(href, own as RequestInit).then((response) =>
        isPlain(response, token)
          ? response
          : settle(toCall(options, plain, href), response, { token, waited: undefined }),
      );
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

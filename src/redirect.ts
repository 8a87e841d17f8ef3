/**
 * Following redirects where the runtime shows them (Node, Bun, Deno, workerd): by Fetch's rules
 * (https://fetch.spec.whatwg.org/#http-redirect-fetch), the token only where it may go (S2).
 */
import { type Outgoing, type Send, sendWith, withAuthorization } from "./fetch.ts";
import type { Policy } from "./policy.ts";

const MOST_HOPS = 20;

/** A caller's secrets, which Fetch takes off when the origin changes. */
const SECRETS = ["authorization", "proxy-authorization", "cookie", "host"];
const BODY_HEADERS = ["content-encoding", "content-language", "content-location", "content-type"];

/** Whether the runtime hides where a redirect leads: browsers do. */
export const hidesRedirects = (): boolean =>
  typeof document === "object" || typeof importScripts === "function";

declare const importScripts: unknown;

export function sendFollowing(fetch_: typeof fetch, policy: Policy): Send {
  const sendOnce = sendWith(fetch_);

  return async (outgoing, authorization) => {
    const { input, init } = outgoing;
    const request = typeof input === "string" ? undefined : input;
    if ((init?.redirect ?? request?.redirect ?? "follow") !== "follow")
      return sendOnce(outgoing, authorization);

    let method = (init?.method ?? request?.method ?? "GET").toUpperCase();
    const headers = new Headers(init?.headers ?? request?.headers);
    let url = new URL(request ? request.url : (input as string));
    let body: Outgoing | undefined = outgoing;
    let response = await sendOnce(
      { ...outgoing, init: { ...init, redirect: "manual" } },
      authorization,
    );
    for (let hops = 0; ; hops++) {
      const { status } = response;
      const location = response.headers.get("location");
      const redirects = status === 303 || status === 307 || status === 308 || status === 301 || status === 302;
      if (!redirects || location === null) return response;
      const next = new URL(location, url);
      if (hops === MOST_HOPS || !/^https?:$/.test(next.protocol) || next.username || next.password)
        throw new TypeError("Cannot follow the redirect");
      if (!next.hash) next.hash = url.hash;
      if (
        ((status === 301 || status === 302) && method === "POST") ||
        (status === 303 && method !== "GET" && method !== "HEAD")
      ) {
        method = "GET";
        body = undefined;
        for (const name of BODY_HEADERS) headers.delete(name);
      }
      if (body && !(body = body.again())) throw new TypeError("Cannot send a stream again");
      if (next.origin !== url.origin) for (const name of SECRETS) headers.delete(name);
      url = next;
      response.body?.cancel().catch(() => {});

      const spare = typeof body?.input === "object" ? body.input : undefined;
      const hop: RequestInit = {
        ...(request && { signal: request.signal, credentials: request.credentials }),
        ...body?.init,
        ...(!body && { ...init, body: null }),
        ...(spare?.body && { body: spare.body, duplex: "half" }),
        method,
        redirect: "manual",
        headers: policy(url.href) ? withAuthorization(headers, authorization) : headers,
      } as RequestInit;
      response = await fetch_(url.href, hop);
      Object.defineProperty(response, "redirected", { value: true });
    }
  };
}

/**
 * Following redirects where the runtime shows them (Node, Bun, Deno, workerd): by Fetch's rules
 * (https://fetch.spec.whatwg.org/#http-redirect-fetch), the token only where it may go (S2).
 */
import { type Send, type Sendable, sendWith, withAuthorization } from "./fetch.ts";
import type { Policy } from "./policy.ts";

declare const importScripts: unknown;

/** Whether the runtime hides where a redirect leads: browsers do. */
export const hidesRedirects = (): boolean =>
  typeof document === "object" || typeof importScripts === "function";

export function sendFollowing(fetch_: typeof fetch, policy: Policy): Send {
  const sendOnce = sendWith(fetch_);

  return async (input, init, authorization, again) => {
    const request = typeof input === "string" ? undefined : input;
    if ((init?.redirect ?? request?.redirect ?? "follow") !== "follow")
      return sendOnce(input, init, authorization, again);

    let method = (init?.method ?? request?.method ?? "GET").toUpperCase();
    let url = new URL(request?.url ?? (input as string));
    // The caller's own: what Fetch takes off when the origin changes is taken off here.
    const headers = new Headers(init?.headers ?? request?.headers);
    let hasBody = true;
    let response = await sendOnce(input, { ...init, redirect: "manual" }, authorization, again);
    for (let hops = 0; ; hops++) {
      const { status } = response;
      const location = response.headers.get("location");
      if (!/^30[12378]$/.test(`${status}`) || location === null) return response;
      const next = new URL(location, url);
      if (hops > 19 || !/^https?:$/.test(next.protocol) || next.username || next.password)
        throw new TypeError("Cannot follow the redirect");
      next.hash ||= url.hash;
      if (status === 303 ? !/^(GET|HEAD)$/.test(method) : status < 303 && method === "POST") {
        method = "GET";
        hasBody = false;
        for (const part of ["encoding", "language", "location", "type"])
          headers.delete("content-" + part);
      }
      if (next.origin !== url.origin)
        for (const name of ["proxy-authorization", "cookie", "host"]) headers.delete(name);
      url = next;
      response.body?.cancel().catch(() => {});

      const source: Sendable | undefined = hasBody ? again() : ["", init && { ...init, body: null }];
      if (!source) throw new TypeError("Cannot send a stream again");
      const [spare, rest] = source;
      const { body, signal, credentials } = (typeof spare === "object" ? spare : (request ?? {})) as Partial<Request>;
      response = await fetch_(url.href, {
        signal,
        credentials,
        ...(hasBody && body && { body, duplex: "half" }),
        ...rest,
        method,
        redirect: "manual",
        headers: policy(url.href) ? withAuthorization(headers, authorization) : headers,
      } as RequestInit);
      Object.defineProperty(response, "redirected", { value: true });
    }
  };
}

/**
 * Following redirects where the runtime shows them (Node, Bun, Deno, workerd): by Fetch's rules
 * (https://fetch.spec.whatwg.org/#http-redirect-fetch), the token only where it may go (S2).
 */
import { type Follow, type Sendable, urlOf } from "./fetch.ts";
import type { Policy } from "./policy.ts";

declare const importScripts: unknown;

/** Whether the runtime hides where a redirect leads: browsers do. */
export const hidesRedirects = (): boolean =>
  typeof document === "object" || typeof importScripts === "function";

/** A redirect that is to be followed: Fetch's redirect statuses, with somewhere to go. */
function locationOf({ status, headers }: Response): string | null {
  const location = [301, 302, 303, 307, 308].includes(status) ? headers.get("location") : null;
  try {
    // A header's bytes come as Latin-1; browsers, Node and Bun take a Location for UTF-8.
    return location && decodeURIComponent(escape(location));
  } catch {
    return location;
  }
}

export const createFollow =
  (policy: Policy): Follow =>
  async (response, [input, init], again, send) => {
    const { authorization, ...rest } = init.headers;
    // The caller's own: what Fetch takes off when the origin changes is taken off here.
    const headers = new Headers(rest);
    // What an init leaves open, or `undefined`, is the Request's.
    const request = typeof input === "object" ? input : undefined;
    const kept: RequestInit = {};
    for (const name of ["method", "signal", "credentials", "cache", "mode"] as const)
      Object.assign(kept, { [name]: init[name] === undefined ? request?.[name] : init[name] });
    let { method = "GET" } = kept;
    let url = new URL(request ? urlOf(request) : (input as string));
    let hasBody = true;
    for (let hops = 0; ; hops++) {
      const { status } = response;
      const location = locationOf(response);
      if (location === null) return response;
      const next = new URL(location, url);
      const crosses = next.origin !== url.origin;
      if (
        hops > 19 ||
        // Nor with a user or a password.
        !/^https?:\/\/[^/@]+\//.test(next.href) ||
        (crosses && kept.mode === "same-origin")
      )
        throw new TypeError("Cannot follow the redirect");
      next.hash ||= url.hash;
      if (status === 303 ? !/^(get|head)$/i.test(method) : status < 303 && /^post$/i.test(method)) {
        method = "GET";
        hasBody = false;
        for (const part of ["encoding", "language", "location", "type"])
          headers.delete("content-" + part);
      }
      if (crosses)
        for (const name of ["proxy-authorization", "cookie", "host"]) headers.delete(name);
      url = next;
      response.body?.cancel().catch(() => {});

      const source: Sendable | undefined = hasBody ? again() : [input, init];
      if (!source) throw new TypeError("Cannot send a stream again");
      const [spare, spareInit] = source as [Request, RequestInit];
      const hop = new Headers(headers);
      if (policy(url.href)) hop.set("authorization", authorization!);
      response = await send(url.href, {
        ...spareInit,
        ...kept,
        // A request's as a whole, so that its length is told as at the first send, and its type is not.
        body: hasBody ? (spareInit.body ?? (spare.body && (await spare.blob()).slice())) : null,
        method,
        redirect: "manual",
        headers: hop,
      });
      Object.defineProperty(response, "redirected", { value: true });
    }
  };

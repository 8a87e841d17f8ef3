/**
 * Following redirects where the runtime shows them (Node, Bun, Deno, workerd): by Fetch's rules
 * (https://fetch.spec.whatwg.org/#http-redirect-fetch), the token only where it may go (S2).
 */
import type { Follow, Sendable } from "./fetch.ts";
import type { Policy } from "./policy.ts";

declare const importScripts: unknown;

/** Whether the runtime hides where a redirect leads: browsers do. */
export const hidesRedirects = (): boolean =>
  typeof document === "object" || typeof importScripts === "function";

/** A redirect that is to be followed: Fetch's redirect statuses, with somewhere to go. */
const locationOf = ({ status, headers }: Response): string | null =>
  /^30[12378]$/.test(`${status}`) ? headers.get("location") : null;

export const createFollow =
  (policy: Policy): Follow =>
  async (response, [input, init], again, send) => {
    const { authorization, ...rest } = init.headers;
    // The caller's own: what Fetch takes off when the origin changes is taken off here.
    const headers = new Headers(rest);
    let { method = "GET" } = init;
    let url = new URL(typeof input === "object" ? input.url : input);
    let hasBody = true;
    for (let hops = 0; ; hops++) {
      const { status } = response;
      const location = locationOf(response);
      if (location === null) return response;
      const next = new URL(location, url);
      if (hops > 19 || !/^https?:$/.test(next.protocol) || next.username || next.password)
        throw new TypeError("Cannot follow the redirect");
      next.hash ||= url.hash;
      if (status === 303 ? !/^(get|head)$/i.test(method) : status < 303 && /^post$/i.test(method)) {
        method = "GET";
        hasBody = false;
        for (const part of ["encoding", "language", "location", "type"])
          headers.delete("content-" + part);
      }
      if (next.origin !== url.origin)
        for (const name of ["proxy-authorization", "cookie", "host"]) headers.delete(name);
      url = next;
      response.body?.cancel().catch(() => {});

      const source: Sendable | undefined = hasBody ? again() : [input, init];
      if (!source) throw new TypeError("Cannot send a stream again");
      const [spare, spareInit] = source;
      const hop = new Headers(headers);
      if (policy(url.href)) hop.set("authorization", authorization!);
      response = await send(url.href, {
        ...(typeof spare === "object" && {
          signal: spare.signal,
          credentials: spare.credentials,
          // As a whole, so that its length is told as at the first send.
          ...(hasBody && spare.body && { body: await spare.blob() }),
        }),
        ...spareInit,
        ...(!hasBody && { body: null }),
        method,
        redirect: "manual",
        headers: hop,
      });
      Object.defineProperty(response, "redirected", { value: true });
    }
  };

/** Where a token may go (S1, S3): exact origins, judged on the final, parsed, absolute URL. */
import { isSecure } from "../guard/secure.ts";
import { check } from "../errors.ts";
import type { Provider } from "../types.ts";

export interface Policy {
  /**
   * The absolute URL that `input` names, if the token may go there; otherwise `undefined`. What is
   * returned is what must be sent: nothing is parsed a second time.
   */
  (input: string): string | undefined;
}

/** Parses a base URL of a provider, or throws `invalid_option`. */
function parseBase(base: string, allowLoopbackHttp: boolean | undefined): URL {
  let url: URL | undefined;
  try {
    url = new URL(base);
  } catch {}
  // Nothing but an origin and a path: no user, query or fragment.
  check(
    url && isSecure(url, allowLoopbackHttp) && url.href === url.origin + url.pathname,
    "origins, https URLs of host and path, or dangerouslyAllowLoopbackHttp",
  );
  return url;
}

/** Whether `path` is `prefix` or lies below it, by whole segments. */
const isUnder = (path: string, prefix: string): boolean =>
  path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : prefix + "/");

export function createPolicy(
  { origins, publicPaths = [] }: Pick<Provider, "origins" | "publicPaths">,
  allowLoopbackHttp?: boolean,
): Policy {
  const bases = origins.map((origin) => parseBase(origin, allowLoopbackHttp));
  // Behind an exact origin and a slash nothing can change the host any more, so that where no path
  // matters the common request is judged without parsing.
  const plain = bases.map(({ origin, pathname }) =>
    pathname === "/" && !publicPaths.length ? origin.replace(/\W/g, "\\$&") : "(?!)",
  );
  // Compiled once: it is asked at every request, and costs half of `startsWith`.
  const isPlain = RegExp(`^(?:${plain.join("|")})/`);

  return (input) => {
    if (isPlain.test(input)) return input;
    let url: URL;
    try {
      url = new URL(input, globalThis.document?.baseURI ?? globalThis.location?.href);
    } catch {
      return undefined;
    }
    const { href, pathname } = url;
    const allowed =
      bases.some(
        (base) =>
          // No user or password either: they would stand before the host.
          href.startsWith(base.origin + "/") &&
          isUnder(pathname, base.pathname) &&
          // An encoded slash may lead a server out of the prefix.
          (base.pathname === "/" || !/%2f|%5c/i.test(pathname)),
      ) && !publicPaths.some((path) => isUnder(pathname, path));
    return allowed ? href : undefined;
  };
}

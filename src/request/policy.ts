/** Where a token may go (S1, S3): exact origins, judged on the final, parsed, absolute URL. */
import { isSecure } from "../guard/secure.ts";
import { check } from "../errors.ts";
import type { Provider } from "../types.ts";

export interface Policy {
  /**
   * The absolute URL that `input` names, if the token may go there; otherwise `undefined`. The request
   * has to go to this very text: nothing is parsed a second time.
   */
  (input: string): string | undefined;
  /** The origin of an address that no token may go to, unless it is one of `publicPaths` of a listed one. */
  unlisted(input: string): string | undefined;
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
    "origins, https URLs of host and path, or for http on this machine dangerouslyAllowLoopbackHttp: true beside the provider",
  );
  return url;
}

/** Whether `path` is `prefix` or lies below it, by whole segments. */
const isUnder = (path: string, prefix: string): boolean =>
  path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : prefix + "/");

/** A percent sign, a hexadecimal digit or a `u`, encoded: what another escape is made of. */
const IN_ESCAPES = /%(25|3\d|[46][1-6]|[57]5)/g;
const DEEPEST = 8;

const decode = (escape: string): string => String.fromCharCode(parseInt(escape.slice(1), 16));

/**
 * A path that may lead a server out of a prefix (F78): it has a slash, backslash, dot or zero byte that is
 * encoded, or in overlong UTF-8, or IIS's `%u` of four digits; or a dot segment with a path parameter (`..;`).
 */
const LEAVING = /%(00|2e|2f|5c|u[\da-f]{4}|c[01]|e0%[89]|f0%8)|\.(;|%3b)/i;

/** However often it is encoded. */
function leadsOut(path: string): boolean {
  let text = path;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const inner = text.replace(IN_ESCAPES, decode);
    if (inner === text) return LEAVING.test(text);
    text = inner;
  }
  return true;
}

/**
 * The base of relative addresses. The platform's getter gives it, because an `<img name=baseURI>` takes
 * the place of the document's own member (F79).
 */
function baseOf(): string | undefined {
  const { document, location }: Partial<typeof globalThis> = globalThis;
  return document
    ? Reflect.get(Object.getPrototypeOf(document), "baseURI", document)
    : location?.href;
}

function parse(input: string): URL | undefined {
  try {
    return new URL(input, baseOf());
  } catch {
    return undefined;
  }
}

/** After so many tests the last address is looked at again. */
const TESTS = 16;

/**
 * A test that remembers one address which has passed. Many calls go to one address again and again, and
 * comparing it costs less than the test. Where each address is a new one, comparing it costs more: so only
 * two looks that find the same address make the test remember.
 */
function remembering(pattern: RegExp): (input: string) => boolean {
  let last = "";
  let isRepeated = false;
  let tests = 0;
  return (input) => {
    if (isRepeated && input === last) return true;
    if (!pattern.test(input)) return false;
    tests = (tests + 1) % TESTS;
    if (tests === 0) {
      isRepeated = input === last;
      last = input;
    }
    return true;
  };
}

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
  // Compiled once: this test runs at every request, and costs half of `startsWith`.
  const isPlain = remembering(RegExp(`^(?:${plain.join("|")})/`));

  const isPublic = ({ pathname }: URL): boolean =>
    publicPaths.some((path) => isUnder(pathname, path));

  const hasPlace = ({ origin, pathname }: URL): boolean =>
    bases.some(
      (base) =>
        origin === base.origin &&
        isUnder(pathname, base.pathname) &&
        (base.pathname === "/" || !leadsOut(pathname)),
    );

  function judge(input: string): string | undefined {
    if (isPlain(input)) return input;
    const url = parse(input);
    if (!url || !hasPlace(url) || isPublic(url)) return undefined;
    const { href, origin } = url;
    // No user or password either: they would stand before the host.
    return href.startsWith(origin + "/") ? href : undefined;
  }

  return Object.assign(judge, {
    unlisted(input: string) {
      const url = parse(input);
      // An opaque origin, as of `data:`, is none.
      if (!url || url.origin === "null" || hasPlace(url)) return undefined;
      const isListed = bases.some(({ origin }) => origin === url.origin);
      return isListed && isPublic(url) ? undefined : url.origin;
    },
  });
}

/** How a token is shown to an API: in which header, and by which auth-scheme. */
import { check } from "../errors.ts";
import type { AccessToken, Provider } from "../types.ts";

/**
 * One provider's way to show its tokens. A proof for each send (RFC 9449) has its place beside `show`:
 * `headersWith` asks here at each send, and at each hop of a redirect.
 */
export interface Presentation {
  /** The header's name, in lower case. */
  readonly header: string;
  /** The header's whole value. */
  readonly show: (token: AccessToken) => string;
}

/** Fetch takes this one header off when a redirect leads to another origin, and no other (S2). */
export const AUTHORIZATION = "authorization";

/** A token of RFC 9110 §5.6.2: a header's name is one, and so is an auth-scheme (§11.1). */
const WORD = /^[!#-'*+.^`|~\w-]+$/;

/** Whether the runtime sends it: browsers leave forbidden headers, such as `Cookie`, out without a word. */
const isSent = (header: string): boolean =>
  WORD.test(header) &&
  new Request("https://a.test", { headers: { [header]: "a" } }).headers.has(header);

/** Throws `invalid_option` where no header can carry what the provider says. */
export function presentationOf({
  header,
  scheme = header === undefined ? "Bearer" : undefined,
}: Pick<Provider, "header" | "scheme">): Presentation {
  check(header === undefined || isSent(header), "header, such as X-API-Key");
  check(scheme === undefined || WORD.test(scheme), "scheme, such as ApiKey");
  const prefix = scheme === undefined ? "" : scheme + " ";
  let shown: AccessToken | undefined;
  let value = "";
  return {
    header: (header ?? AUTHORIZATION).toLowerCase(),
    show(token) {
      if (token !== shown) {
        shown = token;
        value = prefix + token.accessToken;
      }
      return value;
    },
  };
}

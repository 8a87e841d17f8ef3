/** Reading a JWT's claims without verifying them: for scheduling and display only (S12). */
import type { Provider } from "../types.ts";
import { isObject, parse } from "./json.ts";

export { isObject };

/** What a page may show of a token: nothing where the provider says that its claims are no show. */
export const shownClaims = (
  { showsClaims = true }: Pick<Provider, "showsClaims">,
  token: string | undefined,
): Record<string, unknown> | undefined =>
  token !== undefined && showsClaims ? decodeClaims(token) : undefined;

/** The claims of a JWT (RFC 7519 §3), or `undefined` for anything that is none. No prototype (S15). */
export function decodeClaims(token: string): Record<string, unknown> | undefined {
  try {
    const bytes = atob(token.split(".", 2)[1]!.replace(/-/g, "+").replace(/_/g, "/"));
    const claims = parse(
      new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))),
    );
    return isObject(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}

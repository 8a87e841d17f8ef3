/** Reading a JWT's claims without verifying them: for scheduling and display only (S12). */
import type { Provider } from "../types.ts";
import { isObject, parse } from "./json.ts";

export { isObject };

/** The claims that a snapshot shows; none where the provider says `showsClaims: false`. */
export const shownClaims = (
  { showsClaims = true }: Pick<Provider, "showsClaims">,
  token: string | undefined,
): Record<string, unknown> | undefined =>
  token !== undefined && showsClaims ? decodeClaims(token) : undefined;

/** The claims of a JWT (RFC 7519 §3), or `undefined` for any other text. They have no prototype (S15). */
export function decodeClaims(token: string): Record<string, unknown> | undefined {
  try {
    const [, payload = ""] = token.split(".", 2);
    const bytes = atob(payload.replace(/-/g, "+").replace(/_/g, "/"));
    const claims = parse(
      new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))),
    );
    return isObject(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}

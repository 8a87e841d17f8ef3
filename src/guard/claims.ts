/** Reading a JWT's claims without verifying them: for scheduling and display only (S12). */
import { isObject, parse } from "./json.ts";

export { isObject };

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

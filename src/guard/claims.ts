/** Reading a JWT's claims without verifying them: for scheduling and display only (S12). */

/** The claims of a JWT (RFC 7519 §3), or `undefined` for anything that is none. */
export function decodeClaims(token: string): Record<string, unknown> | undefined {
  try {
    const bytes = atob(token.split(".", 2)[1]!.replace(/-/g, "+").replace(/_/g, "/"));
    const claims: unknown = JSON.parse(
      new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))),
    );
    return isObject(claims) ? claims : undefined;
  } catch {
    return undefined;
  }
}

/** Narrows what came from outside to something whose fields may be looked at. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

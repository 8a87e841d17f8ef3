/** A JWT's parts, read and not verified (RFC 7519 §7.2). */
import type { Bytes } from "../types.ts";
import { fromBase64, toBase64 } from "../guard/crypto.ts";
import { isObject, parse } from "../guard/json.ts";
import { isToken } from "../guard/syntax.ts";

/** The members of a JWT's header or claims. They have no prototype, at any depth (S15). */
export type Members = Readonly<Record<string, unknown>>;

export interface JwtParts {
  readonly header: Members;
  readonly claims: Members;
}

/**
 * The bytes of base64url without padding (RFC 7515 §2), or `undefined`. One text for one sequence of bytes:
 * spare bits that nobody reads would make two texts of one signed JWT.
 */
export function fromBase64url(text: string): Bytes | undefined {
  if (!/^[\w-]*$/.test(text)) return undefined;
  try {
    const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
    const bytes = fromBase64(base64);
    return toBase64(bytes).replace(/=+$/, "") === base64 ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function membersIn(part: string): Members | undefined {
  const bytes = fromBase64url(part);
  if (!bytes) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const members = parse(text);
    return isObject(members) ? members : undefined;
  } catch {
    return undefined;
  }
}

/** The parts of a text that has the form of a JWT in a header (16 kB at most), or `undefined`. */
export function partsOf(token: unknown): JwtParts | undefined {
  if (!isToken(token)) return undefined;
  const parts = token.split(".", 4);
  const [first = "", second = "", third = ""] = parts;
  if (parts.length !== 3 || !fromBase64url(third)) return undefined;
  const [header, claims] = [membersIn(first), membersIn(second)];
  return header && claims ? { header, claims } : undefined;
}

/** Keys as text: PEM (RFC 7468), as files and environment variables hold it. */
import type { Bytes } from "../types.ts";
import { fromBase64 } from "../guard/crypto.ts";

/** What stands between one `BEGIN` and its `END`. */
export interface PemBlock {
  /** `PRIVATE KEY`, `RSA PRIVATE KEY`, `PUBLIC KEY`, … */
  readonly label: string;
  /** Absent where the text between is no base64, as in an old file with a passphrase. */
  readonly bytes: Bytes | undefined;
}

/** In characters: no key is longer. */
const LONGEST = 65_536;

function bytesOf(base64: string): Bytes | undefined {
  try {
    return fromBase64(base64);
  } catch {
    return undefined;
  }
}

/**
 * The blocks of a text, in their order; none where the text is no PEM. A line break may be written as `\n`,
 * as in the variable of an environment, which has no lines.
 */
export function blocksOf(text: string): readonly PemBlock[] {
  if (text.length > LONGEST) return [];
  const lines = text.replaceAll("\\r", "").replaceAll("\\n", "\n");
  const blocks = lines.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----((?:(?!-----)[^])*)-----END \1-----/g);
  return Array.from(blocks, ([, label = "", base64 = ""]) => ({ label, bytes: bytesOf(base64) }));
}

/** Whether a text means to be PEM. */
export const isPem = (text: string): boolean => text.includes("-----BEGIN ");

/** Web Crypto, and bytes as base64, because a record is JSON (F89). */
import type { Bytes } from "../types.ts";
import { fail } from "./stored.ts";

/** `CryptoKey`, which Node's own types know as a value only. */
export type WebCryptoKey = (typeof CryptoKey)["prototype"];

/** The types have `subtle` everywhere; insecure contexts do not. */
export function subtle(): (typeof crypto)["subtle"] {
  const { subtle: found }: Partial<Crypto> = crypto;
  return found ?? fail("Web Crypto is missing", "Use https or localhost");
}

export const randomBytes = (length: number): Bytes =>
  crypto.getRandomValues(new Uint8Array(length));

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Throws for a text that is no base64. */
export const fromBase64 = (text: string): Bytes =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

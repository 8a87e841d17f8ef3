/** The credential of the auth-scheme `Basic` (RFC 7617): user and password, as base64 of UTF-8. */
import { because, type TokenFlaw, VaultError } from "../errors.ts";
import { isToken, tokenFlaw } from "../guard/syntax.ts";
import { given, type SecretOptions } from "./secrets.ts";

/** Neither user nor password may have a control character (RFC 7617 §2); a lone surrogate is no character at all. */
function flawOf(text: string): TokenFlaw | undefined {
  if (/[\r\n]/.test(text)) return "line_break_in_token";
  return /[\p{Cc}\p{Cs}]/u.test(text) ? "control_character_in_token" : undefined;
}

/** Encodes in the form that RFC 7617 §2.1 names: UTF-8 of Unicode's form C. */
function encode(pair: string): string {
  const reason = flawOf(pair);
  if (reason) throw new VaultError("invalid_token", undefined, { reason });
  const bytes = new TextEncoder().encode(pair.normalize("NFC"));
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const encoded = btoa(binary);
  if (isToken(encoded)) return encoded;
  throw new VaultError("invalid_token", undefined, { reason: tokenFlaw(encoded) });
}

/** Whether a text is base64 of user and password already. */
function isEncoded(text: string): boolean {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const pair = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return pair.includes(":") && !flawOf(pair) && btoa(atob(text)) === text;
  } catch {
    return false;
  }
}

/**
 * The credential of a sign-in: `user` and `password`, or both in one text with a colon between them, or
 * the base64 of that text.
 *
 * @throws VaultError `invalid_option` where a part is missing or the user has a colon, `invalid_token`
 * where there is a control character.
 */
export function basicOf(credentials: unknown, key: unknown, { variable }: SecretOptions): string {
  const user = given(credentials, "user");
  const password = given(credentials, "password");
  if (typeof user === "string" && typeof password === "string") {
    // The server would take the rest of the name for the beginning of the password.
    if (user.includes(":"))
      throw because("invalid_option", "no user of Basic has a colon", "Check the user's name");
    return encode(`${user}:${password}`);
  }
  if (typeof key === "string" && key.includes(":")) return encode(key);
  if (typeof key === "string" && isEncoded(key)) return key;
  const where = variable === undefined ? "" : `, or call signIn() with ${variable} in env`;
  const message =
    "Cannot sign in: Basic wants a user and a password, which may be empty. Pass both, " +
    `or one text of the form "user:password"${where}.`;
  throw new VaultError("invalid_option", message, { reason: "no_token" });
}

/** A text as forms have it. */
const formEncoded = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1);

/**
 * An OAuth client's credential: both parts form-encoded first, as RFC 6749 §2.3.1 says. Forms leave `-`, `_` and
 * `.` as they are, so that a server that does not decode them knows an ordinary client all the same.
 */
export const clientBasic = (id: string, secret: string): string =>
  `Basic ${btoa(`${formEncoded(id)}:${formEncoded(secret)}`)}`;

/** How `oauth4webapi` lets a client show itself. */
type ShowClient = (
  server: unknown,
  client: { readonly client_id: string },
  body: unknown,
  headers: Headers,
) => void;

/** For `oauth4webapi`: shows the secret as {@link clientBasic} does. */
export const inBasic =
  (secret: string): ShowClient =>
  (_server, { client_id: id }, _body, headers) =>
    headers.set("authorization", clientBasic(id, secret));

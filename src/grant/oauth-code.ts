/** What a login by OAuth hands to the vault that redeems its code. */
import { check } from "../errors.ts";
import { isObject, own } from "../guard/json.ts";

/** What a login has brought, and what it was begun with. A code can be redeemed once, by who began the login. */
export interface CodeCredentials {
  /** The query of the URL that the server has sent the browser back to. */
  readonly callback: string;
  readonly state: string;
  /** Proves who began the login (RFC 7636 §4.1). */
  readonly codeVerifier: string;
  /** The one that the login was begun with, absolute. */
  readonly redirectUri: string;
  /** In the ID token again; absent where none is wanted. */
  readonly nonce?: string | undefined;
  /** Seconds; absent where the login may be as old as it likes. */
  readonly maxAge?: number | undefined;
}

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= 16_384;

/** Credentials often come from a page's POST: each member is its own, and a text (S10, S15, S17). */
export function narrowCode(credentials: unknown): CodeCredentials {
  const code: Partial<CodeCredentials> = isObject(credentials) ? own(credentials) : {};
  const { callback, state, codeVerifier, redirectUri, nonce, maxAge } = code;
  check(
    isText(callback) && isText(state) && isText(codeVerifier) && isText(redirectUri),
    "what completeSignIn hands to signIn",
  );
  return own({ callback, state, codeVerifier, redirectUri, nonce, maxAge });
}

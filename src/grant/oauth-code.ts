/** The outcome of a login by OAuth, on its way to the vault, which redeems the code. */
import { check } from "../errors.ts";
import { isAmount } from "../guard/amounts.ts";
import { isObject, own } from "../guard/json.ts";

/** A login's code, with the values that the login was begun with. A code is redeemed once, and only with them. */
export interface CodeCredentials {
  /** The query of the URL that the server has sent the browser back to. */
  readonly callback: string;
  readonly state: string;
  /** Proves that the code comes back to where the login was begun (RFC 7636 §4.1). */
  readonly codeVerifier: string;
  /** The redirect URI that the login was begun with; absolute. */
  readonly redirectUri: string;
  /** Stands in the ID token again; absent where no ID token is wanted. */
  readonly nonce?: string | undefined;
  /** How long before it was begun the user may have logged in, in seconds; any time where it is absent. */
  readonly maxAge?: number | undefined;
  /** How many milliseconds ago the login was begun, ten minutes at most; 0 where it is absent. */
  readonly age?: number | undefined;
  /** The scope that was asked for; the provider's where it is absent. */
  readonly scope?: string | undefined;
}

/** A login is kept no longer, in milliseconds. */
const LONGEST = 600_000;

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= 16_384;

/** Credentials often come from a page's POST: each member is its own, and a text (S10, S15, S17). */
export function narrowCode(credentials: unknown): CodeCredentials {
  const code: Partial<CodeCredentials> = isObject(credentials) ? own(credentials) : {};
  const { callback, state, codeVerifier, redirectUri } = code;
  // `null` is what some make of a member that is absent.
  const nonce = code.nonce ?? undefined;
  const maxAge = code.maxAge ?? undefined;
  const age = isAmount(code.age) ? Math.min(code.age, LONGEST) : 0;
  const scope = isText(code.scope) ? code.scope : undefined;
  const wanted = "what completeSignIn hands to signIn";
  check(isText(callback) && isText(state) && isText(codeVerifier) && isText(redirectUri), wanted);
  // An ID token is not to be blamed for them, when the code is spent.
  check(isText(nonce ?? "-") && isAmount(maxAge ?? 0), wanted);
  return own({ callback, state, codeVerifier, redirectUri, nonce, maxAge, age, scope });
}

/**
 * How long ago the user may have logged in, in seconds: what the server was asked is how old that may be when this
 * login begins (OpenID Connect Core §3.1.2.1), and it may have taken a while.
 */
export const oldestOf = ({ maxAge, age = 0 }: CodeCredentials): number | undefined =>
  maxAge === undefined ? undefined : maxAge + Math.ceil(age / 1_000);

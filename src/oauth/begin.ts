/** Begins a login: the browser leaves for the server's login page. */
import type { OAuthClient } from "../grant/oauth.ts";
import { own } from "../guard/json.ts";
import { type LoginOptions, prepare } from "./authorization-request.ts";

/** The options of {@link beginSignIn}. */
export interface BeginOptions extends LoginOptions {
  /**
   * The place to come back to, of this page's origin. By default the one that is shown, and `/` where that is
   * the callback's own.
   */
  readonly returnTo?: string;
}

/**
 * Begins a login by redirect: authorization code with PKCE, `state` and, with the scope `openid`, a nonce; by a
 * pushed request where the server takes one (RFC 9126). What the page needs when it is back is kept sealed in
 * IndexedDB, for ten minutes. Resolves when the browser is about to leave.
 *
 * Rejects with a `VaultError`: `sign_in_failed`, whose `reason` says why, where the server cannot be found or
 * takes no PKCE; `store_unavailable`; `invalid_option`.
 */
export async function beginSignIn(client: OAuthClient, options: BeginOptions = {}): Promise<void> {
  const { address } = await prepare(own(client), own(options));
  location.assign(address);
}

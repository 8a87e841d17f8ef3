/** Ends the session at the server too (OpenID Connect RP-Initiated Logout 1.0). */
import type { OAuthClient } from "../grant/oauth.ts";
import { own } from "../guard/json.ts";
import { leaveFor, placeOf, serverOf } from "./client.ts";

/** The options of {@link beginSignOut}. */
export interface SignOutOptions {
  /** Where the server sends the browser afterwards, as registered; a path of this page's origin. */
  readonly returnTo?: string;
  /** Sent beside all else, such as `{ logout_hint: "…" }`. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/**
 * Signs out here, and sends the browser to the server's logout page. Where the server tells none, or cannot
 * be reached, the session here has ended all the same. Rejects as the vault's `signOut` does, and with
 * `sign_in_failed` where there is no logout page.
 */
export async function beginSignOut(
  client: OAuthClient,
  vault: { signOut(): Promise<unknown> },
  options: SignOutOptions = {},
): Promise<void> {
  const { returnTo, parameters } = own(options);
  const to = returnTo === undefined ? undefined : location.origin + placeOf(returnTo);
  await vault.signOut();
  const { end_session_endpoint } = await serverOf(client);
  leaveFor(client, end_session_endpoint, {
    ...parameters,
    client_id: client.clientId,
    post_logout_redirect_uri: to,
  });
}

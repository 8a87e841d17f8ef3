/** Ends the session at the server too (OpenID Connect RP-Initiated Logout 1.0). */
import type { OAuthClient } from "../grant/oauth.ts";
import { own } from "../guard/json.ts";
import { addressOf, placeOf, serverOf } from "./client.ts";

/** The options of {@link beginSignOut}. */
export interface SignOutOptions {
  /** Where the server sends the browser afterwards, as registered; a path of this page's origin. */
  readonly returnTo?: string;
  /** Sent beside all else, such as `{ logout_hint: "…" }`. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** The part of a vault that is needed. */
export interface SignsOut {
  signOut(options: { readonly untilRevoked: boolean }): Promise<unknown>;
  snapshot?(): { readonly profile?: Readonly<Record<string, unknown>> | undefined };
}

/**
 * Signs out here, waits for five seconds at most until the server has revoked the tokens, and sends the browser
 * to the server's logout page. Where the provider says `keepsIdToken`, the server is told whose login to end
 * (`id_token_hint`). Where the server tells no logout page, or cannot be reached, the session here has ended all
 * the same. Rejects as the vault's `signOut` does, and with `sign_in_failed` where there is no logout page.
 */
export async function beginSignOut(
  client: OAuthClient,
  vault: SignsOut,
  options: SignOutOptions = {},
): Promise<void> {
  const { returnTo, parameters } = own(options);
  const to = returnTo === undefined ? undefined : location.origin + placeOf(returnTo);
  const { id_token: hint } = own({ ...vault.snapshot?.().profile });
  // The page takes what it has under way along when it is left.
  await vault.signOut({ untilRevoked: true });
  const at = own(client);
  const { end_session_endpoint } = await serverOf(at);
  const address = addressOf(at, end_session_endpoint, {
    ...parameters,
    client_id: at.clientId,
    post_logout_redirect_uri: to,
    ...(typeof hint === "string" && { id_token_hint: hint }),
  });
  location.assign(address);
}

/** Ends the session at the server too (OpenID Connect RP-Initiated Logout 1.0). */
import type { OAuthClient } from "../grant/oauth.ts";
import { own } from "../guard/json.ts";
import type { WireError } from "../guard/wire-error.ts";
import { refusal } from "../worker/refusal.ts";
import { addressOf, isSafe, placeOf, serverOf } from "./client.ts";

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

/** The error of what comes after the sign-out here. */
const noPage = (why: string, advice: string, facts: Partial<WireError>): Error =>
  refusal({
    ...facts,
    message: `Cannot go to the server's logout page: ${why}. The session here has ended: ${advice}.`,
  });

/** A mistake among the arguments says by itself what is wrong. */
function unreached(error: WireError): never {
  const { code, reason = "" } = error;
  if (code !== "sign_in_failed") throw error;
  throw noPage(reason.replaceAll("_", " "), "try again, or go on without that page", error);
}

/**
 * Signs out here, waits for five seconds at most until the server has revoked the tokens, and sends the browser
 * to the server's logout page. Where the provider says `keepsIdToken`, the server is told whose login to end
 * (`id_token_hint`).
 *
 * Rejects as the vault's `signOut` does. Where the session here has ended and the logout page is not to be had, the
 * message says so: `invalid_option`, reason `metadata_invalid`, where the server tells no such page, as Google and
 * GitHub tell none; `sign_in_failed`, whose `reason` says why, where the server cannot be looked up.
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
  const { end_session_endpoint: page } = await serverOf(at).catch(unreached);
  if (!page || !isSafe(page, at))
    throw noPage(
      "the server tells no https address of one",
      "for this server call vault.signOut({ untilRevoked: true })",
      {
        code: "invalid_option",
        reason: "metadata_invalid",
      },
    );
  const address = addressOf(at, page, {
    ...parameters,
    client_id: at.clientId,
    post_logout_redirect_uri: to,
    ...(typeof hint === "string" && { id_token_hint: hint }),
  });
  location.assign(address);
}

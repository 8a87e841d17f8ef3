/** How a page logs in at an OAuth server's own page, and comes back. The page shows these very lines. */
import { beginSignIn, completeSignIn, type OAuthClient } from "tokenkeep/oauth";
import { sentence } from "../tabs/sentence.ts";
import type { Opened } from "./vaults.ts";

/** What the demo has registered: each account has a vault, and so a place to come back to. */
// #region oauth-client
export const clientOf = (baseURL: string, account: string): OAuthClient => ({
  issuer: baseURL,
  clientId: "demo",
  redirectUri: `/?api=oauth&account=${account}`,
  scope: "openid offline_access",
  // The server is on this machine.
  dangerouslyAllowLoopbackHttp: true,
});
// #endregion

// #region log-in
// To the server's login page, and back to this place.
export const logIn = (client: OAuthClient, account: string): Promise<void> =>
  beginSignIn(client, { loginHint: account });
// #endregion

/** What a page that comes back from the login page says; nothing where it does not. */
export async function comeBack(client: OAuthClient, { redeem }: Opened): Promise<string> {
  try {
    // #region come-back
    // At each load, before anything else: takes the code out of the URL, and hands it to the vault.
    const outcome = await completeSignIn(client, { signIn: redeem });
    // #endregion
    if (outcome.type === "signed-in")
      return "Back from the login page, and signed in. The code has left the address already.";
    if (outcome.type === "denied")
      return `The login page says no: ${outcome.description ?? "it gives no reason"} (${outcome.error}).`;
    if (outcome.type === "stale")
      return `This callback is ${outcome.reason}: it signs nobody in. Log in anew.`;
    return "";
  } catch (error) {
    return sentence(error);
  }
}

/**
 * Google: the APIs of a Google account, for an application with a server.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/web-server
 * @module
 */
import type { OAuthClient } from "../grant/oauth.ts";
import { clientAt, type PresetClient } from "../grant/oauth-preset.ts";
import { own } from "../guard/json.ts";
import type { Provider } from "../types.ts";
import { type CodeCredentials, oauth2, type OAuth2Options } from "./oauth2.ts";

/** The options of {@link google}. */
export interface GoogleOptions
  extends PresetClient, Omit<OAuth2Options, "endpoints" | "issuer" | "name" | "origins"> {
  /** The APIs that the token may go to; `["https://www.googleapis.com"]` by default. */
  readonly origins?: readonly string[];
}

/**
 * What `beginSignIn` and `completeSignIn` take. The scope is `openid` by default; Google has no
 * `offline_access`: each login says `access_type=offline` and `prompt=consent` instead. A login's own `prompt`
 * replaces that one.
 */
export const googleClient = (client: PresetClient): OAuthClient =>
  clientAt(
    {
      issuer: "https://accounts.google.com",
      scope: "openid",
      parameters: { access_type: "offline", prompt: "consent" },
    },
    client,
  );

/**
 * Google's APIs. Its pages say:
 *
 * - A refresh token comes with `access_type=offline`. Without `prompt=consent` it comes with a user's first
 *   consent only ("Using OAuth 2.0 for Web Server Applications"): a user who logs in on a second device then
 *   has a session of an hour.
 * - A refresh gives no new refresh token, and the old one stays: `rotation` is `"none"` by default. A refresh
 *   token ends when the user revokes it, when nobody has used it for six months, when the account has too many
 *   of them, and after seven days where the consent screen is in testing ("Using OAuth 2.0 to Access Google
 *   APIs", "Refresh token expiration").
 * - The token endpoint wants the secret of a web application beside PKCE. So this provider belongs on a server,
 *   with `clientSecret`, and the page hands its code there.
 *
 * `signIn` rejects as that of `oauth2` does.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/node";
 * import { google } from "tokenkeep/providers/google";
 *
 * const vault = createVault({
 *   provider: google({
 *     clientId: "1234.apps.googleusercontent.com",
 *     clientSecret: process.env["GOOGLE_CLIENT_SECRET"] ?? "",
 *     scope: "openid https://www.googleapis.com/auth/drive.readonly",
 *   }),
 * });
 * ```
 */
export function google(options: GoogleOptions): Provider<CodeCredentials> {
  const { origins = ["https://www.googleapis.com"], rotation = "none" } = own(options);
  const { clientAuthentication = "post" } = own(options);
  const client = googleClient(options);
  return oauth2(
    own({ ...options, origins, rotation, clientAuthentication, ...client, name: "google" }),
  );
}

/**
 * Amazon Cognito: an app client of a user pool that has a domain.
 *
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html
 * @module
 */
import type { OAuthClient } from "../grant/oauth.ts";
import { clientAt, placeIn, type PresetClient } from "../grant/oauth-preset.ts";
import { own } from "../guard/json.ts";
import type { Provider } from "../types.ts";
import { type CodeCredentials, oauth2, type OAuth2Options } from "./oauth2.ts";

/** The app client, as its page needs it. */
export interface CognitoClient extends PresetClient {
  /** The user pool's id, `"eu-central-1_aBcDeFgHi"`. Its region is where the issuer is. */
  readonly userPoolId: string;
}

/** The options of {@link cognito}. */
export interface CognitoOptions
  extends CognitoClient, Omit<OAuth2Options, "endpoints" | "issuer" | "name"> {}

/** What `beginSignIn` and `completeSignIn` take. The scope is `openid` by default; Cognito has no `offline_access`. */
export function cognitoClient(options: CognitoClient): OAuthClient {
  const { userPoolId, ...client } = own(options);
  const [region = ""] = placeIn(userPoolId, "userPoolId").split("_");
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const issuer = `https://cognito-idp.${region}.${domain}/${userPoolId}`;
  return clientAt({ issuer, scope: "openid" }, client);
}

/**
 * An API behind Cognito. Its developer guide, "Refresh tokens", says:
 *
 * - The code flow gives a refresh token without being asked for one; it lives 30 days by default.
 * - Rotation is a setting of the app client. Where it is disabled, a refresh gives no new refresh token, and
 *   the old one is kept: `rotation: "none"` is right.
 * - With rotation, a spent token may come again for `RetryGracePeriodSeconds`, from 0 to 60 ("Refresh token
 *   rotation", `RefreshTokenRotationType`): `reuseWindow`, in milliseconds.
 *
 * Rotation is strict by default. The logout page wants `logout_uri` and no `post_logout_redirect_uri` ("Logout
 * endpoint"): `beginSignOut(client, vault, { parameters: { logout_uri } })`. `signIn` rejects as that of `oauth2`
 * does.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/browser";
 * import { beginSignIn, completeSignIn } from "tokenkeep/oauth";
 * import { cognito, cognitoClient } from "tokenkeep/providers/cognito";
 *
 * const app = { userPoolId: "eu-central-1_aBcDeFgHi", clientId: "1h57kf5cpq17m0eml12EXAMPLE" };
 * const vault = createVault({ provider: cognito({ ...app, origins: ["https://api.acme.example"] }) });
 * const { type } = await completeSignIn(cognitoClient(app), vault);
 * if (type === "none" && vault.snapshot().status === "signed-out")
 *   await beginSignIn(cognitoClient(app));
 * ```
 */
export const cognito = (options: CognitoOptions): Provider<CodeCredentials> =>
  oauth2(own({ ...options, ...cognitoClient(options), name: "cognito" }));

/**
 * Okta: an application of an organisation, at one of its authorization servers.
 *
 * @see https://developer.okta.com/docs/guides/refresh-tokens/main/
 * @module
 */
import type { OAuthClient } from "../grant/oauth.ts";
import { clientAt, originAt, placeIn, type PresetClient } from "../grant/oauth-preset.ts";
import { own } from "../guard/json.ts";
import type { Provider } from "../types.ts";
import { type CodeCredentials, oauth2, type OAuth2Options } from "./oauth2.ts";

/** The application, as its page needs it. */
export interface OktaClient extends PresetClient {
  /** The organisation's domain, `"acme.okta.com"`, or its custom one. */
  readonly domain: string;
  /**
   * The id of a custom authorization server, `"default"` by default. `"org"` is the organisation's own, whose
   * tokens are for Okta's APIs alone.
   */
  readonly authorizationServer?: string;
}

/** The options of {@link okta}. */
export interface OktaOptions
  extends OktaClient, Omit<OAuth2Options, "endpoints" | "issuer" | "name"> {}

/** What `beginSignIn` and `completeSignIn` take. The scope is `openid profile email offline_access` by default. */
export function oktaClient(options: OktaClient): OAuthClient {
  const { domain, authorizationServer = "default", ...client } = own(options);
  const path =
    authorizationServer === "org"
      ? ""
      : `/oauth2/${placeIn(authorizationServer, "authorizationServer")}`;
  const issuer = originAt(domain, "domain") + path;
  return clientAt({ issuer, scope: "openid profile email offline_access" }, client);
}

/**
 * An API behind Okta. Its guide "Refresh access tokens" says:
 *
 * - A refresh token comes with the scope `offline_access`, if the application's grant types have it.
 * - A single-page application's refresh token rotates by default; that of a native or a web application is
 *   persistent by default, where `rotation: "none"` is right.
 * - A spent token that comes again ends the newest refresh token and every access token since the login.
 * - "Grace period for token rotation" is a setting of the application, from 0 to 60 seconds, 30 by default:
 *   `reuseWindow`, in milliseconds. Say what your application has.
 * - A refresh token that nobody uses for seven days ends, by the default policy.
 *
 * Rotation is strict by default, without a window. `signIn` rejects as that of `oauth2` does.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/browser";
 * import { beginSignIn, completeSignIn } from "tokenkeep/oauth";
 * import { okta, oktaClient } from "tokenkeep/providers/okta";
 *
 * const app = { domain: "acme.okta.com", clientId: "0oa…" };
 * const vault = createVault({ provider: okta({ ...app, origins: ["https://api.acme.example"] }) });
 * const { type } = await completeSignIn(oktaClient(app), vault);
 * if (type === "none" && vault.snapshot().status === "signed-out")
 *   await beginSignIn(oktaClient(app));
 * ```
 */
export const okta = (options: OktaOptions): Provider<CodeCredentials> =>
  oauth2(own({ ...options, ...oktaClient(options), name: "okta" }));

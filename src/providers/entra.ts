/**
 * Microsoft Entra ID: an application of one tenant, at the v2.0 endpoints.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/refresh-tokens
 * @module
 */
import { check } from "../errors.ts";
import type { OAuthClient } from "../grant/oauth.ts";
import { clientAt, originAt, type PresetClient } from "../grant/oauth-preset.ts";
import { own } from "../guard/json.ts";
import type { Provider } from "../types.ts";
import { type CodeCredentials, oauth2, type OAuth2Options } from "./oauth2.ts";

/** The application, as its page needs it. */
export interface EntraClient extends PresetClient {
  /** The tenant's id, a GUID. */
  readonly tenant: string;
  /** A national cloud's login address; `https://login.microsoftonline.com` by default. */
  readonly authority?: string;
}

/** The options of {@link entra}. */
export interface EntraOptions
  extends EntraClient, Omit<OAuth2Options, "endpoints" | "issuer" | "name"> {}

/**
 * What `beginSignIn` and `completeSignIn` take. The scope is `openid profile offline_access` by default; add
 * your API's, such as `api://acme/read`.
 *
 * @throws VaultError `invalid_option` where `tenant` is no GUID.
 */
export function entraClient(options: EntraClient): OAuthClient {
  const { tenant, authority = "https://login.microsoftonline.com", ...client } = own(options);
  const isGuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(tenant);
  check(isGuid, "tenant, its id. A domain, common, organizations, consumers name another issuer");
  const issuer = `${originAt(authority, "authority")}/${tenant.toLowerCase()}/v2.0`;
  return clientAt({ issuer, scope: "openid profile offline_access" }, client);
}

/**
 * An API behind Entra ID. Its page "Refresh tokens in the Microsoft identity platform" says:
 *
 * - A refresh token comes with the scope `offline_access`. Each refresh gives a new one and does not revoke
 *   the old one: `rotation` is `"none"` by default.
 * - In a page, whose redirect URI is registered as `spa`, a refresh token ends 24 hours after the login, and
 *   its successors end with it. The user is then sent to the login page again, mostly without seeing the page.
 *   Elsewhere a refresh token lives 90 days.
 * - A refresh token can be revoked at any time. `interaction_required` and its kin then ask for a login, as a
 *   refusal does.
 *
 * The metadata of `common` and of a domain names another issuer than the one that was asked, so that a tenant
 * is wanted by its id. There is no revocation endpoint: signing out ends the session here alone, unless
 * `beginSignOut` leaves for the logout page. `signIn` rejects as that of `oauth2` does.
 *
 * @throws VaultError `invalid_option` as {@link entraClient}.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/browser";
 * import { beginSignIn, completeSignIn } from "tokenkeep/oauth";
 * import { entra, entraClient } from "tokenkeep/providers/entra";
 *
 * const app = {
 *   tenant: "8eaef023-2b34-4da1-9baa-8bc8c9d6a490",
 *   clientId: "11111111-1111-1111-1111-111111111111",
 *   scope: "openid offline_access api://acme/read",
 * };
 * const vault = createVault({ provider: entra({ ...app, origins: ["https://api.acme.example"] }) });
 * const { type } = await completeSignIn(entraClient(app), vault);
 * if (type === "none" && vault.snapshot().status === "signed-out")
 *   await beginSignIn(entraClient(app));
 * ```
 */
export function entra(options: EntraOptions): Provider<CodeCredentials> {
  const { clientAuthentication = "post", rotation = "none" } = own(options);
  const client = entraClient(options);
  return oauth2(own({ ...options, clientAuthentication, rotation, ...client, name: "entra" }));
}

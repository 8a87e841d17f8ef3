/**
 * Keycloak: a client of a realm.
 *
 * @see https://www.keycloak.org/docs/latest/server_admin/#_timeouts
 * @module
 */
import type { OAuthClient } from "../grant/oauth.ts";
import { clientAt, originAt, placeIn, type PresetClient } from "../grant/oauth-preset.ts";
import { own } from "../guard/json.ts";
import type { Provider } from "../types.ts";
import { type CodeCredentials, oauth2, type OAuth2Options } from "./oauth2.ts";

/** The client, as its page needs it. */
export interface KeycloakClient extends PresetClient {
  /** The server's address, `"https://login.acme.example"`; with a path, such as `/auth`, if the server has one. */
  readonly baseURL: string;
  readonly realm: string;
}

/** The options of {@link keycloak}. */
export interface KeycloakOptions
  extends KeycloakClient, Omit<OAuth2Options, "endpoints" | "issuer" | "name"> {}

/** What `beginSignIn` and `completeSignIn` take. The scope is `openid` by default. */
export function keycloakClient(options: KeycloakClient): OAuthClient {
  const { baseURL, realm, ...client } = own(options);
  const issuer = `${originAt(baseURL, "baseURL")}/realms/${encodeURIComponent(placeIn(realm, "realm"))}`;
  return clientAt({ issuer, scope: "openid" }, client);
}

/**
 * An API behind Keycloak. Its "Server Administration Guide", "Session and token timeouts", says:
 *
 * - A refresh token comes without being asked for, and lives as long as the login's session: "SSO Session Idle"
 *   ends it when nobody refreshes for so long, half an hour by default. With the scope `offline_access` it
 *   outlives that session.
 * - "Revoke Refresh Token" is a switch of the realm, off by default: then a refresh token may come again until
 *   its session ends, and `rotation: "none"` is right. Switched on, each refresh token is spent by its use.
 * - "Refresh Token Max Reuse" (its help text) says how often a spent one may come again. That is a number and
 *   not a time, so that it is no `reuseWindow`.
 *
 * Rotation is strict by default. `signIn` rejects as that of `oauth2` does.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/browser";
 * import { beginSignIn, completeSignIn } from "tokenkeep/oauth";
 * import { keycloak, keycloakClient } from "tokenkeep/providers/keycloak";
 *
 * const app = { baseURL: "https://login.acme.example", realm: "acme", clientId: "acme-web" };
 * const vault = createVault({ provider: keycloak({ ...app, origins: ["https://api.acme.example"] }) });
 * const { type } = await completeSignIn(keycloakClient(app), vault);
 * if (type === "none" && vault.snapshot().status === "signed-out")
 *   await beginSignIn(keycloakClient(app));
 * ```
 */
export const keycloak = (options: KeycloakOptions): Provider<CodeCredentials> =>
  oauth2(own({ ...options, ...keycloakClient(options), name: "keycloak" }));

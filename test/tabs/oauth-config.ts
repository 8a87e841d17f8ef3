/** What the pages and workers of these tests share: the client, and the provider of its tokens. */
import type { CodeCredentials, OAuthClient } from "tokenkeep/oauth";
import { oauth2 } from "tokenkeep/providers/oauth2";
import type { Provider } from "tokenkeep";

/** What runs the vault: the page itself, a shared worker, or a service worker that gives the page no token. */
export type RunBy = "page" | "shared" | "isolated";

export interface OAuthConfig {
  readonly issuer: string;
  readonly api: string;
  readonly runBy: RunBy;
  /** Where the application's server pushes the page's logins. */
  readonly pushedBy?: string | undefined;
}

/** It stands in the address of page and worker; the login's way back keeps it in the page's storage. */
export function readConfig(address: string): OAuthConfig {
  const given = new URL(address).searchParams.get("config");
  if (typeof sessionStorage === "undefined") return JSON.parse(given ?? "{}");
  if (given !== null) sessionStorage.setItem("config", given);
  return JSON.parse(sessionStorage.getItem("config") ?? "{}");
}

export const clientOf = ({ issuer, pushedBy }: OAuthConfig): OAuthClient => ({
  issuer,
  clientId: "tabs",
  redirectUri: "/callback",
  scope: "openid offline_access",
  dangerouslyAllowLoopbackHttp: true,
  ...(pushedBy !== undefined && { pushedBy }),
});

export const providerOf = (config: OAuthConfig): Provider<CodeCredentials> =>
  oauth2({
    ...clientOf(config),
    name: "tabs",
    origins: [config.api, config.issuer],
    keepsIdToken: true,
  });

/**
 * Auth0: an application of a tenant, public in a page or confidential on a server.
 *
 * @see https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation
 * @module
 */
import { clientParts, type OAuthClient } from "../grant/oauth.ts";
import { clientAt, originAt, type PresetClient } from "../grant/oauth-preset.ts";
import { refusesAsUsual, type TokenReply } from "../grant/outcome.ts";
import { own } from "../guard/json.ts";
import type { Provider } from "../types.ts";
import { type CodeCredentials, oauth2, type OAuth2Options } from "./oauth2.ts";

/** The application, as its page needs it. */
export interface Auth0Client extends PresetClient {
  /** The tenant's domain, `"acme.eu.auth0.com"`, or its custom one. */
  readonly domain: string;
  /** The API's identifier. Without one Auth0 gives an opaque token that is good for userinfo alone. */
  readonly audience?: string;
}

/** The options of {@link auth0}. */
export interface Auth0Options
  extends Auth0Client, Omit<OAuth2Options, "endpoints" | "issuer" | "name"> {}

/** What `beginSignIn` and `completeSignIn` take. The scope is `openid profile email offline_access` by default. */
export function auth0Client(options: Auth0Client): OAuthClient {
  const { domain, audience, ...client } = own(options);
  const issuer = originAt(domain, "domain") + "/";
  const scope = "openid profile email offline_access";
  return clientAt({ issuer, scope, parameters: audience ? { audience } : {} }, client);
}

/**
 * An API behind Auth0. Its pages say:
 *
 * - A refresh token comes with the scope `offline_access`, if the API allows it ("Refresh Tokens").
 * - Rotation is a switch of the application. A spent token that comes again ends its whole family. "Rotation
 *   Overlap Period" is 0 by default; where it is set, the previous token, and no earlier one, may come again
 *   for so long: `reuseWindow`, in milliseconds ("Configure Refresh Token Rotation").
 * - A refused refresh token is `invalid_grant` with status 403, and not 400 (support article "403: Unknown or
 *   invalid refresh token"). `mfa_required`, with 403, wants the user too ("Multi-factor Authentication and the
 *   token endpoint").
 * - A wrong secret, or an application whose way to authenticate is another, is `access_denied` with 401, and not
 *   `invalid_client` (auth0/express-openid-connect#363): that is no session's end.
 * - The end of a family does not move when it is refreshed: 30 days by default, then a user signs in again.
 *
 * Rotation is strict by default, and a secret goes in the body, as Auth0 has it by default. `signIn` rejects as that of `oauth2` does.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/browser";
 * import { beginSignIn, completeSignIn } from "tokenkeep/oauth";
 * import { auth0, auth0Client } from "tokenkeep/providers/auth0";
 *
 * const app = { domain: "acme.eu.auth0.com", clientId: "Yk3…", audience: "https://api.acme.example" };
 * const vault = createVault({ provider: auth0({ ...app, origins: ["https://api.acme.example"] }) });
 * const { type } = await completeSignIn(auth0Client(app), vault);
 * if (type === "none" && vault.snapshot().status === "signed-out")
 *   await beginSignIn(auth0Client(app));
 * ```
 */
export function auth0(options: Auth0Options): Provider<CodeCredentials> {
  const client = auth0Client(options);
  // One tenant's tokens for two APIs are two sessions (S11).
  const { parameters, ...others } = client;
  const usual = [...clientParts(others), parameters?.["audience"] ?? ""];
  const { partition = usual, clientAuthentication = "post", isRefusal = isRefused } = own(options);
  const chosen = { partition, clientAuthentication, isRefusal };
  return oauth2(own({ ...options, ...chosen, ...client, name: "auth0" }));
}

function isRefused(reply: TokenReply): boolean {
  const error = reply.body?.["error"];
  if (error === "mfa_required") return true;
  return !(error === "access_denied" && reply.status === 401) && refusesAsUsual(reply);
}

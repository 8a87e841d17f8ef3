/**
 * GitHub: a user's tokens of a GitHub App or an OAuth app, for an application with a server.
 *
 * The API answers 403 to a request without a `User-Agent`. Cloudflare Workers send none by themselves, so that
 * each call from there has to name one: `vault.fetch(url, { headers: { "user-agent": "acme" } })`. The request
 * of a sign-out names `tokenkeep`.
 *
 * @see https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
 * @module
 */
import type { OAuthClient } from "../grant/oauth.ts";
import { clientAt, originAt, type PresetClient } from "../grant/oauth-preset.ts";
import type { TokenReply } from "../grant/outcome.ts";
import { send } from "../grant/token-request.ts";
import { own } from "../guard/json.ts";
import type { Provider } from "../types.ts";
import { type CodeCredentials, oauth2, type OAuth2Options } from "./oauth2.ts";

/** The app, as its page needs it. */
export interface GithubClient extends PresetClient {
  /** Where users log in; `https://github.com` by default, or your GitHub Enterprise Server. */
  readonly baseURL?: string;
}

/** The options of {@link github}. */
export interface GithubOptions
  extends GithubClient, Omit<OAuth2Options, "endpoints" | "issuer" | "name" | "origins"> {
  /** GitHub tells no public clients from confidential ones: its token endpoint always wants the secret. */
  readonly clientSecret: string;
  /** The API; `["https://api.github.com"]` by default. Of Enterprise Server `https://<host>/api/v3`. */
  readonly origins?: readonly [string, ...string[]];
}

/** What `beginSignIn` and `completeSignIn` take. There is no scope by default: GitHub Apps have none. */
export function githubClient(options: GithubClient): OAuthClient {
  const { baseURL = "https://github.com", ...client } = own(options);
  const issuer = `${originAt(baseURL, "baseURL")}/login/oauth`;
  const endpoints = { authorization: `${issuer}/authorize`, token: `${issuer}/access_token` };
  return clientAt({ issuer, endpoints }, client);
}

/**
 * GitHub's API for a user. Its pages say:
 *
 * - Users' tokens of a GitHub App live 8 hours, and their refresh tokens six months; a refresh ends both, the
 *   access token too ("Refreshing user access tokens"). An app that has opted out of that, and an OAuth app,
 *   gets a token without an end and without a refresh token: only its 401 ends it.
 * - The token endpoint answers errors with status 200 ("Troubleshooting OAuth app access token request errors"):
 *   `bad_refresh_token` and `bad_verification_code` refuse, and `incorrect_client_credentials` does not, since the
 *   app's secret is what is wrong.
 * - PKCE by S256 is taken, and the secret is wanted all the same (changelog of 14 July 2025). The callback names
 *   the issuer `https://github.com/login/oauth` ("GitHub authentication discovery endpoints").
 * - There are no ID tokens, so that a snapshot has no profile: ask `/user`.
 *
 * Rotation is strict by default. A sign-out deletes the access token, by "Delete an app token" of the REST API.
 * `signIn` rejects as that of `oauth2` does. A granted `scope` has commas, as GitHub writes it.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/node";
 * import { github } from "tokenkeep/providers/github";
 *
 * const clientSecret = process.env["GITHUB_CLIENT_SECRET"] ?? "";
 * const vault = createVault({ provider: github({ clientId: "Iv1.8a61f9b3a7aba766", clientSecret }) });
 * const user = await vault.fetch("https://api.github.com/user");
 * ```
 */
export function github(options: GithubOptions): Provider<CodeCredentials> {
  const { clientId, clientSecret, origins = ["https://api.github.com"] } = own(options);
  const { clientAuthentication = "post", isRefusal = isRefused } = own(options);
  const provider = oauth2(
    own({
      ...options,
      clientAuthentication,
      isRefusal,
      ...githubClient(options),
      origins,
      name: "github",
    }),
  );
  return own({
    ...provider,
    async revoke({ accessToken }, exchange) {
      const authorization = `Basic ${btoa(`${clientId}:${clientSecret}`)}`;
      const url = `${originAt(origins[0], "origins")}/applications/${encodeURIComponent(clientId)}/token`;
      const body = { access_token: accessToken };
      // Workers add no `User-Agent`, and the API refuses a request without one.
      const headers = { authorization, "user-agent": "tokenkeep" };
      await send({ url, method: "DELETE", body, headers }, exchange);
    },
  } satisfies Provider<CodeCredentials>);
}

const REFUSING: ReadonlySet<unknown> = new Set([
  "bad_refresh_token",
  "bad_verification_code",
  "invalid_grant",
]);

const isRefused = ({ body }: TokenReply): boolean => REFUSING.has(body?.["error"]);

/**
 * One page by three libraries, as their documentation has it: a login there and back, tokens that outlive a
 * reload, a request with a token. Each is set up for refresh tokens, and for tabs to share them.
 */

/** What every page has: it sends, pauses, and notes how it ended, until it is told to stop. */
const HARNESS = `
export const config = JSON.parse(
  new URL(location.href).searchParams.get("config") ?? sessionStorage.getItem("config"),
);
sessionStorage.setItem("config", JSON.stringify(config));
export function start({ isIn, begin, call }) {
  const tally = {};
  globalThis.lane = {
    isIn,
    begin,
    tally,
    isDone: false,
    async work(ms = 400) {
      while (!globalThis.lane.isDone) {
        const end = await call(config.api).then(
          (reply) => String(reply.status),
          (error) => error.code ?? error.error ?? error.name ?? "failed",
        );
        tally[end] = (tally[end] ?? 0) + 1;
        await new Promise((resolve) => setTimeout(resolve, ms));
      }
    },
  };
}
export const withToken = async (token, url) =>
  fetch(url, { headers: { authorization: \`Bearer \${token}\` } });
`;

const TOKENKEEP_WORKER = `
import { oauth2 } from "tokenkeep/providers/oauth2";
import { serveVault } from "tokenkeep/worker";
const { issuer, api } = JSON.parse(new URL(location.href).searchParams.get("config"));
const scope = "openid offline_access";
serveVault({
  provider: oauth2({ issuer, clientId: "bench", scope, name: "bench", origins: [api] }),
  dangerouslyAllowLoopbackHttp: true,
});
`;

const TOKENKEEP = `
import { beginSignIn, completeSignIn } from "tokenkeep/oauth";
import { connectVault } from "tokenkeep/worker";
import { config, start } from "harness";
const client = {
  issuer: config.issuer,
  clientId: "bench",
  redirectUri: "/callback",
  scope: "openid offline_access",
  dangerouslyAllowLoopbackHttp: true,
};
const file = "/worker.js?config=" + encodeURIComponent(JSON.stringify(config));
const vault = connectVault(() => new SharedWorker(file, { type: "module" }));
await completeSignIn(client, vault);
start({
  isIn: async () => vault.snapshot().status === "signed-in",
  begin: () => beginSignIn(client, { prompt: "consent" }),
  call: (url) => vault.fetch(url),
});
`;

const OIDC = `
import { UserManager, WebStorageStateStore } from "oidc-client-ts";
import { config, start, withToken } from "harness";
const manager = new UserManager({
  authority: config.issuer,
  client_id: "bench",
  redirect_uri: location.origin + "/callback",
  scope: "openid offline_access",
  userStore: new WebStorageStateStore({ store: localStorage }),
  // A minute is its default, which a short life does not have.
  accessTokenExpiringNotificationTimeInSeconds: config.life > 60 ? 60 : Math.ceil(config.life / 3),
});
if (location.pathname === "/callback" && location.search.includes("code="))
  await manager.signinRedirectCallback().then(() => history.replaceState(null, "", "/"));
start({
  isIn: async () => (await manager.getUser()) !== null,
  begin: () => manager.signinRedirect({ prompt: "consent" }),
  call: async (url) => withToken((await manager.getUser())?.access_token, url),
});
`;

const AUTH0 = `
import { createAuth0Client } from "@auth0/auth0-spa-js";
import { config, start, withToken } from "harness";
const auth0 = await createAuth0Client({
  domain: config.issuer.replace(/\\/$/, ""),
  clientId: "bench",
  useRefreshTokens: true,
  cacheLocation: "localstorage",
  authorizationParams: {
    redirect_uri: location.origin + "/callback",
    scope: "openid",
    prompt: "consent",
  },
});
if (location.pathname === "/callback" && location.search.includes("code="))
  await auth0.handleRedirectCallback().then(() => history.replaceState(null, "", "/"));
start({
  isIn: () => auth0.isAuthenticated(),
  begin: () => auth0.loginWithRedirect(),
  call: async (url) => withToken(await auth0.getTokenSilently(), url),
});
`;

export interface PageSource {
  readonly title: string;
  readonly page: string;
  readonly worker?: string;
  /** Auth0's issuers end with a slash. */
  readonly hasSlash?: boolean;
}

export const harness: string = HARNESS;

export const pages: readonly PageSource[] = [
  { title: "tokenkeep, in a shared worker", page: TOKENKEEP, worker: TOKENKEEP_WORKER },
  { title: "oidc-client-ts", page: OIDC },
  { title: "@auth0/auth0-spa-js", page: AUTH0, hasSlash: true },
];

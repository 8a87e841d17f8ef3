/** The presets over OAuth, each with its server, and the login that a page would have made. */
import { createVault, type Vault, type VaultOptions } from "../../src/index.ts";
import type { OAuthClient } from "../../src/oauth.ts";
import { auth0, auth0Client } from "../../src/providers/auth0.ts";
import { cognito, cognitoClient } from "../../src/providers/cognito.ts";
import { entra, entraClient } from "../../src/providers/entra.ts";
import { github, githubClient } from "../../src/providers/github.ts";
import { google, googleClient } from "../../src/providers/google.ts";
import { keycloak, keycloakClient } from "../../src/providers/keycloak.ts";
import type { CodeCredentials, OAuth2Options } from "../../src/providers/oauth2.ts";
import { okta, oktaClient } from "../../src/providers/okta.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Provider } from "../../src/types.ts";
import { asFetch } from "../apis/in-process.ts";
import type { OAuthBrand } from "../apis/oauth/brand.ts";
import { type BrandName, brands, SECRET, TENANT } from "../apis/oauth/brands.ts";
import { challengeOf, createOAuthApi, type OAuthApi } from "../apis/oauth/authorization-server.ts";
import { clockAhead } from "./clock.ts";

/** What a test wants of a preset, besides what its server demands. */
export type Wishes = Partial<
  Pick<OAuth2Options, "clientSecret" | "reuseWindow" | "rotation" | "scope">
>;

interface Preset {
  readonly client: (wishes?: Wishes) => OAuthClient;
  readonly provider: (wishes?: Wishes) => Provider<CodeCredentials>;
}

const origins = ["https://api.acme.test"];
/** The tests of browsers may have a secret. */
const secret = { clientSecret: SECRET, dangerouslyAllowInBrowser: true };

function preset<App extends object>(
  app: App,
  client: (app: App & Wishes) => OAuthClient,
  provider: (app: App & Wishes) => Provider<CodeCredentials>,
): Preset {
  return {
    client: (wishes) => client({ ...app, ...wishes }),
    provider: (wishes) => provider({ ...app, ...wishes }),
  };
}

const clientId = (name: BrandName): { readonly clientId: string } => ({
  clientId: brands[name].clientId,
});

const domain = "acme.eu.auth0.com";
const audience = "https://api.acme.test/";
const userPoolId = "eu-central-1_aBcDeFgHi";
const baseURL = "https://login.acme.test";

export const presets: Readonly<Record<BrandName, Preset>> = {
  auth0: preset({ ...clientId("auth0"), domain, audience, origins }, auth0Client, auth0),
  okta: preset({ ...clientId("okta"), domain: "acme.okta.com", origins }, oktaClient, okta),
  keycloak: preset(
    { ...clientId("keycloak"), baseURL, realm: "acme", origins },
    keycloakClient,
    keycloak,
  ),
  entra: preset({ ...clientId("entra"), tenant: TENANT, origins }, entraClient, entra),
  cognito: preset({ ...clientId("cognito"), userPoolId, origins }, cognitoClient, cognito),
  google: preset({ ...clientId("google"), ...secret }, googleClient, google),
  github: preset({ ...clientId("github"), ...secret }, githubClient, github),
};

const VERIFIER = "verifier-".padEnd(43, "x");
const BACK = "https://app.acme.test/callback";

/** What a login of this client brings, once `subject` has said yes. */
export async function logIn(
  { client, api, brand }: { client: OAuthClient; api: OAuthApi; brand: OAuthBrand },
  subject?: string,
): Promise<CodeCredentials> {
  const { scope = "", parameters } = client;
  const nonce = scope.split(" ").includes("openid") ? "nonce-1" : undefined;
  const query = new URLSearchParams({
    ...parameters,
    ...(nonce !== undefined && { nonce }),
    client_id: client.clientId,
    redirect_uri: BACK,
    response_type: "code",
    scope,
    state: "state-1",
    code_challenge: await challengeOf(VERIFIER),
    code_challenge_method: "S256",
  });
  const callback = new URL(api.login(`${brand.places.authorize}?${query}`, subject)).search;
  return { callback, state: "state-1", codeVerifier: VERIFIER, redirectUri: BACK, nonce };
}

export interface Opened {
  readonly api: OAuthApi;
  readonly brand: OAuthBrand;
  readonly vault: Vault<CodeCredentials>;
  readonly client: OAuthClient;
  /** Moves the clocks of both sides. */
  pass(ms: number): void;
  login(subject?: string): Promise<CodeCredentials>;
  /** Calls the API. */
  get(path?: string): Promise<Response>;
}

export interface OpenOptions extends Partial<Pick<VaultOptions, "store">> {
  readonly wishes?: Wishes;
  /** What this server does otherwise. */
  readonly brand?: Partial<OAuthBrand>;
}

/** A vault over a preset, and its server without a network. */
export function openPreset(name: BrandName, options: OpenOptions = {}): Opened {
  const { wishes, store = memoryStore() } = options;
  const brand: OAuthBrand = { ...brands[name], ...options.brand };
  const api = createOAuthApi(brand);
  let passed = 0;
  const vault = createVault({
    provider: presets[name].provider(wishes),
    store,
    fetch: asFetch(api.fetch),
    clock: clockAhead(() => passed),
  });
  const client = presets[name].client(wishes);
  return {
    api,
    brand,
    vault,
    client,
    pass: (ms) => api.set({ clockOffset: (passed += ms) }),
    login: (subject) => logIn({ client, api, brand }, subject),
    get: (path = "/things") => vault.fetch(brand.places.api + path),
  };
}

export async function signedInTo(name: BrandName, options?: OpenOptions): Promise<Opened> {
  const opened = openPreset(name, options);
  await opened.vault.signIn(await opened.login());
  return opened;
}

/** The servers of the presets, as their public documentation describes them. The presets name the pages. */
import { json, textOf } from "../replies.ts";
import { byScope, denied, type Denial, type OAuthBrand } from "./brand.ts";

const SECOND = 1_000;
const HOUR = 3_600_000;

export const SECRET = "client-secret-for-tests";
export const TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
const API = "https://api.acme.test";

const auth0: OAuthBrand = {
  issuer: "https://acme.eu.auth0.com/",
  places: {
    metadata: "https://acme.eu.auth0.com/.well-known/openid-configuration",
    authorize: "https://acme.eu.auth0.com/authorize",
    token: "https://acme.eu.auth0.com/oauth/token",
    revoke: "https://acme.eu.auth0.com/oauth/revoke",
    keys: "https://acme.eu.auth0.com/.well-known/jwks.json",
    userInfo: "https://acme.eu.auth0.com/userinfo",
    logout: "https://acme.eu.auth0.com/oidc/logout",
    api: API,
  },
  clientId: "auth0-app",
  life: 24 * HOUR,
  // "Rotation Overlap Period" is off until somebody sets it.
  rotation: "strict",
  isOffline: byScope,
  denied: (why) => denied(why, why === "refresh token" ? 403 : undefined),
};

const okta: OAuthBrand = {
  issuer: "https://acme.okta.com/oauth2/default",
  places: {
    metadata: "https://acme.okta.com/oauth2/default/.well-known/openid-configuration",
    authorize: "https://acme.okta.com/oauth2/default/v1/authorize",
    token: "https://acme.okta.com/oauth2/default/v1/token",
    revoke: "https://acme.okta.com/oauth2/default/v1/revoke",
    keys: "https://acme.okta.com/oauth2/default/v1/keys",
    userInfo: "https://acme.okta.com/oauth2/default/v1/userinfo",
    logout: "https://acme.okta.com/oauth2/default/v1/logout",
    api: API,
  },
  clientId: "okta-app",
  rotation: "window",
  reuseWindow: 30 * SECOND,
  isOffline: byScope,
};

const REALM = "https://login.acme.test/realms/acme";

const keycloak: OAuthBrand = {
  issuer: REALM,
  places: {
    metadata: `${REALM}/.well-known/openid-configuration`,
    authorize: `${REALM}/protocol/openid-connect/auth`,
    token: `${REALM}/protocol/openid-connect/token`,
    revoke: `${REALM}/protocol/openid-connect/revoke`,
    keys: `${REALM}/protocol/openid-connect/certs`,
    userInfo: `${REALM}/protocol/openid-connect/userinfo`,
    logout: `${REALM}/protocol/openid-connect/logout`,
    api: API,
  },
  clientId: "keycloak-app",
  life: 5 * 60 * SECOND,
  // "Revoke Refresh Token" is on.
  rotation: "strict",
  namesIssuer: true,
  besides: () => ({ "not-before-policy": 0, session_state: "5b0f7c3e", refresh_expires_in: 1_800 }),
};

const ENTRA = `https://login.microsoftonline.com/${TENANT}`;

const entra: OAuthBrand = {
  issuer: `${ENTRA}/v2.0`,
  places: {
    metadata: `${ENTRA}/v2.0/.well-known/openid-configuration`,
    authorize: `${ENTRA}/oauth2/v2.0/authorize`,
    token: `${ENTRA}/oauth2/v2.0/token`,
    keys: `${ENTRA}/discovery/v2.0/keys`,
    userInfo: "https://graph.microsoft.com/oidc/userinfo",
    logout: `${ENTRA}/oauth2/v2.0/logout`,
    api: API,
  },
  clientId: "11111111-1111-1111-1111-111111111111",
  // Each refresh brings a new one, and none ends by its use.
  rotation: "window",
  reuseWindow: Infinity,
  loginLife: 24 * HOUR,
  isOffline: byScope,
  besides: () => ({ ext_expires_in: 3_599 }),
};

const POOL = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_aBcDeFgHi";
const DOMAIN = "https://acme.auth.eu-central-1.amazoncognito.com";

const cognito: OAuthBrand = {
  issuer: POOL,
  places: {
    metadata: `${POOL}/.well-known/openid-configuration`,
    authorize: `${DOMAIN}/oauth2/authorize`,
    token: `${DOMAIN}/oauth2/token`,
    revoke: `${DOMAIN}/oauth2/revoke`,
    keys: `${POOL}/.well-known/jwks.json`,
    userInfo: `${DOMAIN}/oauth2/userInfo`,
    logout: `${DOMAIN}/logout`,
    api: API,
  },
  clientId: "cognito-app",
  // Rotation is enabled, without a grace period.
  rotation: "strict",
  unknownScopes: ["offline_access"],
  repeatsRefreshToken: false,
};

const google: OAuthBrand = {
  issuer: "https://accounts.google.com",
  places: {
    metadata: "https://accounts.google.com/.well-known/openid-configuration",
    authorize: "https://accounts.google.com/o/oauth2/v2/auth",
    token: "https://oauth2.googleapis.com/token",
    revoke: "https://oauth2.googleapis.com/revoke",
    keys: "https://www.googleapis.com/oauth2/v3/certs",
    userInfo: "https://openidconnect.googleapis.com/v1/userinfo",
    api: "https://www.googleapis.com",
  },
  clientId: "1234.apps.googleusercontent.com",
  clientSecret: SECRET,
  rotation: "none",
  unknownScopes: ["offline_access"],
  repeatsRefreshToken: false,
  isOffline: ({ query, isFirst }) =>
    query.get("access_type") === "offline" && (isFirst || query.get("prompt") === "consent"),
  prefix: "ya29.",
};

const GITHUB_CODES: Readonly<Record<Denial, string>> = {
  client: "incorrect_client_credentials",
  code: "bad_verification_code",
  "refresh token": "bad_refresh_token",
  request: "unsupported_grant_type",
};

const github: OAuthBrand = {
  issuer: "https://github.com/login/oauth",
  places: {
    authorize: "https://github.com/login/oauth/authorize",
    token: "https://github.com/login/oauth/access_token",
    api: "https://api.github.com",
  },
  clientId: "Iv1.8a61f9b3a7aba766",
  clientSecret: SECRET,
  life: 8 * HOUR,
  loginLife: 183 * 24 * HOUR,
  endsAccessTokens: true,
  namesIssuer: true,
  prefix: "ghu_",
  denied: (why) => json(200, { error: GITHUB_CODES[why], error_description: "It is not accepted" }),
  besides: () => ({ refresh_token_expires_in: 15_811_200, scope: "repo,gist" }),
  deletes: (call) =>
    call.method === "DELETE" &&
    call.url.href === "https://api.github.com/applications/Iv1.8a61f9b3a7aba766/token" &&
    call.headers.get("authorization") === `Basic ${btoa(`Iv1.8a61f9b3a7aba766:${SECRET}`)}`
      ? (JSON.parse(textOf(call)) as { access_token: string }).access_token
      : undefined,
};

export const brands = { auth0, okta, keycloak, entra, cognito, google, github } as const;

export type BrandName = keyof typeof brands;

export const brandNames: readonly BrandName[] = Object.keys(brands) as BrandName[];

/** An option that is `undefined` is one that was not given: it takes no default away. */
import { describe, expect, it } from "vitest";
import { artos } from "../../src/providers/artos.ts";
import { apiKey } from "../../src/providers/api-key.ts";
import { auth0 } from "../../src/providers/auth0.ts";
import { clary } from "../../src/providers/clary.ts";
import { claryJwt } from "../../src/providers/clary-jwt.ts";
import { cognito } from "../../src/providers/cognito.ts";
import { cookie } from "../../src/providers/cookie.ts";
import { entra } from "../../src/providers/entra.ts";
import { github } from "../../src/providers/github.ts";
import { google } from "../../src/providers/google.ts";
import { jwtBearer } from "../../src/providers/jwt-bearer.ts";
import { keycloak } from "../../src/providers/keycloak.ts";
import { mint } from "../../src/providers/mint.ts";
import { oauth2 } from "../../src/providers/oauth2.ts";
import { okta } from "../../src/providers/okta.ts";
import { password } from "../../src/providers/password.ts";
import { qovery } from "../../src/providers/qovery.ts";
import { selfSigned } from "../../src/providers/self-signed.ts";
import { simplismart } from "../../src/providers/simplismart.ts";
import { staticToken } from "../../src/providers/static-token.ts";
import { supabase } from "../../src/providers/supabase.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import type { Provider } from "../../src/types.ts";
import { ORIGIN, reply } from "../support/fake-api.ts";

const base = { name: "acme", origins: [ORIGIN] };
const client = { clientId: "client", clientSecret: "secret", origins: [ORIGIN] };
const K = "k".repeat(32);

type Make = (options: object) => Provider<never>;

const row = <Options extends object>(
  make: (options: Options) => unknown,
  needed: Options,
): readonly [string, Make] => [
  make.name,
  (more) => make({ ...more, ...needed }) as Provider<never>,
];

const providers: readonly (readonly [string, Make])[] = [
  row(artos, {}),
  row(clary, {}),
  row(claryJwt, {}),
  row(qovery, {}),
  row(simplismart, {}),
  row(vmcloud, {}),
  row(apiKey, base),
  row(mint, { ...base, tokenUrl: `${ORIGIN}/token` }),
  row(password, { ...base, tokenUrl: `${ORIGIN}/login` }),
  row(staticToken, base),
  row(selfSigned, { ...base, key: () => K, claims: () => ({}) }),
  row(jwtBearer, { ...base, tokenUrl: `${ORIGIN}/token`, key: () => "", claims: () => ({}) }),
  row(oauth2, { ...base, clientId: "c", endpoints: { token: `${ORIGIN}/token` } }),
  row(cookie, {
    ...base,
    loginUrl: `${ORIGIN}/login`,
    refreshUrl: `${ORIGIN}/refresh`,
    read: () => ({}),
  }),
  row(auth0, { ...client, domain: "acme.auth0.test", audience: "api" }),
  row(cognito, { ...client, userPoolId: "eu-central-1_abc" }),
  row(entra, { ...client, tenant: "8eaef023-2b34-4da1-9baa-8bc8c9d6a490" }),
  row(github, { clientId: "client", clientSecret: "secret" }),
  row(google, { clientId: "client", clientSecret: "secret" }),
  row(keycloak, { ...client, baseURL: "https://keycloak.test", realm: "acme" }),
  row(okta, { ...client, domain: "acme.okta.test" }),
  row(supabase, { projectURL: "https://acme.supabase.test", publishableKey: "key" }),
];

const OPTIONS = [
  ...["assumedLifetime", "reuseWindow", "rotation", "safe503", "isRefusal", "lifetime", "renewal"],
  ...["clientAuthentication", "partition", "origins", "publicPaths", "scheme", "header", "scope"],
  ...["authority", "authorizationServer", "baseURL", "signOutScope", "variable", "showsClaims"],
  ...["encoding", "method", "headers", "refreshUrl", "revokeUrl", "read", "write", "parameters"],
  ...["algorithm", "audience", "issuer", "env", "csrf", "dpop", "resource", "needsRefreshToken"],
];
const nothing = Object.fromEntries(OPTIONS.map((name) => [name, undefined]));

/** All that a provider says of itself; a method counts as being there. */
const shapeOf = (provider: Provider<never>): unknown =>
  JSON.parse(
    JSON.stringify({ ...provider }, (_, value: unknown) =>
      typeof value === "function" ? "a method" : value,
    ),
  );

describe("a provider whose options are undefined", () => {
  it.each(providers)("%s is the one without these options [S1 S11]", (_, make) => {
    expect(shapeOf(make(nothing))).toEqual(shapeOf(make({})));
  });

  it.each(providers)("%s takes the same replies for refusals [P9 F71]", async (_, make) => {
    const [usual, given] = await Promise.all([make({}), make(nothing)].map(outcomes));
    expect(given).toEqual(usual);
  });
});

/** What a refresh comes to, by reply. */
async function outcomes(provider: Provider<never>): Promise<readonly unknown[]> {
  const bodies = [
    { detail: "x" },
    { error: "bad_refresh_token" },
    { error_code: "refresh_token_not_found" },
  ];
  const session = { material: { userId: "u" }, refreshToken: "r", accessToken: "a" };
  return Promise.all(
    bodies.map(async (body) => {
      const asked = provider.renew?.(session, {
        signal: new AbortController().signal,
        now: () => 0,
        fetch: async () => reply(401, body),
      } as never);
      return Promise.resolve(asked).then(
        (outcome) => outcome?.type,
        (error: unknown) => String(error),
      );
    }),
  );
}

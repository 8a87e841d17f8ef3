/** What each preset over OAuth has of its own, as its server's pages say. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { auth0, auth0Client } from "../../../src/providers/auth0.ts";
import { cognitoClient } from "../../../src/providers/cognito.ts";
import { entra, entraClient } from "../../../src/providers/entra.ts";
import { github, githubClient } from "../../../src/providers/github.ts";
import { googleClient } from "../../../src/providers/google.ts";
import { keycloakClient } from "../../../src/providers/keycloak.ts";
import { oktaClient } from "../../../src/providers/okta.ts";
import { supabase } from "../../../src/providers/supabase.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type BrandName, brandNames, brands, SECRET } from "../../apis/oauth/brands.ts";
import { logIn, openPreset, presets, signedInTo } from "../../support/preset-logins.ts";
import { findSecrets } from "../../support/secrets.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const clientId = "app";
const tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
const origins = ["https://api.acme.test"];

const root = Object.prototype as unknown as Record<string, unknown>;
const POLLUTED = ["audience", "authorizationServer", "authority", "baseURL", "parameters", "scope"];
afterEach(() => POLLUTED.forEach((name) => Reflect.deleteProperty(root, name)));

const lastRefreshToken = (asked: readonly URLSearchParams[]): string | null | undefined =>
  asked.at(-1)?.get("refresh_token");

describe("every preset over OAuth", () => {
  it.each(brandNames)("%s names its server as the server does, and nothing polluted", (name) => {
    const before = JSON.stringify(presets[name].client());
    for (const member of POLLUTED) root[member] = "polluted";
    expect(JSON.stringify(presets[name].client())).toBe(before);
    const { issuer, endpoints } = presets[name].client();
    expect(issuer).toBe(brands[name].issuer);
    expect(endpoints?.token ?? brands[name].places.token).toBe(brands[name].places.token);
  });

  it.each<[string, (missing: never) => unknown]>([
    ["auth0's domain", (domain) => auth0Client({ clientId, domain })],
    ["okta's domain", (domain) => oktaClient({ clientId, domain })],
    [
      "okta's authorizationServer",
      (authorizationServer) =>
        oktaClient({ clientId, domain: "acme.okta.test", authorizationServer }),
    ],
    ["entra's authority", (authority) => entraClient({ clientId, tenant, authority })],
    ["github's baseURL", (baseURL) => githubClient({ clientId, baseURL })],
    ["keycloak's baseURL", (baseURL) => keycloakClient({ clientId, realm: "acme", baseURL })],
    [
      "keycloak's realm",
      (realm) => keycloakClient({ clientId, baseURL: "login.acme.test", realm }),
    ],
    ["cognito's userPoolId", (userPoolId) => cognitoClient({ clientId, userPoolId })],
    ["supabase's projectURL", (projectURL) => supabase({ projectURL, publishableKey: "key" })],
  ])("%s that is missing is told, and is no host of that name [S17 F87]", (what, make) => {
    const [, option] = what.split(" ");
    const told = expect.objectContaining({
      code: "invalid_option",
      message: expect.stringContaining(`${option}, a text`) as string,
    }) as object;
    const isOptional =
      /authority|authorizationServer|baseURL/.test(what) && !what.startsWith("keycloak");
    for (const missing of ["", "undefined", "null", null, 7, ...(isOptional ? [] : [undefined])])
      expect(() => make(missing as never)).toThrow(told);
  });

  it.each(brandNames)("%s hands out no secret [S7]", (name) => {
    const shown = [presets[name].provider({ clientSecret: SECRET }), presets[name].client()];
    expect(findSecrets(shown, [SECRET])).toEqual([]);
  });

  it.each<[BrandName, "none" | "strict"]>([
    ["auth0", "strict"],
    ["okta", "strict"],
    ["keycloak", "strict"],
    ["entra", "none"],
    ["cognito", "strict"],
    ["google", "none"],
    ["github", "strict"],
  ])(
    "%s: rotation is %s unless the application says otherwise, and there is no window",
    (name, rotation) => {
      expect(presets[name].provider().renewal).toMatchObject({ rotation });
      expect(presets[name].provider().renewal?.reuseWindow).toBeUndefined();
      const wishes = { rotation: "none", reuseWindow: 30_000 } as const;
      expect(presets[name].provider(wishes).renewal).toMatchObject(wishes);
    },
  );
});

describe("auth0", () => {
  const app = { domain: "acme.eu.auth0.com", clientId };

  it("says the audience with each login, and keeps two APIs' sessions apart [S11]", () => {
    const one = { ...app, audience: "https://one.test" };
    const other = { ...app, audience: "https://other.test" };
    expect(auth0Client(one).parameters).toEqual({ audience: "https://one.test" });
    const partitions = [one, other, app].map((each) => auth0({ ...each, origins }).partition);
    expect(new Set(partitions.map(String)).size).toBe(3);
  });

  it.each(["acme.eu.auth0.com", "https://acme.eu.auth0.com", "https://acme.eu.auth0.com/"])(
    "takes its domain as %s",
    (domain) => {
      expect(auth0Client({ domain, clientId }).issuer).toBe("https://acme.eu.auth0.com/");
    },
  );

  it("without offline_access has no refresh token: the session ends with its access token", async () => {
    const { pass, get } = await signedInTo("auth0", { wishes: { scope: "openid" } });
    expect((await get()).status).toBe(200);
    pass(24 * HOUR);
    await expect(get()).rejects.toMatchObject({ code: "sign_in_required" });
  });

  const renewing = async (status: number, error: string) => {
    const opened = await signedInTo("auth0");
    opened.api.fault("refresh", { status, body: { error } });
    opened.api.expireAccessTokens();
    opened.pass(10_000);
    return opened;
  };

  it("a wrong secret is access_denied with 401, and ends no session [P17 F72]", async () => {
    const { vault, api, get } = await renewing(401, "access_denied");
    expect((await get()).status).toBe(200);
    expect(vault.snapshot().status).toBe("signed-in");
    expect(api.counters()).toMatchObject({ refreshed: 1 });
  });

  it.each([
    [400, "access_denied"],
    [401, "unauthorized"],
    [403, "invalid_grant"],
  ])("any other refusal asks for a sign-in: %i %s [P17 F72]", async (status, error) => {
    const { get } = await renewing(status, error);
    await expect(get()).rejects.toMatchObject({ code: "sign_in_required" });
  });

  it("a refresh that wants another factor asks for a sign-in [P17 F72]", async () => {
    const { vault, get } = await renewing(403, "mfa_required");
    await expect(get()).rejects.toMatchObject({ code: "sign_in_required" });
    expect(vault.snapshot().status).toBe("sign-in-required");
  });

  it("in its overlap period a token whose reply was lost comes again, and nobody is signed out [P2 F39]", async () => {
    const { vault, api, pass, get } = await signedInTo("auth0", {
      brand: { rotation: "window", reuseWindow: 30_000 },
      wishes: { reuseWindow: 30_000 },
    });
    api.fault("refresh", { dropReply: "after" });
    const { issuedAt = 0, expiresAt = 0 } = vault.snapshot();
    pass(expiresAt - issuedAt);
    expect((await get()).status).toBe(200);
    expect(api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 0 });
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", generation: 2 });
  });
});

describe("okta", () => {
  it.each([
    [undefined, "https://acme.okta.com/oauth2/default"],
    ["aus1", "https://acme.okta.com/oauth2/aus1"],
    ["org", "https://acme.okta.com"],
  ])("its authorization server %s is at %s", (authorizationServer, issuer) => {
    const app = { domain: "acme.okta.com", clientId };
    const which = authorizationServer === undefined ? {} : { authorizationServer };
    expect(oktaClient({ ...app, ...which }).issuer).toBe(issuer);
  });
});

describe("keycloak", () => {
  it.each([
    ["https://login.acme.test", "acme", "https://login.acme.test/realms/acme"],
    ["https://login.acme.test/auth/", "acme", "https://login.acme.test/auth/realms/acme"],
    ["login.acme.test", "two words", "https://login.acme.test/realms/two%20words"],
  ])("at %s the realm %s has the issuer %s", (baseURL, realm, issuer) => {
    expect(keycloakClient({ baseURL, realm, clientId }).issuer).toBe(issuer);
  });

  it("asks for no offline_access, and is refreshed all the same", async () => {
    const { api, pass, get } = await signedInTo("keycloak");
    pass(6 * MINUTE);
    expect((await get()).status).toBe(200);
    expect(api.counters().refreshed).toBe(1);
  });
});

describe("entra", () => {
  it.each(["common", "organizations", "consumers", "acme.onmicrosoft.com", ""])(
    "takes no tenant %s: its metadata names another issuer",
    (tenant) => {
      const error = { code: "invalid_option", message: expect.stringContaining("tenant, its id") };
      expect(() => entraClient({ tenant, clientId })).toThrow(expect.objectContaining(error));
      expect(() => entra({ tenant, clientId, origins })).toThrow(expect.objectContaining(error));
    },
  );

  it("is found in a national cloud", () => {
    const authority = "https://login.partner.microsoftonline.cn";
    const tenant = "8EAEF023-2b34-4da1-9baa-8bc8c9d6a490";
    expect(entraClient({ tenant, clientId, authority }).issuer).toBe(
      `${authority}/${tenant.toLowerCase()}/v2.0`,
    );
  });

  it("each refresh sends the newest refresh token, though the old ones are good still", async () => {
    const { api, pass, get } = await signedInTo("entra");
    const sent = new Set<unknown>();
    for (let hour = 0; hour < 3; hour++) {
      pass(HOUR);
      await get();
      sent.add(lastRefreshToken(api.asked));
    }
    expect(sent.size).toBe(3);
  });

  it("a day after the login in a page a sign-in is due, however often it was refreshed", async () => {
    const { vault, pass, get } = await signedInTo("entra");
    for (let hour = 0; hour < 23; hour++) {
      pass(HOUR);
      expect((await get()).status).toBe(200);
    }
    pass(2 * HOUR);
    await expect(get()).rejects.toMatchObject({ code: "sign_in_required" });
    expect(vault.snapshot().status).toBe("sign-in-required");
  });
});

describe("cognito", () => {
  it.each([
    ["eu-central-1_aBc", "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_aBc"],
    ["cn-north-1_aBc", "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_aBc"],
  ])("the user pool %s has the issuer %s", (userPoolId, issuer) => {
    expect(cognitoClient({ userPoolId, clientId }).issuer).toBe(issuer);
  });

  it("asks for no offline_access, which its login page would refuse", async () => {
    const { login } = openPreset("cognito");
    expect((await login()).callback).toContain("code=");
    const asking = openPreset("cognito", { wishes: { scope: "openid offline_access" } });
    expect((await asking.login()).callback).toContain("error=invalid_scope");
  });

  it("without rotation a refresh brings no refresh token, and the old one is kept [F23]", async () => {
    const { api, pass, get } = await signedInTo("cognito", { brand: { rotation: "none" } });
    pass(HOUR);
    await get();
    const first = lastRefreshToken(api.asked);
    pass(HOUR);
    expect((await get()).status).toBe(200);
    expect(lastRefreshToken(api.asked)).toBe(first);
  });
});

describe("google", () => {
  it("asks for consent, so that a login on a second device is refreshed as well", async () => {
    const { vault, login, pass, get } = await signedInTo("google");
    await vault.signOut();
    await vault.signIn(await login());
    pass(HOUR);
    expect((await get()).status).toBe(200);
  });

  it("without consent a second login has no refresh token, and ends after an hour", async () => {
    const { vault, client, api, brand, pass, get } = await signedInTo("google");
    await vault.signOut();
    const silent = { ...client, parameters: { access_type: "offline" } };
    await vault.signIn(await logIn({ client: silent, api, brand }));
    pass(HOUR);
    await expect(get()).rejects.toMatchObject({ code: "sign_in_required" });
  });

  it("has a login in a page pushed by the page's own server, where the application says so", () => {
    expect(googleClient({ clientId, pushedBy: "/login/push" }).pushedBy).toBe("/login/push");
  });

  it("says access_type and prompt with each login, and the application's words in their place", () => {
    expect(googleClient({ clientId }).parameters).toEqual({
      access_type: "offline",
      prompt: "consent",
    });
    const parameters = { prompt: "select_account consent", hd: "acme.example" };
    expect(googleClient({ clientId, parameters }).parameters).toEqual({
      access_type: "offline",
      ...parameters,
    });
  });

  it("shows the secret in the body, as its page says", async () => {
    const { api } = await signedInTo("google");
    expect(api.asked[0]?.get("client_secret")).toBe(SECRET);
  });
});

describe("github", () => {
  it("an error with status 200 refuses, if it is about the token [P17]", async () => {
    const { vault, api, get } = await signedInTo("github");
    api.revoke();
    api.expireAccessTokens();
    await expect(get()).rejects.toMatchObject({ code: "sign_in_required" });
    expect(vault.snapshot().status).toBe("sign-in-required");
  });

  it("a wrong secret is an error with status 200, and signs nobody out [P17]", async () => {
    const { vault, login } = openPreset("github", { wishes: { clientSecret: "wrong" } });
    await expect(vault.signIn(await login())).rejects.toMatchObject({ code: "sign_in_failed" });
  });

  it("a refresh ends the old access token: who still has it is served with the new one [P12]", async () => {
    const { vault, api, pass, get } = await signedInTo("github");
    const gate = api.gate("api", "before");
    const late = get("/slow");
    await gate.arrived;
    pass(8 * HOUR);
    expect((await get()).status).toBe(200);
    gate.release();
    expect((await late).status).toBe(200);
    expect(api.counters()).toMatchObject({ refreshed: 1, unauthorized: 1 });
    expect(vault.snapshot().generation).toBe(2);
  });

  it("the callback may name the issuer, and no other server", async () => {
    const { vault, login } = openPreset("github");
    const code = await login();
    expect(code.callback).toContain(encodeURIComponent("https://github.com/login/oauth"));
    const other = code.callback.replace("github.com%2Flogin", "evil.test%2Flogin");
    const mixedUp = vault.signIn({ ...code, callback: other });
    await expect(mixedUp).rejects.toMatchObject({ reason: "callback_invalid" });
    await vault.signIn(code);
  });

  it("a token without an end serves until its 401", async () => {
    const { vault, api, get } = await signedInTo("github", {
      brand: { isOffline: () => false, besides: () => ({ expires_in: undefined }) },
    });
    expect((await get()).status).toBe(200);
    api.expireAccessTokens();
    expect((await get()).status).toBe(401);
    expect(vault.snapshot().status).toBe("sign-in-required");
  });

  it("a sign-out names its client: GitHub answers 403 to a request without a User-Agent [S14]", async () => {
    const fetch = vi.fn(async (_url: string, _init: RequestInit) => new Response(null));
    const exchange = { fetch, signal: new AbortController().signal, now: Date.now };
    const app = github({ clientId, clientSecret: SECRET });
    await app.revoke?.({ accessToken: "ghu_1" } as never, exchange as never);
    const headers = new Headers(fetch.mock.calls[0]?.[1].headers);
    expect(headers.get("user-agent")).toBe("tokenkeep");
    expect(headers.get("authorization")).toMatch(/^Basic /);
  });

  it("is found on an Enterprise Server, whose API lies below a path", async () => {
    const baseURL = "https://ghe.acme.test";
    const app = {
      baseURL,
      clientId,
      clientSecret: SECRET,
      origins: [`${baseURL}/api/v3`],
    } as const;
    expect(githubClient(app)).toMatchObject({
      issuer: `${baseURL}/login/oauth`,
      endpoints: { token: `${baseURL}/login/oauth/access_token` },
    });
    const fetch = vi.fn(async () => new Response(null, { status: 204 }));
    const exchange = { fetch, signal: new AbortController().signal, now: Date.now };
    await github(app).revoke?.({ accessToken: "ghu_1" } as never, exchange as never);
    expect(fetch).toHaveBeenCalledWith(
      `${baseURL}/api/v3/applications/app/token`,
      expect.objectContaining({ method: "DELETE", body: '{"access_token":"ghu_1"}' }),
    );
  });
});

it("two presets in one store, with one account's name, take nothing from each other [S11]", async () => {
  const store = memoryStore();
  const [one, other] = [
    await signedInTo("okta", { store }),
    await signedInTo("keycloak", { store }),
  ];
  await one.vault.signOut();
  expect((await other.get()).status).toBe(200);
  expect(await one.vault.accounts()).toEqual([]);
});

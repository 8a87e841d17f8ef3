/** `testVault`: in memory, signed in, over a fake API. */
import { expect, it, onTestFinished, vi } from "vitest";
import { http } from "msw";
import { setupServer } from "msw/node";
import { auth0 } from "../../../src/providers/auth0.ts";
import { claryJwt } from "../../../src/providers/clary-jwt.ts";
import { google } from "../../../src/providers/google.ts";
import { keycloak } from "../../../src/providers/keycloak.ts";
import { oauth2 } from "../../../src/providers/oauth2.ts";
import { okta } from "../../../src/providers/okta.ts";
import { createClock, fakeApi, testVault } from "../../../src/testing.ts";

it("is signed in, and keeps its events", async () => {
  const { vault, api, events } = await testVault();
  onTestFinished(() => vault.close());
  expect(vault.snapshot()).toMatchObject({ status: "signed-in", persisted: true });
  expect((await vault.fetch(`${api.origin}/things`)).status).toBe(200);
  expect(events.map(({ type }) => type)).toContain("signed-in");
});

it("is signed out where a test wants to sign in itself", async () => {
  const { vault, api } = await testVault({ signedIn: false });
  onTestFinished(() => vault.close());
  await expect(vault.fetch(`${api.origin}/things`)).rejects.toMatchObject({ code: "no_session" });
  await vault.signIn({ email: "ada@example.com", password: "secret" });
  expect(api.counts.signIns).toBe(1);
});

it("adopts tokens for any provider: OAuth's, without a login", async () => {
  const api = fakeApi({ signInUrl: "/token", refreshUrl: "/token" });
  const provider = oauth2({
    name: "example",
    origins: [api.origin],
    endpoints: { token: `${api.origin}/token` },
    clientId: "page",
  });
  const { vault } = await testVault({ api, provider });
  onTestFinished(() => vault.close());
  api.expire();
  expect((await vault.fetch(`${api.origin}/things`)).status).toBe(200);
  expect(api.counts).toMatchObject({ signIns: 0, refreshes: 1 });
});

const app = { clientId: "page", origins: ["https://api.acme.example"] };
const OAUTH = {
  auth0: () => auth0({ ...app, domain: "acme.eu.auth0.com" }),
  okta: () => okta({ ...app, domain: "acme.okta.com" }),
  keycloak: () => keycloak({ ...app, baseURL: "https://login.acme.example/auth", realm: "acme" }),
  google: () => google({ ...app, clientSecret: "secret" }),
  oauth2: () => oauth2({ ...app, name: "acme", issuer: "https://login.acme.example" }),
};

it.each(Object.entries(OAUTH))(
  "%s looks its server up, and a 401 is healed by one refresh, which no look-up is counted for [P11]",
  async (_, make) => {
    const api = fakeApi({ origin: "https://api.acme.example" });
    const { vault } = await testVault({ api, provider: make() });
    onTestFinished(() => vault.close());
    api.expire();
    expect((await vault.fetch(`${api.origin}/things`)).status).toBe(200);
    expect(api.counts).toMatchObject({ refreshes: 1, requests: 2, unauthorized: 1 });
    await vault.signOut({ untilRevoked: true });
    expect(api.counts).toMatchObject({ revocations: 1, requests: 2 });
  },
);

it("OAuth's server is looked up over MSW, too, where one of its addresses is the issuer's [P11]", async () => {
  const api = fakeApi({
    origin: "https://api.acme.example",
    refreshUrl: "https://acme.eu.auth0.com/oauth/token",
  });
  const server = setupServer(...api.handlers(http));
  server.listen({ onUnhandledFrame: "error" });
  onTestFinished(() => server.close());
  const global: typeof fetch = (...request) => fetch(...request);
  const { vault } = await testVault({ api, provider: OAUTH.auth0(), fetch: global });
  onTestFinished(() => vault.close());
  api.expire();
  expect((await vault.fetch(`${api.origin}/things`)).status).toBe(200);
  expect(api.counts).toMatchObject({ refreshes: 1, requests: 2 });
});

it("adopted tokens end the session of a provider that renews by no refresh token", async () => {
  const api = fakeApi({ origin: "https://api.claryai.com" });
  const { vault } = await testVault({ api, provider: claryJwt() });
  onTestFinished(() => vault.close());
  expect((await vault.fetch(`${api.origin}/v1/documents`)).status).toBe(200);
  api.expire();
  await expect(vault.fetch(`${api.origin}/v1/documents`)).rejects.toMatchObject({
    code: "sign_in_required",
  });
});

it("an option that is undefined lets no request out to the network", async () => {
  const outside = vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("the network"));
  onTestFinished(() => outside.mockRestore());
  // As JavaScript may give them, and TypeScript without `exactOptionalPropertyTypes`.
  const given: object = { fetch: undefined, store: undefined };
  const { vault, api } = await testVault(given);
  onTestFinished(() => vault.close());
  expect((await vault.fetch(`${api.origin}/things`)).status).toBe(200);
  expect(outside).not.toHaveBeenCalled();
});

it("a sign-in that fails leaves no vault open", async () => {
  const clock = createClock();
  const api = fakeApi({ clock });
  api.fail({ on: "sign-in", status: 500 });
  let isWaking = false;
  const signing = testVault({
    api,
    clock,
    credentials: { email: "ada@example.com", password: "secret" },
    refreshAhead: true,
    onWake() {
      isWaking = true;
      return () => {
        isWaking = false;
      };
    },
  });
  await expect(signing).rejects.toMatchObject({ code: "sign_in_failed" });
  expect(isWaking).toBe(false);
});

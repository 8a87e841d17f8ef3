/** `testVault`: in memory, signed in, over a fake API. */
import { expect, it, onTestFinished } from "vitest";
import { oauth2 } from "../../../src/providers/oauth2.ts";
import { fakeApi, testVault } from "../../../src/testing.ts";

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

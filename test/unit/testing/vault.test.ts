/** `testVault`: in memory, signed in, over a fake API. */
import { expect, it, onTestFinished, vi } from "vitest";
import { oauth2 } from "../../../src/providers/oauth2.ts";
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

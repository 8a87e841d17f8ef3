/** The profile in a page whose vault runs in a worker. */
import { expect, it, vi } from "vitest";
import type { RawGrant } from "../../../src/providers/password.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { serveVault } from "../../../src/worker.ts";
import { acme, credentials, fakeApi, reply } from "../../support/fake-api.ts";
import { connect, odd } from "./page-vault.ts";

const user = { name: "Ada", address: { city: "London" } };

it("is shown there as in the worker: frozen, without a prototype, and gone at the sign-out [S10 S15]", async () => {
  const api = fakeApi();
  vi.stubGlobal("fetch", api.fetch);
  api.login = () => reply(200, { access_token: "t", user });
  const read = (body: Record<string, unknown>): RawGrant => ({
    accessToken: body["access_token"],
    profile: body["user"],
  });
  const provider = acme({ read });
  const vault = connect(() => serveVault({ provider, store: memoryStore(), fetch: api.fetch }));
  await vault.signIn(credentials);
  const { profile } = vault.snapshot();
  expect(profile).toEqual(user);
  for (const object of [profile, profile!["address"]]) {
    expect(Object.getPrototypeOf(object)).toBeNull();
    expect(Object.isFrozen(object)).toBe(true);
  }
  await vault.signOut();
  expect(vault.snapshot()).toMatchObject({ status: "signed-out" });
  expect(vault.snapshot().profile).toBeUndefined();
});

it.each<[unknown]>([["Ada"], [[user]], [5], [null]])(
  "what a worker says in its place is taken if it is an object, and %j is not [S10]",
  async (profile) => {
    const snapshot = { status: "signed-in", persisted: true, profile };
    const state = { owner: "o", seq: 2, news: [{ seq: 2, snapshot }] };
    const vault = connect(() => odd(() => ({ tokenkeep: 1, state })));
    await vault.signOut();
    expect(vault.snapshot().status).toBe("signed-in");
    expect(vault.snapshot().profile).toBeUndefined();
  },
);

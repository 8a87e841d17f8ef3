/** A call that waits for its first token while somebody else signs in, in the same browser. */
import { expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { TokenStore } from "../../../src/types.ts";
import { credentials, reply } from "../../support/fake-api.ts";
import { bench, rejection, signedIn, VMS } from "../../support/vault.ts";
import { gate } from "./faulty-parts.ts";

const HOUR = 3_600_000;

/** Ada's call waits for a refresh that fails, and meanwhile somebody signs in in another tab. */
async function crossed(shared: TokenStore["shared"]) {
  const store: TokenStore = { ...memoryStore(), shared };
  const ada = await signedIn({ store });
  await ada.clock.advance(HOUR);
  const refresh = gate(() => reply(503, {}));
  ada.api.refresh = refresh.answer;
  const call = ada.vault.fetch(VMS, { method: "POST", body: "Ada's" });
  const next = bench({ store, clock: ada.clock, api: ada.api });
  await next.vault.signIn(credentials);
  refresh.open();
  return { ...ada, call };
}

it("is not sent as the other user's, and says so [F103 S11]", async () => {
  const { call, clock, api, vault } = await crossed("origin");
  expect(await rejection(clock.until(call))).toMatchObject({ code: "session_changed" });
  expect(api.to("/v1/vms")).toHaveLength(0);
  // The next call is made by who is there now.
  expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
});

it("goes on where each account is one user's: another sign-in is the same one's [F103 P17]", async () => {
  const { call, clock, api } = await crossed("context");
  expect((await clock.until(call)).status).toBe(200);
  expect(api.to("/v1/vms")).toHaveLength(1);
});

it("a token that was rejected is not replaced by another session's [F103]", async () => {
  const store: TokenStore = { ...memoryStore(), shared: "origin" };
  const { vault, clock, api } = await signedIn({ store });
  const rejected = await vault.getToken();
  const refresh = gate(() => reply(503, {}));
  api.refresh = refresh.answer;
  await clock.advance(10_000);
  const asked = vault.getToken({ rejected });
  await bench({ store, clock, api }).vault.signIn(credentials);
  refresh.open();
  expect(await rejection(clock.until(asked))).toMatchObject({ code: "session_changed" });
  expect(await clock.until(vault.getToken())).not.toBe(rejected);
});

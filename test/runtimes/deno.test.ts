/** The contracts on Deno, with Deno KV. */
import { expect, inject, it } from "vitest";
import { localLock } from "../../src/locks/local.ts";
import { webLocks } from "../../src/locks/web-locks.ts";
import { encrypted } from "../../src/stores/encrypted.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { fetchContract } from "../contracts/fetch.ts";
import { jwtBearerContract } from "../contracts/jwt-bearer.ts";
import { jwtContract } from "../contracts/jwt.ts";
import { lockContract } from "../contracts/lock.ts";
import { oauth2Contract } from "../contracts/oauth2.ts";
import { oauthPresetContract } from "../contracts/oauth-presets.ts";
import { providerContract } from "../contracts/provider.ts";
import { sealingContract } from "../contracts/sealing.ts";
import { sqliteContract } from "../contracts/sqlite.ts";
import { storeContract } from "../contracts/store.ts";
import { webhookContract } from "../contracts/webhook.ts";
import { wretchContract } from "../contracts/wretch.ts";
import { freshStore, ring, storedIn, twinStores } from "../deno/kv-databases.ts";

it("runs in Deno", () => {
  expect(Deno.version.deno).toMatch(/^\d/);
});

storeContract("memory", memoryStore);
// By its `node:sqlite`, for applications that have such a handle; `tokenkeep/deno` uses Deno KV.
sqliteContract();
storeContract("Deno KV", freshStore, { twins: () => twinStores(), stored: storedIn });
storeContract("encrypted over Deno KV", async () => encrypted(await freshStore(), ring), {
  twins: () => twinStores((store) => encrypted(store, ring)),
});
sealingContract("memory", memoryStore);
lockContract("local", localLock);
lockContract("web locks", () => webLocks());
oauth2Contract();
oauthPresetContract();
providerContract({ control: inject("control"), env: process.env });
const runtime = {
  control: inject("control"),
  streams: true,
  departs: ["lengths", "sends"],
} as const;
fetchContract(runtime);
jwtBearerContract({ control: inject("control") });
jwtContract({ control: inject("control") });
webhookContract({ streams: true });
wretchContract({ ...runtime, timings: false });

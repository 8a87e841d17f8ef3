/** The contracts on Bun. */
import { expect, inject, it } from "vitest";
import { localLock } from "../../src/locks/local.ts";
import { webLocks } from "../../src/locks/web-locks.ts";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { fetchContract } from "../contracts/fetch.ts";
import { jwtBearerContract } from "../contracts/jwt-bearer.ts";
import { jwtContract } from "../contracts/jwt.ts";
import { lockContract } from "../contracts/lock.ts";
import { oauth2Contract } from "../contracts/oauth2.ts";
import { oauthPresetContract } from "../contracts/oauth-presets.ts";
import { providerContract } from "../contracts/provider.ts";
import { sealingContract } from "../contracts/sealing.ts";
import { jsonStore } from "../contracts/sealing/sealing-stage.ts";
import { sqliteContract } from "../contracts/sqlite.ts";
import { storeContract } from "../contracts/store.ts";
import { webhookContract } from "../contracts/webhook.ts";
import { wretchContract } from "../contracts/wretch.ts";

it("runs in Bun", () => {
  expect(process.versions["bun"]).toMatch(/^\d/);
});

storeContract("memory", memoryStore);
storeContract("encrypted over memory", () => encrypted(memoryStore()), {
  twins: () => {
    const inner = memoryStore();
    return [encrypted(inner), encrypted(inner)];
  },
});
storeContract("encrypted over a store that writes JSON", () =>
  encrypted(jsonStore(), keyring(`k1:${btoa("0123456789abcdef0123456789abcdef")}`)),
);
sealingContract("memory", memoryStore);
sqliteContract();
lockContract("local", localLock);
lockContract("web locks", () => webLocks(), { exclusive: !!globalThis.navigator?.locks });
oauth2Contract();
oauthPresetContract();
providerContract({ control: inject("control"), env: process.env });
fetchContract({ control: inject("control"), streams: true, departs: ["refusals", "redirects"] });
jwtBearerContract({ control: inject("control") });
jwtContract({ control: inject("control") });
webhookContract({ streams: true });
wretchContract({ control: inject("control"), streams: true, timings: false });

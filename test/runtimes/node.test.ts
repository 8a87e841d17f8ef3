/** The contracts on Node. */
import { inject } from "vitest";
import { webLocks } from "../../src/locks/web-locks.ts";
import { localLock } from "../../src/locks/local.ts";
import { encrypted } from "../../src/stores/encrypted.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { fetchContract } from "../contracts/fetch.ts";
import { jwtBearerContract } from "../contracts/jwt-bearer.ts";
import { jwtContract } from "../contracts/jwt.ts";
import { lockContract } from "../contracts/lock.ts";
import { oauth2Contract } from "../contracts/oauth2.ts";
import { oauthPresetContract } from "../contracts/oauth-presets.ts";
import { providerContract } from "../contracts/provider.ts";
import { sqliteContract } from "../contracts/sqlite.ts";
import { storeContract } from "../contracts/store.ts";
import { webhookContract } from "../contracts/webhook.ts";
import { wretchContract } from "../contracts/wretch.ts";

storeContract("memory", memoryStore);
storeContract("encrypted over memory", () => encrypted(memoryStore()), {
  twins: () => {
    const inner = memoryStore();
    return [encrypted(inner), encrypted(inner)];
  },
});
sqliteContract();
lockContract("local", localLock);
// From 24.5 on Node has Web Locks.
lockContract("web locks", () => webLocks(), { exclusive: !!globalThis.navigator?.locks });
oauth2Contract();
oauthPresetContract();
providerContract({ control: inject("control"), env: process.env });
fetchContract({ control: inject("control"), streams: true });
jwtBearerContract({ control: inject("control") });
jwtContract({ control: inject("control") });
webhookContract({ streams: true });
wretchContract({ control: inject("control"), streams: true, timings: true });

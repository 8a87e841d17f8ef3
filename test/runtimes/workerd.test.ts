/** The contracts in workerd: memory, a Durable Object's storage, and `vault.fetch`. */
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
import { storeContract } from "../contracts/store.ts";
import { webhookContract } from "../contracts/webhook.ts";
import { wretchContract } from "../contracts/wretch.ts";
import { kvStore, ring, storedInKv } from "../workers/kv-store.ts";
import { objectStores, storedIn } from "../workers/object-store.ts";

storeContract("memory", memoryStore);
storeContract("encrypted over memory", () => encrypted(memoryStore()), {
  twins: () => {
    const inner = memoryStore();
    return [encrypted(inner), encrypted(inner)];
  },
});
storeContract("a Durable Object's storage", () => objectStores()[0], {
  twins: objectStores,
  stored: storedIn,
});
storeContract("Workers KV", kvStore, { atomic: false, stored: storedInKv });
storeContract("encrypted over Workers KV", async () => encrypted(kvStore(), await ring()), {
  atomic: false,
});
sealingContract("memory", memoryStore);
lockContract("local", localLock);
it("Web Locks that are not there change nothing but the waiting [F6]", async () => {
  const { signal } = new AbortController();
  expect(await webLocks().run("name", async () => 42, signal)).toBe(42);
});
oauth2Contract();
oauthPresetContract();
providerContract({ control: inject("control") });
fetchContract({ control: inject("control"), streams: true, departs: ["types"] });
jwtBearerContract({ control: inject("control") });
jwtContract({ control: inject("control") });
webhookContract({ streams: true });
wretchContract({ control: inject("control"), streams: true, timings: false });

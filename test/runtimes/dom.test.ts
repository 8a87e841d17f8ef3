/** The contracts under happy-dom, which has no IndexedDB and whose Web Locks are null (F6). */
import { expect, inject, it } from "vitest";
import { localLock } from "../../src/locks/local.ts";
import { webLocks } from "../../src/locks/web-locks.ts";
import { encrypted } from "../../src/stores/encrypted.ts";
import { indexedDbStore } from "../../src/stores/indexeddb.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { fetchContract } from "../contracts/fetch.ts";
import { lockContract } from "../contracts/lock.ts";
import { oauth2Contract } from "../contracts/oauth2.ts";
import { oauthPresetContract } from "../contracts/oauth-presets.ts";
import { providerContract } from "../contracts/provider.ts";
import { storeContract } from "../contracts/store.ts";
import { webhookContract } from "../contracts/webhook.ts";

storeContract("memory", memoryStore);
storeContract("encrypted over memory", () => encrypted(memoryStore()));
lockContract("local", localLock);
lockContract("web locks, which are null here", () => webLocks(), { exclusive: false });
lockContract("web locks with a fallback", () => webLocks({ fallback: localLock() }));

fetchContract({ control: inject("control"), streams: false, faithful: false });
oauth2Contract();
oauthPresetContract();
providerContract({ control: inject("control") });
webhookContract({ streams: true });

it("without IndexedDB every call rejects, and says so [P16]", async () => {
  const store = indexedDbStore();
  for (const call of [
    store.read("a"),
    store.head("a"),
    store.list(""),
    store.write("a", undefined, undefined),
  ])
    await expect(call).rejects.toMatchObject({ code: "store_unavailable" });
});

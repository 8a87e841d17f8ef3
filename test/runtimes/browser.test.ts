/** The contracts in Chromium, Firefox and WebKit, each with what it really has. */
import { inject } from "vitest";
import { localLock } from "../../src/locks/local.ts";
import { encrypted } from "../../src/stores/encrypted.ts";
import { indexedDbStore } from "../../src/stores/indexeddb.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { connectVault, serveVault } from "../../src/worker.ts";
import { cookieContract } from "../contracts/cookie.ts";
import { fetchContract } from "../contracts/fetch.ts";
import { indexedDbContract } from "../contracts/indexeddb.ts";
import { freshDatabase } from "../support/browser-databases.ts";
import { jwtContract } from "../contracts/jwt.ts";
import { loginContract } from "../contracts/logins.ts";
import { lockContract, webLocksContract } from "../contracts/lock.ts";
import { oauth2Contract } from "../contracts/oauth2.ts";
import { oauthPresetContract } from "../contracts/oauth-presets.ts";
import { providerContract } from "../contracts/provider.ts";
import { sealingContract } from "../contracts/sealing.ts";
import { storeContract } from "../contracts/store.ts";
import { webhookContract } from "../contracts/webhook.ts";
import { wretchContract } from "../contracts/wretch.ts";
import { workerContract } from "../contracts/worker.ts";

storeContract("memory", memoryStore);
indexedDbContract("the browser's");
sealingContract("memory", memoryStore);
sealingContract("IndexedDB", () => indexedDbStore({ database: freshDatabase() }));
storeContract(
  "encrypted over IndexedDB",
  () => encrypted(indexedDbStore({ database: freshDatabase() })),
  {
    twins: () => {
      const database = freshDatabase();
      return [encrypted(indexedDbStore({ database })), encrypted(indexedDbStore({ database }))];
    },
  },
);
lockContract("local", localLock);
webLocksContract("the browser's", {
  pagehide: () => globalThis.dispatchEvent(new Event("pagehide")),
  freeze: () => document.dispatchEvent(new Event("freeze")),
});
oauth2Contract();
oauthPresetContract();
providerContract({ control: inject("control") });
cookieContract({ control: inject("control") });
fetchContract({ control: inject("control"), streams: false });
jwtContract({ control: inject("control") });
webhookContract({ streams: "body" in Request.prototype });
const timings = !/AppleWebKit(?!.*Chrome)/.test(navigator.userAgent);
wretchContract({ control: inject("control"), streams: false, timings });
// What a page without an engine sends is by the same rules.
fetchContract({
  title: ", vault in another place",
  control: inject("control"),
  streams: false,
  make: (options) => connectVault<PasswordCredentials>(() => serveVault(options)),
});
loginContract({
  title: ", vault in another place",
  control: inject("control"),
  make: (options) => connectVault<Readonly<Record<string, string>>>(() => serveVault(options)),
});
wretchContract({
  title: ", vault in another place",
  control: inject("control"),
  streams: false,
  timings,
  make: (options) => connectVault<PasswordCredentials>(() => serveVault(options)),
});
for (const kind of ["shared", "dedicated", "service"] as const)
  workerContract(kind, inject("control"));

/** A page as an application makes it: a vault, and a login that is completed at each load. */
import { createVault, isVaultError, type Vault } from "tokenkeep/browser";
import {
  beginSignIn,
  beginSignOut,
  type BeginOptions,
  type CodeCredentials,
  completeSignIn,
  createStepUp,
  readUserInfo,
  signInByPopup,
} from "tokenkeep/oauth";
import { connectVault } from "tokenkeep/worker";
import { clientOf, providerOf, readConfig, type RunBy } from "./oauth-config.ts";

declare global {
  interface Window {
    signIn: {
      vault: Vault<CodeCredentials>;
      begin(options?: BeginOptions): Promise<void>;
      /** How a login by popup has ended. A click calls it, as browsers want it. */
      popup(): Promise<string>;
      /** The status of a call that may want a younger login. */
      stepUp(path: string): Promise<number>;
      end(): Promise<void>;
      userInfo(): Promise<unknown>;
      /** What this page's load was: an outcome's type and reason, or an error's code. */
      outcome: Promise<string>;
      /** The URL at the first moment after `completeSignIn` was called. */
      seen: string;
      /** Sends requests, three at a time, until `isDone`, and tells what was not 200. */
      work(): Promise<{ sent: number; failed: string[] }>;
      isDone: boolean;
    };
  }
}

const config = readConfig(location.href);
const client = clientOf(config);
const script = `/oauth-worker.js?config=${encodeURIComponent(JSON.stringify(config))}`;

async function startServiceWorker(): Promise<ServiceWorkerRegistration> {
  await navigator.serviceWorker.register(script, { type: "module" });
  return navigator.serviceWorker.ready;
}

const vaults: Record<RunBy, () => Vault<CodeCredentials>> = {
  page: () => createVault({ provider: providerOf(config), dangerouslyAllowLoopbackHttp: true }),
  shared: () => connectVault(() => new SharedWorker(script, { type: "module" })),
  isolated: () => connectVault(startServiceWorker),
};
const vault = vaults[config.runBy]();

async function outcomeOf(): Promise<string> {
  try {
    // As React's StrictMode does: both calls are told the same.
    const [outcome, again] = await Promise.all([
      completeSignIn(client, vault),
      completeSignIn(client, vault),
    ]);
    if (outcome !== again && outcome.type !== "none") return "told twice";
    return "reason" in outcome ? `${outcome.type}: ${outcome.reason}` : outcome.type;
  } catch (error) {
    return isVaultError(error) ? `${error.code}: ${error.reason}` : String(error);
  }
}

async function work(): Promise<{ sent: number; failed: string[] }> {
  const failed: string[] = [];
  let sent = 0;
  do {
    const ends = await Promise.allSettled([1, 2, 3].map(() => vault.fetch(config.api)));
    sent += ends.length;
    for (const end of ends) {
      if (end.status === "rejected") failed.push(String(end.reason));
      else if (end.value.status !== 200) failed.push(String(end.value.status));
    }
    // Pages that never pause would starve each other.
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (!window.signIn.isDone);
  return { sent, failed };
}

const outcome = outcomeOf();
window.signIn = {
  vault,
  begin: (options) => beginSignIn(client, { prompt: "consent", ...options }),
  async popup() {
    const { type } = await signInByPopup(client, vault, { prompt: "consent" });
    return type;
  },
  async stepUp(path) {
    const fetchOrAsk = createStepUp(vault, {
      onChallenge: ({ maxAge = 60 }) => signInByPopup(client, vault, { maxAge, prompt: "consent" }),
    });
    return (await fetchOrAsk(config.api + path)).status;
  },
  end: () => beginSignOut(client, vault, { returnTo: "/" }),
  userInfo: () => readUserInfo(client, vault),
  outcome,
  seen: location.href,
  work,
  isDone: false,
};

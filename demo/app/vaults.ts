/// <reference types="vite/client" />
/**
 * How an application makes its vault: in a worker that all tabs share, or in each tab. The page shows
 * these very lines. `setup` is what the demo adds to watch: a `fetch` that takes notes, and leave to
 * use http on this machine.
 */
import { type BrowserVaultOptions, createVault, type Vault } from "tokenkeep/browser";
import type { CodeCredentials } from "tokenkeep/oauth";
import { connectVault } from "tokenkeep/worker";
import type { ApiId, Form } from "./apis.ts";
import { type Place, uses } from "./providers.ts";

/** What a vault does whatever its credentials are. */
export type DemoVault = Omit<Vault, "signIn">;

/** A vault, and how its form signs in. */
export interface Opened {
  readonly vault: DemoVault;
  readonly signIn: (form: Form) => Promise<void>;
  /** Signs in with what a login page has brought. */
  readonly redeem: (code: CodeCredentials) => Promise<void>;
  /** Whether a worker runs it. */
  readonly isOwned: () => boolean;
}

type Setup = Omit<BrowserVaultOptions<never>, "provider" | "account">;

/** The worker's file; each API, and each place that it may have, gets a worker of its own. */
function fileOf(api: ApiId, { baseURL, reuseWindow }: Place): URL {
  // Built, it stands beside the page, and the page's scripts in a folder below.
  const name = import.meta.env.DEV ? "./vault.worker.ts" : "../vault.worker.js";
  const file = new URL(name, import.meta.url);
  file.search = String(new URLSearchParams({ api, baseURL, reuseWindow: String(reuseWindow) }));
  return file;
}

// #region connect
function connect(file: URL, account: string, onFallback: () => void): Vault<unknown> {
  // Chromium lets it finish its work when the last tab has gone.
  const options = { type: "module", extendedLifetime: true } as const;
  const fallback = () => import(/* @vite-ignore */ file.href).finally(onFallback);
  return connectVault(() => new SharedWorker(file, options), { account, fallback });
}
// #endregion

export function openInWorker(api: ApiId, place: Place, account: string): Opened {
  let isOwned = true;
  const vault = connect(fileOf(api, place), account, () => (isOwned = false));
  const { credentials } = uses[api];
  return {
    vault,
    signIn: (form) => vault.signIn(credentials(form)),
    redeem: (code) => vault.signIn(code),
    isOwned: () => isOwned,
  };
}

export function openInPage(api: ApiId, place: Place, account: string, setup: Setup): Opened {
  const provider = uses[api].provider(place);
  // #region create
  // In each tab, a vault of its own.
  const vault = createVault({ provider, account, ...setup });
  // #endregion
  const { credentials } = uses[api];
  return {
    vault,
    // They are this provider's: see `use`.
    signIn: (form) => vault.signIn(credentials(form) as never),
    redeem: (code) => vault.signIn(code as never),
    isOwned: () => false,
  };
}

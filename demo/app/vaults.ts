/**
 * How an application makes its vault, once for each API. The page shows these very lines. `setup` is
 * what the demo adds to watch: a `fetch` that takes notes, and leave to use http on this machine.
 */
import { type BrowserVaultOptions, createVault, type Vault } from "tokenkeep/browser";
import { artos } from "tokenkeep/providers/artos";
import { clary } from "tokenkeep/providers/clary";
import { claryJwt } from "tokenkeep/providers/clary-jwt";
import { qovery } from "tokenkeep/providers/qovery";
import { simplismart } from "tokenkeep/providers/simplismart";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import type { ApiId, Form } from "./apis.ts";

/** What a vault does whatever its credentials are. */
export type DemoVault = Omit<Vault, "signIn">;

/** A vault, and how its form signs in. */
export interface Opened {
  readonly vault: DemoVault;
  readonly signIn: (form: Form) => Promise<void>;
}

export interface Setup extends Omit<BrowserVaultOptions, "provider"> {
  /** The API's origin. */
  readonly baseURL: string;
  /** How long the server takes a spent refresh token once more; milliseconds. */
  readonly reuseWindow: number;
}

/** These keys are the demo's own; a real one has no place in a browser. */
const demo = { dangerouslyAllowInBrowser: true } as const;

// #region vmcloud
function openVmcloud({ baseURL, reuseWindow, ...setup }: Setup): Opened {
  const provider = vmcloud({ baseURL, reuseWindow });
  const vault = createVault({ provider, ...setup });
  return { vault, signIn: ({ email, password }) => vault.signIn({ email, password }) };
}
// #endregion

// #region artos
function openArtos({ baseURL, ...setup }: Setup): Opened {
  const provider = artos({ baseURL, ...demo });
  const vault = createVault({ provider, ...setup });
  return { vault, signIn: ({ userId }) => vault.signIn({ userId }) };
}
// #endregion

// #region clary-jwt
function openClaryJwt({ baseURL, ...setup }: Setup): Opened {
  const provider = claryJwt({ baseURL, lifetime: 24_000, ...demo });
  const vault = createVault({ provider, ...setup });
  return {
    vault,
    signIn: ({ subject, apiKey, tier }) =>
      vault.signIn({ subject, apiKey, tier: tier as "standard" }),
  };
}
// #endregion

// #region clary
function openClary({ baseURL, ...setup }: Setup): Opened {
  const vault = createVault({ provider: clary({ baseURL, ...demo }), ...setup });
  return { vault, signIn: ({ token }) => vault.signIn({ token }) };
}
// #endregion

// #region simplismart
function openSimplismart({ baseURL, ...setup }: Setup): Opened {
  const vault = createVault({ provider: simplismart({ baseURL, ...demo }), ...setup });
  return { vault, signIn: ({ token }) => vault.signIn({ token }) };
}
// #endregion

// #region qovery
function openQovery({ baseURL, ...setup }: Setup): Opened {
  const vault = createVault({ provider: qovery({ baseURL, ...demo }), ...setup });
  return { vault, signIn: ({ token }) => vault.signIn({ token }) };
}
// #endregion

export const open: Readonly<Record<ApiId, (setup: Setup) => Opened>> = {
  vmcloud: openVmcloud,
  artos: openArtos,
  "clary-jwt": openClaryJwt,
  clary: openClary,
  simplismart: openSimplismart,
  qovery: openQovery,
};

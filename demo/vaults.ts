/**
 * How an application makes its vault, once for each API. The page shows these very lines. `setup` is
 * what the demo adds to watch: a `fetch` that takes notes, and leave to use http on this machine.
 */
import { type BrowserVaultOptions, createVault, type Vault } from "tokenkeep/browser";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import type { ApiId } from "./apis.ts";

export type Values = Readonly<Record<string, string>>;

export interface Opened {
  readonly vault: Vault<never>;
  /** Signs in with what stands in the form. */
  signIn(values: Values): Promise<void>;
}

export interface Place {
  /** The API's origin. */
  readonly baseURL: string;
  /** How long the server takes a spent refresh token once more; milliseconds. */
  readonly reuseWindow: number;
}

export type Setup = Omit<BrowserVaultOptions, "provider">;

const text = (values: Values, name: string): string => values[name] ?? "";

export const open: Readonly<Record<ApiId, (place: Place, setup: Setup) => Opened>> = {
  // #region vmcloud
  vmcloud({ baseURL, reuseWindow }, setup) {
    const vault = createVault({ provider: vmcloud({ baseURL, reuseWindow }), ...setup });
    return {
      vault,
      signIn: (form) =>
        vault.signIn({ email: text(form, "email"), password: text(form, "password") }),
    };
  },
  // #endregion
};

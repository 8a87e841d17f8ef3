/**
 * The core: a vault over any store. Platforms have entries of their own, which wire a store and more:
 * `tokenkeep/browser`, `tokenkeep/worker`, `tokenkeep/cloudflare`, `tokenkeep/deno`, `tokenkeep/node`.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep";
 * import { memoryStore } from "tokenkeep/stores/memory";
 * import { vmcloud } from "tokenkeep/providers/vmcloud";
 *
 * const vault = createVault({ provider: vmcloud(), store: memoryStore() });
 * await vault.signIn({ email: "ada@example.com", password: "correct horse" });
 * const response = await vault.fetch("https://api.vmcloud.com/v1/vms");
 * ```
 *
 * @module
 */
import { createFollow, hidesRedirects } from "./request/redirects.ts";
import type { VaultOptions } from "./types.ts";
import { createVaultWith, type Vault } from "./vault/vault.ts";

/**
 * Makes a vault for one account of one provider.
 *
 * @throws VaultError `invalid_option` when an option is missing or wrong, and for a store without
 * compare-and-set where the provider rotates refresh tokens.
 */
export function createVault<Credentials>(options: VaultOptions<Credentials>): Vault<Credentials> {
  return createVaultWith(options, hidesRedirects() ? undefined : createFollow);
}

export { isVaultError, VaultError, type VaultErrorCode, type VaultErrorReason } from "./errors.ts";
export type { VaultFetch, VaultRequestInit } from "./request/fetch.ts";
export { type Problem, type ProblemOptions, readProblem } from "./problem.ts";
export type * from "./types.ts";
export type { Snapshot, Vault, VaultEvent } from "./vault/vault.ts";

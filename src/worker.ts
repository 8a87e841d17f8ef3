/**
 * A vault that outlives the tab: a shared, service or dedicated worker runs it by `serveVault`, and pages
 * connect to it by `connectVault`. A bundler leaves the worker's part out of a page's bundle.
 *
 * @example
 * ```ts
 * import type { PasswordCredentials } from "tokenkeep/providers/password";
 * import { connectVault } from "tokenkeep/worker";
 *
 * // vault.worker.ts: export const vault = serveVault({ provider: vmcloud() });
 * const vault = connectVault<PasswordCredentials>(
 *   () => new SharedWorker(new URL("./vault.worker.ts", import.meta.url), { type: "module" }),
 *   { fallback: () => import("./vault.worker.ts") },
 * );
 * ```
 *
 * @module
 */
export { isVaultError, VaultError, type VaultErrorCode, type VaultErrorReason } from "./errors.ts";
export type { VaultFetch, VaultRequestInit } from "./request/fetch.ts";
export { type Problem, type ProblemOptions, readProblem } from "./problem.ts";
export type * from "./types.ts";
export type { Snapshot, Vault, VaultEvent } from "./vault/vault.ts";
export {
  type ConnectOptions,
  connectVault,
  type VaultPort,
  type VaultWorker,
} from "./worker/connect.ts";
export { type ServedVault, type ServeOptions, serveVault } from "./worker/serve.ts";

/**
 * A vault that outlives the tab: a worker runs it, pages connect to it. Bundlers leave out of a page
 * what only the worker needs.
 *
 * @module
 */
export { isVaultError, VaultError, type VaultErrorCode } from "./errors.ts";
export type { VaultFetch, VaultRequestInit } from "./fetch.ts";
export { type Problem, readProblem } from "./problem.ts";
export type * from "./types.ts";
export type { Snapshot, Vault, VaultEvent } from "./vault.ts";
export {
  type ConnectOptions,
  connectVault,
  type VaultPort,
  type VaultWorker,
} from "./worker/connect.ts";
export { type ServedVault, type ServeOptions, serveVault } from "./worker/serve.ts";

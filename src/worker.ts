/**
 * A vault that outlives the tab: a worker runs it, pages connect to it. Bundlers leave out of a page
 * what only the worker needs.
 *
 * @module
 */
export { isVaultError, VaultError, type VaultErrorCode } from "./errors.ts";
export {
  type ConnectOptions,
  connectVault,
  type VaultPort,
  type VaultWorker,
} from "./worker/connect.ts";
export type { Extendable } from "./worker/hold.ts";
export {
  type FetchEventLike,
  type ServedVault,
  type ServeOptions,
  serveVault,
} from "./worker/serve.ts";

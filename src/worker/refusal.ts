/** The errors of a page's vault. */
import type { WireError } from "../guard/wire-error.ts";

/**
 * A `VaultError` to `isVaultError` and `instanceof`, without the class's table of messages, which stays
 * in the worker. Without an argument: there is no worker.
 */
export const refusal = ({
  code = "worker_unavailable",
  message = "Cannot reach the worker. Nothing is lost: try again.",
  ...facts
}: Partial<WireError> = {}): Error =>
  Object.defineProperty(
    Object.assign(new Error(message), { name: "VaultError", code, ...facts }),
    Symbol.for("tokenkeep.error"),
    { value: true },
  );

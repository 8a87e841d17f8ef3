/** The errors of a page's vault. */
import type { WireError } from "../guard/wire-error.ts";

/**
 * Makes an error that `isVaultError` and `instanceof` take for a `VaultError`, without the class's table of
 * messages, which stays in the worker. Without an argument it says that there is no worker.
 */
export const refusal = ({
  code = "worker_unavailable",
  message = "Cannot reach the worker: it does not answer. Try again, or check that its file loads.",
  ...facts
}: Partial<WireError> = {}): Error =>
  Object.defineProperty(
    Object.assign(new Error(message), { name: "VaultError", code, ...facts }),
    Symbol.for("tokenkeep.error"),
    { __proto__: null, value: true } as PropertyDescriptor,
  );

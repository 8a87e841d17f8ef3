/** An error on its way to another context: what `VaultError` says, and nothing else (S4). */
import { isVaultError, VaultError, type VaultErrorCode, type VaultErrorFacts } from "../errors.ts";

export interface WireError extends VaultErrorFacts {
  readonly code: VaultErrorCode;
  readonly message: string;
}

/** Fixed messages only: what a provider or a store throws may hold anything. */
export function wireErrorOf(error: unknown): WireError {
  const { code, message, status, retryAfter, reason } = isVaultError(error)
    ? error
    : new VaultError(error instanceof TypeError ? "invalid_option" : "store_unavailable");
  return { code, message, status, retryAfter, reason };
}

/** A `VaultError` between contexts that pass plain data only: a page and its worker, a Worker and an object. */
import { isVaultError, VaultError, type VaultErrorCode, type VaultErrorFacts } from "../errors.ts";

/** An error as plain data. */
export interface WireError extends VaultErrorFacts {
  readonly code: VaultErrorCode;
  readonly message: string;
}

/**
 * An error for the other side. For any error but a `VaultError` the code alone is told, because an error of a
 * provider or a store may hold a secret (S4).
 */
export function toWireError(
  error: unknown,
  otherwise: VaultErrorCode = "store_unavailable",
): WireError {
  const told = isVaultError(error) ? error : new VaultError(otherwise);
  const { code, message, status, retryAfter, reason } = told;
  return { code, message, status, retryAfter, reason };
}

/** The error that the other side has told. */
export const fromWireError = ({ code, message, ...facts }: WireError): VaultError =>
  new VaultError(code, message, facts);

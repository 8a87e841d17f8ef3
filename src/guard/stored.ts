/** What stores share that outlive a release: what they find is narrowed, it is not to be trusted (S10). */
import { VaultError } from "../errors.ts";
import type { StoredRecord } from "../types.ts";

/** Whatever keeps a store from answering: nobody is signed out by it. */
export const fail: (message: string) => never = (message) => {
  throw new VaultError("store_unavailable", message);
};

const isId = (value: unknown): boolean => typeof value === "string" && value.length <= 64;

/**
 * Own data only: what a polluted `Object.prototype` holds is not part of a record. Throws
 * `store_unavailable` for another format, which is left untouched.
 */
export function parseStored(value: unknown): StoredRecord | undefined {
  if (value === undefined) return undefined;
  const record = { __proto__: null, ...(value as object) } as unknown as StoredRecord;
  return record.format === 1 &&
    isId(record.sessionId) &&
    Number.isSafeInteger(record.revision) &&
    isId(record.attemptId ?? "") &&
    (record.tombstone ?? true) === true
    ? record
    : fail("Unknown record format: update tokenkeep");
}

/** What a store that outlives a release finds under a key, narrowed: it is not to be trusted (S10). */
import { VaultError } from "../errors.ts";
import type { StoredRecord } from "../types.ts";

const isId = (value: unknown): boolean => typeof value === "string" && value.length <= 64;

/**
 * Own data only: what a polluted `Object.prototype` holds is not part of a record. Throws
 * `store_unavailable` for another format, which is left untouched.
 */
export function parseStored(value: unknown): StoredRecord | undefined {
  if (value === undefined) return undefined;
  const record = { __proto__: null, ...(value as object) } as unknown as StoredRecord;
  if (
    record.format === 1 &&
    isId(record.sessionId) &&
    Number.isSafeInteger(record.revision) &&
    isId(record.attemptId ?? "") &&
    (record.tombstone ?? true) === true
  )
    return record;
  throw new VaultError("store_unavailable", "Unknown record format: update tokenkeep");
}

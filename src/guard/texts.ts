/** A record as two texts of JSON, for databases that keep its clear part and its body in columns of their own. */
import type { StoredRecord } from "../types.ts";
import { isObject, parse } from "./json.ts";
import { fail, headOf, parseStored } from "./stored.ts";

/** A record's texts; `body` is absent where the record has none. */
export interface RecordTexts {
  readonly head: string;
  readonly body: string | undefined;
}

/** In characters: what 64 KiB are in base64, with room for the names beside them. */
const LONGEST = 131_072;

/** The texts of a record. Throws `store_unavailable` for one that {@link storedOf} would not take back. */
export function textsOf(record: StoredRecord): RecordTexts {
  const head = JSON.stringify(headOf(record));
  const body = record.body === undefined ? undefined : JSON.stringify(record.body);
  if (head.length > LONGEST || (body ?? "").length > LONGEST)
    fail("the session exceeds 64 KiB", "Keep less in it");
  return { head, body };
}

/**
 * A record from its two texts, as a database has them; `null` is a body that is absent. One that is no JSON, or
 * is longer than any session, counts as absent, too: then nobody is signed in by it (S8). Throws
 * `store_unavailable` for a head that nobody here has written, and for another format.
 */
export function storedOf(head: unknown, body: unknown): StoredRecord | undefined {
  const found = jsonOf(head);
  if (!isObject(found))
    return fail("a record is damaged", "Restore it, or delete it and sign in again");
  return parseStored({ ...found, body: jsonOf(body) });
}

/** What a text says; its size is judged before it is parsed (S10). */
function jsonOf(text: unknown): unknown {
  try {
    return typeof text === "string" && text.length <= LONGEST ? parse(text) : undefined;
  } catch {
    return undefined;
  }
}

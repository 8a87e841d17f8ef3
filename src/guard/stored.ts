/** Shared by the stores that outlive a release: their records are narrowed and not trusted (S10). */
import { because, VaultError } from "../errors.ts";
import type { RecordHead, StoredRecord } from "../types.ts";
import { isObject, own } from "./json.ts";

/** Why a store cannot be used, and what to do: `store_unavailable`'s own advice where none is given. */
export type Cause = readonly [why: string, advice?: string];

/** Throws the error of a store that cannot be used. Nobody is signed out by it. */
export const fail: (...cause: Cause) => never = (why, advice) => {
  throw because("store_unavailable", why, advice);
};

/** How many milliseconds a call of a store may take by default. */
export const DEADLINE = 4000;

/**
 * Answers as `task` does, or fails in time: a store that hangs keeps nobody waiting (F26, F59). `late`
 * rejects without a reason at the deadline. From then on the error's reason is `timed_out`: what was asked
 * may still happen. `explain` says why the task failed, because a platform's own
 * words may show what it stores (S4).
 */
export async function inTime<T>(
  ms: number,
  task: (late: Promise<never>) => T | Promise<T>,
  explain: (error: unknown) => Cause,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLate = false;
  const late = new Promise<never>((_, reject) => {
    function expire(): void {
      isLate = true;
      reject();
    }
    // Above 2^31 it would fire at once (F15).
    timer = setTimeout(expire, Math.min(ms, 1e9));
  });
  try {
    return await Promise.race([task(late), late]);
  } catch (error) {
    if (error instanceof VaultError) throw error;
    const [why, advice] = explain(error);
    throw because("store_unavailable", why, advice, isLate ? { reason: "timed_out" } : undefined);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a value is a text of 64 characters at most: the id of a session, an attempt or a scope. */
export const isId = (value: unknown): value is string =>
  typeof value === "string" && value.length <= 64;

const refuse = (): never =>
  fail("a record's format is unknown", "Update tokenkeep, or reload a page that was open before");

/** What 64 KiB of JSON can hold at most. */
const MOST_VALUES = 65_536;

/**
 * A copy of own data only, at every depth, so that a polluted `Object.prototype` adds nothing (S15).
 * Throws for a value that holds itself, or holds the same value again and again: it is no JSON.
 */
export function bare(value: unknown, left: { values: number } = { values: MOST_VALUES }): unknown {
  if (left.values-- <= 0) return refuse();
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((member) => bare(member, left));
  const copy: Record<string, unknown> = Object.create(null);
  for (const name of Object.keys(value)) copy[name] = bare(Reflect.get(value, name), left);
  return copy;
}

/** A record's clear part. */
export function headOf(record: StoredRecord): RecordHead {
  const { body: _, keys: __, ...head } = own(record);
  return own(head);
}

/** Compare-and-set's compare: whether what is stored is what a writer believes is stored. */
export const isExpected = (
  stored: RecordHead | undefined,
  expected: RecordHead | undefined,
): boolean => stored?.sessionId === expected?.sessionId && stored?.revision === expected?.revision;

/** A record without its keys, for stores that keep nothing but JSON. */
export function withoutKeys(record: StoredRecord): StoredRecord {
  const { keys: _, ...json } = record;
  return json;
}

/**
 * Narrows a record as a store has found it. A tombstone with a body was tampered with: it reads as a
 * record that could not be opened, so that no flipped flag passes for a sign-out (S20). Throws `store_unavailable`
 * for another format, which is left untouched.
 */
export function parseStored(value: unknown): StoredRecord | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) return refuse();
  // Each member is looked at below.
  const found = own<object>(value) as StoredRecord;
  const head = headOf(found);
  const { format, sessionId, revision, attemptId, tombstone, endedAt } = head;
  const { body, keys } = found;
  const isKnown =
    format === 1 &&
    isId(sessionId) &&
    Number.isSafeInteger(revision) &&
    isId(attemptId ?? "") &&
    (tombstone ?? true) === true &&
    Number.isFinite(endedAt ?? 0);
  if (!isKnown) return refuse();
  if (tombstone) return body === undefined ? head : own({ format, sessionId, revision });
  try {
    return own({
      ...head,
      ...(body !== undefined && { body: bare(body) }),
      ...(isObject(keys) && { keys: own(keys) }),
    });
  } catch {
    // A circle is deeper than the stack.
    return refuse();
  }
}

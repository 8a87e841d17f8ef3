/** What a login's reply says of the user, for display: narrowed, and never longer than a record has room for. */
import { bareAndFrozen, isObject } from "./json.ts";

/** A JSON object without a prototype, frozen at every depth. */
export type Profile = Readonly<Record<string, unknown>>;

/** In characters of JSON: with two tokens of the longest kind beside it a sealed record still takes it. */
const LONGEST = 4_096;

/** The profile in a value from outside (S10, S15); `undefined` for what is no JSON object, or too long. */
export function profileIn(value: unknown): Profile | undefined {
  if (value === undefined) return undefined;
  try {
    const text = JSON.stringify(value);
    const profile: unknown = text.length > LONGEST || JSON.parse(text, bareAndFrozen);
    return isObject(profile) ? profile : undefined;
  } catch {
    // A circle, or what JSON does not know.
    return undefined;
  }
}

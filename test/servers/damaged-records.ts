/** What a store over a server says of a record that it cannot read: the record is left as it is. */
import { expect } from "vitest";
import type { TokenStore } from "../../src/types.ts";
import { headOf, record } from "../contracts/store.ts";

export const says = (message: string): object =>
  expect.objectContaining({ code: "store_unavailable", message });

/** No call takes the record of "a" for one, and none overwrites it. */
export async function expectRefusal(store: TokenStore, head: string): Promise<void> {
  const refused = says(
    head.startsWith("{") && head !== "{"
      ? "Cannot use the store: a record's format is unknown. Update tokenkeep, or reload a page that was open before."
      : "Cannot use the store: a record is damaged. Restore it, or delete it and sign in again.",
  );
  await expect(store.read("a")).rejects.toEqual(refused);
  await expect(store.head("a")).rejects.toEqual(refused);
  await expect(store.write("a", record(), undefined)).rejects.toEqual(refused);
  await expect(store.write("a", undefined, headOf(record()))).rejects.toEqual(refused);
}

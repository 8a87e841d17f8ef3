/** Pools of both packages, as an application may have set them. */
import { describe, expect, it } from "vitest";
import { postgresStore, type PostgresStoreOptions } from "../../../src/stores/postgres.ts";
import { headOf, record } from "../../contracts/store.ts";

/** As `postgres()` with the application's own transforms, which it applies to lists, too. */
function storeBy(
  transform: (row: readonly unknown[]) => unknown,
  found: readonly unknown[],
  options: PostgresStoreOptions = { timeout: 100, dangerouslyAssumeDurable: true },
) {
  const sql = Object.assign(() => {}, {
    begin() {},
    listen() {},
    unsafe: () => ({ values: async () => [transform(found)] }),
  });
  return postgresStore(sql as never, options);
}

describe("a pool of postgres whose rows are transformed", () => {
  const { body, ...head } = record();
  const found = ["false", JSON.stringify(head), JSON.stringify(body)];

  it("reads a row that was made an object [P16]", async () => {
    const store = storeBy((row) => ({ ...row }), found);
    expect(await store.read("a")).toEqual(record());
    expect(await store.head("a")).toEqual(headOf(record()));
  });

  it("finds nothing where nulls were made something else [P16]", async () => {
    const store = storeBy((row) => row.map((one) => one ?? undefined), ["false", null, null]);
    expect(await store.read("a")).toBeUndefined();
  });

  it("says that a table is missing, and not that it is another's [P16]", async () => {
    const withoutNulls = (row: readonly unknown[]) => row.map((one) => one ?? undefined);
    const store = storeBy(withoutNulls, ["false", "on", null, null, null, "false"], {});
    await expect(store.read("a")).rejects.toThrow("there is no table");
  });
});

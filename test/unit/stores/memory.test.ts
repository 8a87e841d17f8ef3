import { expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import { record } from "../../contracts/store.ts";

// The contract runs in test/runtimes.

it("keeps records as they are, and shares them with nobody", async () => {
  const store = memoryStore();
  const written = record();
  await store.write("a", written, undefined);
  expect(await store.read("a")).toBe(written);
  expect(await memoryStore().read("a")).toBeUndefined();
  expect(store.shared).toBe("context");
});

it("shows no record when it is inspected or serialised [S7]", async () => {
  const { inspect } = await import("node:util");
  const store = memoryStore();
  await store.write("a", record(), undefined);
  expect(inspect(store, { depth: 9, showHidden: true }) + JSON.stringify(store)).not.toMatch(
    /access-1|refresh-1/,
  );
});

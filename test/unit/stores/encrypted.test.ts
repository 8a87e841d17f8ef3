/** Sealing over memory, and over a store that writes JSON. Key rings: keyring.test.ts. */
import { expect, it } from "vitest";
import { encrypted, keyring } from "../../../src/stores/encrypted.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { StoredRecord } from "../../../src/types.ts";
import { sealingContract } from "../../contracts/sealing.ts";
import { jsonStore, watched } from "../../contracts/sealing/sealing-stage.ts";
import { record, storeContract } from "../../contracts/store.ts";

sealingContract("memory", memoryStore);

const ring = keyring(`k1:${btoa("0123456789abcdef0123456789abcdef")}`);
storeContract("encrypted with a key ring", () => encrypted(memoryStore(), ring), {
  twins: () => {
    const inner = memoryStore();
    return [encrypted(inner, ring), encrypted(inner, ring)];
  },
});
storeContract("a store that writes JSON", jsonStore);
storeContract("encrypted over a store that writes JSON", () => encrypted(jsonStore(), ring), {
  twins: () => {
    const inner = jsonStore();
    return [encrypted(inner, ring), encrypted(inner, ring)];
  },
});

it("no IV comes twice in 1,000 writes [S8]", async () => {
  const inner = watched(memoryStore());
  for (const store of [encrypted(inner), encrypted(inner, ring)])
    for (let at = 0; at < 1000; at++)
      await store.write(`k${at}`, record(), await inner.head(`k${at}`));
  const ivs = inner.writes
    .map(([, next]) => (next as StoredRecord | undefined)?.body as { iv: string } | undefined)
    .filter((body) => body !== undefined)
    .map(({ iv }) => iv);
  expect(ivs.length).toBeGreaterThanOrEqual(2000);
  expect(new Set(ivs).size).toBe(ivs.length);
});

it("what is opened has no prototype, at every depth [S15]", async () => {
  const store = encrypted(memoryStore());
  const body = { tokenSet: { scope: "a" }, list: [{ deep: { deeper: {} } }] };
  await store.write("a", record({ body }), undefined);
  const opened = (await store.read("a"))!.body as typeof body;
  expect(opened).toEqual(body);
  for (const one of [opened, opened.tokenSet, opened.list[0], opened.list[0]!.deep.deeper])
    expect(Object.getPrototypeOf(one)).toBeNull();
});

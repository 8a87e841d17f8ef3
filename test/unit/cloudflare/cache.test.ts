/** What becomes of a note for KV that KV does not take. */
import { expect, it } from "vitest";
import { createCache } from "../../../src/cloudflare/cache.ts";
import { readKeys } from "../../../src/cloudflare/keys.ts";
import type { KvNamespace } from "../../../src/stores/cloudflare-kv.ts";

const keys = readKeys(`k1:${btoa("0123456789abcdef0123456789abcdef")}`, {});

it("one that finds another entry at each try is an error, so that it does not count as told [P4]", async () => {
  const puts: string[] = [];
  let revision = 0;
  const flickering = {
    async getWithMetadata() {
      revision += 1;
      return { value: "", metadata: { format: 1, sessionId: "s", revision, tombstone: true } };
    },
    put: async (name: string) => void puts.push(name),
  } as unknown as KvNamespace;
  const cache = createCache(flickering, () => keys);
  await expect(cache.write("id", { revision: 9 })).rejects.toMatchObject({
    code: "store_unavailable",
  });
  expect(puts).toEqual([]);
});

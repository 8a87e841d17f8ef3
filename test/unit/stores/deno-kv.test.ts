/** Deno KV, as far as a slow database shows it; the real one stands in `test/deno`. */
import { expect, it } from "vitest";
import { type DenoKv, denoKvStore } from "../../../src/stores/deno-kv.ts";

it("a write whose look took too long is not begun behind its caller's back [P3 F26]", async () => {
  let letGo = (): void => {};
  let commits = 0;
  const operation = {
    check: () => operation,
    set: () => operation,
    delete: () => operation,
    async commit() {
      commits += 1;
      return { ok: true };
    },
  };
  const looked = new Promise<object>((resolve) => {
    letGo = () => resolve({ key: [], value: null, versionstamp: null });
  });
  const kv = { get: () => looked, atomic: () => operation } as unknown as DenoKv;
  const store = denoKvStore(kv, { timeout: 5 });
  const record = { format: 1, sessionId: "s", revision: 1 } as const;
  await expect(store.write("a", record, undefined)).rejects.toMatchObject({ reason: "timed_out" });
  letGo();
  await new Promise((resolve) => setTimeout(resolve));
  expect(commits).toBe(0);
  expect(await store.write("a", record, undefined)).toBe(true);
});

/** `tokenkeep/testing`: each kind of faulty store is found out by a case that says what is wrong. */
import { expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import { storeContract } from "../../../src/testing.ts";
import type { TokenStore } from "../../../src/types.ts";

async function failuresOf(make: () => TokenStore): Promise<string[]> {
  const failed: string[] = [];
  for (const { title, run } of storeContract(make)) await run().catch(() => failed.push(title));
  return failed;
}

const faulty: Record<string, readonly [(store: TokenStore) => Partial<TokenStore>, string]> = {
  "writes whatever is expected": [
    (store) => ({
      write: async (key, next) => store.write(key, next, await store.head(key)),
    }),
    "a write against a stale revision changes nothing",
  ],
  "compares the revision alone": [
    (store) => ({
      async write(key, next, expected) {
        const found = await store.head(key);
        const isSame = found?.revision === expected?.revision;
        return isSame && store.write(key, next, found);
      },
    }),
    "the same revision of another session is refused",
  ],
  "shows the body in the head": [
    (store) => ({ head: (key) => store.read(key) }),
    "a head is the clear part and nothing else",
  ],
  "lists everything": [
    (store) => ({ list: () => store.list("") }),
    "lists the keys with a prefix and no others",
  ],
  "lists by a pattern": [
    (store) => ({
      async list(prefix) {
        const pattern = prefix.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("_", ".");
        return (await store.list("")).filter((key) => RegExp(`^${pattern}`).test(key));
      },
    }),
    "lists the keys with a prefix and no others",
  ],
  "replaces nothing, so that nobody ever succeeds": [
    (store) => ({
      write: async (key, next, expected) => !expected && store.write(key, next, expected),
    }),
    "no change is lost when all try until they succeed",
  ],
  "forgets the tombstone": [
    (store) => ({
      write: (key, next, expected) =>
        store.write(key, next?.tombstone ? undefined : next, expected),
    }),
    "a tombstone replaces the session, has no body and is listed",
  ],
  "keeps CryptoKeys and does not say so": [
    () => ({ keepsKeys: false }),
    "what it stores is JSON, but for `keys` where it declares to keep them",
  ],
  "compares and sets in two steps": [
    (store) => ({
      async write(key, next, expected) {
        const found = await store.head(key);
        if (found?.sessionId !== expected?.sessionId || found?.revision !== expected?.revision)
          return false;
        let isWritten = false;
        while (!isWritten) isWritten = await store.write(key, next, await store.head(key));
        return true;
      },
    }),
    "of many that create at once, one does",
  ],
};

it.each(Object.entries(faulty))("a store that %s fails [P3 F89]", async (_, [fault, title]) => {
  const make = (): TokenStore => {
    const store = memoryStore();
    return { ...store, ...fault(store) };
  };
  expect(await failuresOf(make)).toContain(title);
});

it("a sound store fails none of them [P3]", async () => {
  expect(await failuresOf(memoryStore)).toEqual([]);
});

/** A list of accounts is whole, whatever a script has put on `Object.prototype`. */
import { afterEach, expect, it } from "vitest";
import { type DenoKv, denoKvStore } from "../../../src/stores/deno-kv.ts";
import { type DurableStorage, durableObjectStore } from "../../../src/stores/durable-object.ts";

const polluted = { limit: 1, end: ["a"], reverse: true, cursor: "x" };

afterEach(() => {
  for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name);
});

/** Which of the polluted members a platform would read. */
const readFrom = (given: object): string[] => Object.keys(polluted).filter((name) => name in given);

it("a Durable Object's storage is asked for a prefix and nothing else [S15]", async () => {
  const asked: object[] = [];
  const kv = {
    get: () => undefined,
    list(options: object) {
      asked.push(options);
      return [];
    },
  };
  const storage = { kv, transactionSync: (task: () => unknown) => task() };
  const store = durableObjectStore(storage as unknown as DurableStorage);
  Object.assign(Object.prototype, polluted);
  await store.list("");
  expect(asked.map(readFrom)).toEqual([[]]);
});

it("Deno KV likewise, with every call [S15]", async () => {
  const asked: object[] = [];
  const kv = {
    atomic: () => {},
    async get(_: unknown, options: object) {
      asked.push(options);
      return { value: null, versionstamp: null };
    },
    list(...options: object[]) {
      asked.push(...options);
      return [];
    },
  };
  Object.assign(Object.prototype, polluted);
  const store = denoKvStore(kv as unknown as DenoKv);
  await store.list("");
  await store.read("a");
  expect(asked.map(readFrom)).toEqual([[], [], []]);
});

/** The key-value half of a Durable Object's storage, over a map that a test holds. */
import type { DurableStorage } from "../../src/stores/durable-object.ts";

export const durableKv = (stored: Map<string, unknown>): DurableStorage["kv"] => ({
  get: (key) => structuredClone(stored.get(key)),
  put: (key, value) => void stored.set(key, structuredClone(value)),
  delete: (key) => stored.delete(key),
  list: ({ prefix }) => [...stored].filter(([key]) => key.startsWith(prefix)),
});

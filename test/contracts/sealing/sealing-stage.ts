/** What the tests of sealing stand on: a store that seals one record, what it has written, and a hand behind its back. */
import { afterEach, beforeEach, expect, vi } from "vitest";
import { encrypted } from "../../../src/stores/encrypted.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { StoredRecord, TokenStore } from "../../../src/types.ts";
import { record } from "../store.ts";

export type Sealed = { kid?: unknown; salt?: unknown; iv: string; data: string };

/** What a text of base64 says, byte by byte. */
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
export const textOf = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};

/** A record as a store that writes JSON gives it back: without its keys. */
export const asJson = ({ keys: _, ...record }: StoredRecord): StoredRecord =>
  JSON.parse(JSON.stringify(record));

/** A store that writes JSON, as a file or a database server does: `keys` do not live through it. */
export function jsonStore(): TokenStore {
  const store = memoryStore();
  return {
    ...store,
    keepsKeys: false,
    write: (key, next, expected) => store.write(key, next && asJson(next), expected),
  };
}

/** Everything that a value holds, as text: strings, names, and bytes as Latin-1 and as base64. */
export function everything(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== "object" || value === null) return `${String(value)}\n`;
  if (seen.has(value)) return "";
  seen.add(value);
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    const bytes =
      value instanceof ArrayBuffer
        ? new Uint8Array(value)
        : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    const text = String.fromCharCode(...bytes);
    return `${text}\n${btoa(text)}\n`;
  }
  return Reflect.ownKeys(value)
    .map((name) => `${String(name)}\n${everything(Reflect.get(value, name), seen)}`)
    .join("");
}

export const secrets = /access-1|refresh-1|accessToken|tokenSet|YWNjZXNzLTE|cmVmcmVzaC0x/;

/** Remembers all that is written to a store. */
export function watched(store: TokenStore): TokenStore & { readonly writes: [string, unknown][] } {
  const writes: [string, unknown][] = [];
  return {
    ...store,
    writes,
    write(key, next, expected) {
      writes.push([key, next]);
      return store.write(key, next, expected);
    },
  };
}

/** The record that stands there when a test begins, under the key "a". */
export const written: StoredRecord = record({ attemptId: "attempt-1", revision: 3 });

export interface SealingStage {
  /** What is sealed into, and all that was written to it. */
  readonly inner: ReturnType<typeof watched>;
  readonly store: TokenStore;
  readonly makeInner: () => TokenStore;
  sealedAt(name: string): Promise<Sealed & { key: CryptoKey }>;
  /** Changes the record behind the store's back. */
  tamper(change: (body: Sealed) => Partial<StoredRecord>): Promise<void>;
}

export function sealingStage(makeInner: () => TokenStore): SealingStage {
  let inner: ReturnType<typeof watched>;
  let store: TokenStore;
  beforeEach(async () => {
    inner = watched(makeInner());
    store = encrypted(inner);
    await store.write("a", written, undefined);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });
  return {
    get inner() {
      return inner;
    },
    get store() {
      return store;
    },
    makeInner,
    async sealedAt(name) {
      const { body, keys } = (await inner.read(name))!;
      return { ...(body as Sealed), key: keys!["seal"] as CryptoKey };
    },
    async tamper(change) {
      const before = (await inner.read("a"))!;
      const changed = change(before.body as Sealed);
      expect(await inner.write("a", { ...before, ...changed }, before)).toBe(true);
    },
  };
}

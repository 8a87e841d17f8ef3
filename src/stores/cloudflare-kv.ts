/**
 * Records in Workers KV: near every reader, but late by a minute or more, and without
 * compare-and-set. Enough for tokens that nobody can spend: static ones, and those that are
 * simply minted again.
 *
 * @module
 */
import { fail, parseStored } from "../guard/stored.ts";
import { VaultError } from "../errors.ts";
import type { RecordHead, StoredRecord, TokenStore } from "../types.ts";

/** As much of a KV binding as is needed. */
export interface KvNamespace {
  getWithMetadata(
    key: string,
    options: { type: "text"; cacheTtl?: number },
  ): Promise<{ value: string | null; metadata: unknown }>;
  put(
    key: string,
    value: string,
    options: { metadata: unknown; expirationTtl?: number },
  ): Promise<void>;
  delete(key: string): Promise<void>;
  list(options: { prefix: string; cursor?: string }): Promise<{
    keys: readonly { readonly name: string }[];
    list_complete: boolean;
    cursor?: string;
  }>;
}

export interface CloudflareKvOptions {
  /** How long a location may answer from its own cache, milliseconds; KV's least, 30,000, by default. */
  readonly cacheTtl?: number;
  /** How long a record lives after each write, milliseconds, KV's least being 60,000; for ever by default. */
  readonly expiresIn?: number;
}

/** KV takes keys of 512 bytes, and an encoded one is ASCII. */
const LONGEST_KEY = 512;

// What sealing makes is bytes; KV's text keeps them in base64.
const toBase64 = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};
const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

const toText = (body: unknown): string =>
  JSON.stringify(body, (_, value: unknown) =>
    value instanceof ArrayBuffer
      ? { $buffer: toBase64(new Uint8Array(value)) }
      : value instanceof Uint8Array
        ? { $bytes: toBase64(value) }
        : value,
  );

const fromText = (text: string): unknown =>
  JSON.parse(text, (_, value: { $buffer?: unknown; $bytes?: unknown } | null) =>
    typeof value?.$buffer === "string"
      ? fromBase64(value.$buffer).buffer
      : typeof value?.$bytes === "string"
        ? fromBase64(value.$bytes)
        : value,
  );

/**
 * Keeps records in a KV namespace: the clear part as metadata, the rest as the value.
 *
 * KV answers late: another place may see a sign-in, a refresh or a sign-out a minute after it was
 * made, or more, and takes one write a second and key. So this store is not `atomic`, and
 * `createVault` refuses it for a provider whose refresh tokens rotate: use `tokenkeep/cloudflare`
 * for those. Wrap it in `encrypted()` with a key ring: whoever reads the namespace sees tokens otherwise.
 *
 * @param kv the binding, `env.TOKENS` say
 * @returns a store that is not atomic, and shared everywhere. Its methods reject with a `VaultError`,
 * code `store_unavailable`, when KV fails, and when a record is of another format; code
 * `invalid_option` for a key of more than 512 bytes.
 * @throws `VaultError`, code `invalid_option`, when the binding is missing
 *
 * @see https://developers.cloudflare.com/kv/platform/limits/
 *
 * @example
 * ```ts
 * import { createVault, type Provider } from "tokenkeep";
 * import { cloudflareKvStore, type KvNamespace } from "tokenkeep/stores/cloudflare-kv";
 *
 * const open = (env: { TOKENS: KvNamespace }, provider: Provider) =>
 *   createVault({ provider, store: cloudflareKvStore(env.TOKENS) });
 * ```
 */
export function cloudflareKvStore(kv: KvNamespace, options: CloudflareKvOptions = {}): TokenStore {
  if (!kv?.getWithMetadata)
    throw new VaultError(
      "invalid_option",
      'No KV binding: in wrangler.jsonc add { "binding": "TOKENS" } to "kv_namespaces", and pass env.TOKENS',
    );
  const seconds = (ms: number, least: number): number => Math.max(least, Math.ceil(ms / 1000));
  const cacheTtl = seconds(options.cacheTtl ?? 0, 30);
  const { expiresIn } = options;

  const nameOf = (key: string): string => {
    const name = "tokenkeep:" + key;
    if (new TextEncoder().encode(name).length > LONGEST_KEY)
      throw new VaultError("invalid_option", "KV keys have 512 bytes at most: shorten the account");
    return name;
  };

  async function reach<T>(answer: () => Promise<T>): Promise<T> {
    try {
      return await answer();
    } catch {
      return fail("Workers KV unavailable: nothing is lost, try again");
    }
  }

  async function read(key: string): Promise<StoredRecord | undefined> {
    const name = nameOf(key);
    const { value, metadata } = await reach(() =>
      kv.getWithMetadata(name, { type: "text", cacheTtl }),
    );
    if (value === null) return undefined;
    const head = parseStored(metadata ?? {})!;
    try {
      return value ? { ...head, body: fromText(value) } : head;
    } catch {
      return head;
    }
  }

  async function head(key: string): Promise<RecordHead | undefined> {
    const record = await read(key);
    if (record) delete (record as { body?: unknown }).body;
    return record;
  }

  return {
    atomic: false,
    shared: "everywhere",
    head,
    read,
    async write(key, next, expected) {
      const current = await head(key);
      if (current?.sessionId !== expected?.sessionId || current?.revision !== expected?.revision)
        return false;
      const name = nameOf(key);
      if (!next) await reach(() => kv.delete(name));
      else {
        const { body, ...metadata } = next;
        await reach(() =>
          kv.put(name, body === undefined ? "" : toText(body), {
            metadata,
            ...(expiresIn !== undefined && { expirationTtl: seconds(expiresIn, 60) }),
          }),
        );
      }
      return true;
    },
    async list(prefix) {
      const start = nameOf("");
      const keys: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await reach(() =>
          kv.list({ prefix: start + prefix, ...(cursor && { cursor }) }),
        );
        for (const { name } of page.keys) keys.push(name.slice(start.length));
        cursor = page.list_complete ? undefined : page.cursor;
      } while (cursor);
      return keys;
    },
  };
}

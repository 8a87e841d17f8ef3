/**
 * Records in Workers KV: near every reader, but late by a minute or more, and without compare-and-set.
 * That is enough for tokens that nobody can spend: static ones, and those that are minted anew.
 *
 * @module
 */
import { checkAmounts } from "../guard/amounts.ts";
import { own } from "../guard/json.ts";
import { DEADLINE, headOf, inTime, isExpected, parseStored } from "../guard/stored.ts";
import { because } from "../errors.ts";
import type { StoredRecord, TokenStore } from "../types.ts";

/** The part of a KV binding that is used, so that nobody else needs Cloudflare's types. */
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

/** The options of {@link cloudflareKvStore}. */
export interface CloudflareKvOptions {
  /** How many milliseconds a location may answer from its own cache; 30,000, KV's least, by default. */
  readonly cacheTtl?: number;
  /** How many milliseconds a record lives after each write, 60,000 at least; for ever by default. */
  readonly expiresIn?: number;
  /** The beginning of each record's key, bound into the seal; `"tokenkeep:"` by default. */
  readonly prefix?: string;
  /** How many milliseconds a call may take; 4000 by default. */
  readonly timeout?: number;
}

/** KV takes a whole number of 32 bits. */
const MOST_SECONDS = 2 ** 31 - 1;

/** In bytes: KV's own limit. */
const LONGEST_KEY = 512;

/** How long a write that was not answered keeps the next one waiting, in milliseconds: its answer may never come. */
const LONGEST_WRITE = 120_000;

/** A write's place among those of one key. */
interface Turn {
  /** When it has ended, and all before it. */
  readonly end: Promise<unknown>;
  /** The next one waits until then at most, milliseconds since the epoch. */
  until: number;
}

/**
 * Keeps records in a KV namespace: the clear part as metadata, the rest as the value.
 *
 * KV answers late: another place may see a sign-in, a refresh or a sign-out a minute or more after it was
 * made. A key takes one write a second. So this store is not `atomic`, and `createVault` refuses it for a
 * provider whose refresh tokens rotate: use `tokenkeep/cloudflare` for those. Wrap the store in
 * `encrypted()` with a key ring, or each reader of the namespace sees the tokens. Make it once in an isolate: a write
 * waits for the one before it through the same store alone.
 *
 * @param kv the binding, such as `env.TOKENS`
 * @returns a store without compare-and-set, shared everywhere. Its methods reject with a `VaultError`,
 * code `store_unavailable`, when KV fails, and when a record is of another format; code
 * `invalid_option` for a key of more than 512 bytes.
 * @throws `VaultError`, code `invalid_option`, when the binding is missing, or a duration is none
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
export function cloudflareKvStore(kv: KvNamespace, given: CloudflareKvOptions = {}): TokenStore {
  const options = own(given);
  if (!kv?.getWithMetadata)
    throw because(
      "invalid_option",
      "there is no KV binding",
      'In wrangler.jsonc add { "binding": "TOKENS" } to "kv_namespaces", and pass env.TOKENS',
    );
  const { cacheTtl = 0, expiresIn = Infinity, timeout = DEADLINE } = options;
  checkAmounts({ cacheTtl, expiresIn, timeout });
  const { prefix: start = "tokenkeep:" } = options;
  const seconds = (ms: number, least: number): number =>
    Math.min(Math.max(least, Math.ceil(ms / 1000)), MOST_SECONDS);

  const nameOf = (key: string): string => {
    const name = start + key;
    if (new TextEncoder().encode(name).length > LONGEST_KEY)
      throw because("invalid_option", "KV keys have 512 bytes at most", "Shorten the account");
    return name;
  };

  // KV's own words are not for users: they may show a key.
  const reach = <T>(answer: (late: Promise<never>) => Promise<T>): Promise<T> =>
    inTime(timeout, answer, () => ["Workers KV does not answer"]);

  /** By key: the last write, until KV has answered it. */
  const turns = new Map<string, Turn>();

  /**
   * Without compare-and-set two writes at once would both find what they expect, and a late one overwrites the
   * one after it: so each begins, with what it reads, when the one before it has ended.
   */
  async function inTurn<T>(
    key: string,
    late: Promise<never>,
    task: (mine: Turn) => Promise<T>,
  ): Promise<T> {
    const last = turns.get(key);
    const earlier = last && Date.now() < last.until ? last : undefined;
    let done = (): void => {};
    const over = new Promise<void>((resolve) => (done = resolve));
    const end = Promise.all([earlier?.end, over]);
    const mine = { end, until: earlier?.until ?? Date.now() + LONGEST_WRITE };
    turns.set(key, mine);
    void end.then(() => turns.get(key) === mine && turns.delete(key));
    try {
      if (earlier) await Promise.race([earlier.end, late]);
      return await task(mine);
    } finally {
      done();
    }
  }

  async function get(key: string): Promise<StoredRecord | undefined> {
    const { value, metadata } = await kv.getWithMetadata(
      nameOf(key),
      own({ type: "text", cacheTtl: seconds(cacheTtl, 30) } as const),
    );
    if (value === null) return undefined;
    return parseStored({ ...Object(metadata), body: value ? parse(value) : undefined });
  }

  function put(key: string, { body, keys: _, ...metadata }: StoredRecord): Promise<void> {
    const expiry = expiresIn < Infinity && { expirationTtl: seconds(expiresIn, 60) };
    // KV reads what a script has put on `Object.prototype`, too (S15).
    const how = own({ metadata, ...expiry });
    return kv.put(nameOf(key), body === undefined ? "" : JSON.stringify(body), how);
  }

  return {
    atomic: false,
    shared: "everywhere",
    namespace: start,
    head: (key) =>
      reach(async () => {
        const record = await get(key);
        return record && headOf(record);
      }),
    read: (key) => reach(() => get(key)),
    write: (key, next, expected) =>
      reach((late) =>
        inTurn(key, late, async (mine) => {
          // After the deadline no write begins: the caller has been told that it failed.
          const current = await Promise.race([get(key), late]);
          if (!isExpected(current, expected)) return false;
          mine.until = Date.now() + LONGEST_WRITE;
          await (next ? put(key, next) : kv.delete(nameOf(key)));
          return true;
        }),
      ),
    list: (prefix) =>
      reach(async () => {
        const keys: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await kv.list(own({ prefix: nameOf(prefix), ...(cursor && { cursor }) }));
          for (const { name } of page.keys) keys.push(name.slice(start.length));
          cursor = page.list_complete ? undefined : page.cursor;
        } while (cursor);
        return keys;
      }),
  };
}

/** A body that is no JSON counts as absent. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

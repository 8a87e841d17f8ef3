/**
 * Seals what another store keeps: AES-256-GCM by Web Crypto (NIST SP 800-38D), bound to the record it
 * stands in.
 *
 * By default each write makes a non-extractable key, which stands in the record that it seals. So key
 * and record are written, replaced and lost together: no two tabs can disagree on it, and
 * a tombstone destroys it. It keeps tokens out of dumps, logs and other code's hands by accident;
 * it is no defence against script in the page, nor against a stolen disk.
 *
 * @module
 */
import { fail } from "../guard/stored.ts";
import { VaultError } from "../errors.ts";
import type { RecordHead, StoredRecord, TokenStore } from "../types.ts";

/** The sealed form of a body: with a key ring `kid` names the key, otherwise `key` is it. */
interface Sealed {
  readonly kid?: string | undefined;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly data: ArrayBuffer;
  readonly key?: CryptoKey | undefined;
}

/** `CryptoKey`, which Node's own types know as a value only. */
type WebCryptoKey = (typeof CryptoKey)["prototype"];

/** The application's own keys; made by {@link keyring}. */
export interface Keyring {
  /** The key id that new writes are sealed with. */
  readonly kid: string;
  /** The key of an id. Throws a `VaultError`, code `store_unavailable`, for an unknown one. */
  find(kid: unknown): WebCryptoKey | undefined | Promise<WebCryptoKey>;
}

/**
 * AES-GCM keys of 256 bits by key id. As a text, for a secret or a variable: `<id>:<32 bytes in base64>`,
 * more of them after commas; `echo "k1:$(openssl rand -base64 32)"` makes one.
 */
export type Keys = string | Readonly<Record<string, WebCryptoKey>>;

const HOW = '. Make one: echo "k1:$(openssl rand -base64 32)"';

/** Far more than a session needs; what is written can be read. */
const capped = (data: ArrayBuffer): ArrayBuffer =>
  data.byteLength > 65_536 ? fail("Session exceeds 64 KiB") : data;

// The types have it everywhere; insecure contexts do not.
const web = (): SubtleCrypto =>
  (crypto as Partial<Crypto>).subtle ?? fail("Sealing needs https or localhost");

/** Every member is set, so that a polluted `Object.prototype` cannot shorten the tag. */
const parameters = (
  key: string,
  { format, sessionId, revision, attemptId }: RecordHead,
  { kid, iv }: Pick<Sealed, "kid" | "iv">,
): AesGcmParams => ({
  name: "AES-GCM",
  iv,
  additionalData: new TextEncoder().encode(
    JSON.stringify(["tokenkeep", format, key, sessionId, revision, attemptId, kid]),
  ),
  tagLength: 128,
});

/**
 * Seals the bodies of `store`'s records. `head` passes through; tombstones have nothing to seal.
 *
 * @param keys the application's keys; by default each record has its own non-extractable one, for
 * which `store` must be able to keep a `CryptoKey` (IndexedDB and memory are). That is tried out before
 * the first write.
 * @returns a store with the capabilities of `store`. `read` gives a record that cannot be opened
 * without its body. Besides what `store` rejects with, its methods reject with a `VaultError`, code
 * `store_unavailable`, where Web Crypto is missing, where `store` cannot keep keys, for an unknown key
 * id, and for a session of more than 64 KiB; nothing is ever written in the clear instead.
 *
 * @example
 * ```ts
 * import { encrypted } from "tokenkeep/stores/encrypted";
 * import { indexedDbStore } from "tokenkeep/stores/indexeddb";
 *
 * const store = encrypted(indexedDbStore());
 * ```
 */
export function encrypted(store: TokenStore, keys?: Keyring): TokenStore {
  let tried = !!keys;

  async function seal(name: string, record: StoredRecord): Promise<StoredRecord> {
    const key = await (keys
      ? keys.find(keys.kid)
      : web().generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]));
    const sealed = { kid: keys?.kid, iv: crypto.getRandomValues(new Uint8Array(12)) };
    const data = await web().encrypt(
      parameters(name, record, sealed),
      key!,
      new TextEncoder().encode(JSON.stringify(record.body)),
    );
    const body: Sealed = { ...sealed, data: capped(data), key: keys ? undefined : key };
    return { ...record, body };
  }

  async function read(name: string): Promise<StoredRecord | undefined> {
    const subtle = web();
    const record = await store.read(name);
    if (record?.body === undefined) return record;
    const { body, ...head } = record;
    // Untrusted: whatever does not fit makes `decrypt` reject.
    const sealed = { __proto__: null, ...(body as object) } as unknown as Sealed;
    const key = keys ? await keys.find(sealed.kid) : sealed.key;
    try {
      const data = await subtle.decrypt(parameters(name, head, sealed), key!, capped(sealed.data));
      return { ...head, body: JSON.parse(new TextDecoder().decode(data)) };
    } catch {
      return head;
    }
  }

  /** Some browsers and modes refuse keys, or give back null (F27): a sample tells. */
  async function tryOut(): Promise<void> {
    const sessionId = "probe:" + crypto.randomUUID();
    const head: RecordHead = { format: 1, sessionId, revision: 0 };
    await store.write(sessionId, await seal(sessionId, { ...head, body: 1 }), undefined);
    const opened = await read(sessionId);
    await store.write(sessionId, undefined, head);
    tried = opened?.body === 1 || fail("Keys cannot be kept here: use memoryStore()");
  }

  return {
    atomic: store.atomic,
    shared: store.shared,
    head: (key) => store.head(key),
    list: (prefix) => store.list(prefix),
    read,
    async write(key, next, expected) {
      if (next?.body === undefined) return store.write(key, next, expected);
      const sealed = await seal(key, next);
      if (!tried) await tryOut();
      return store.write(key, sealed, expected);
    },
  };
}

/**
 * Keys that the application keeps; say in a Worker's secret or an environment variable.
 *
 * @param keys Writes use the last one listed; the others still open what they have sealed, so append
 * a new key, and drop an old one when no record has its id any more.
 * @param how what the message of an error ends with: how keys are made, and where they go
 * @throws `VaultError`, code `invalid_option`, when there is none, a key is malformed or of another
 * kind, two have the same id, or an id is a number: the order of such members is not the order in
 * which they are listed
 *
 * @example
 * ```ts
 * import { encrypted, keyring } from "tokenkeep/stores/encrypted";
 * import { memoryStore } from "tokenkeep/stores/memory";
 *
 * const keys = keyring(process.env["TOKENKEEP_KEYS"] ?? "");
 * const store = encrypted(memoryStore(), keys);
 * ```
 */
export function keyring(keys: Keys, how: string = HOW): Keyring {
  const check = (isRight: unknown, message: string): void => {
    if (!isRight) throw new VaultError("invalid_option", message + how);
  };
  const entries = typeof keys === "string" ? parseKeys(keys, check) : Object.entries(keys);
  const ring = new Map<unknown, CryptoKey | (() => Promise<CryptoKey>)>(entries);
  const newest = entries.at(-1)!;
  check(newest, "A key ring needs a key");
  check(ring.size === entries.length, "Two keys have the same id: give each its own");
  for (const [id, key] of entries) {
    check(!/^\d+$/.test(id), "Put a letter into each key id: numbers lose their order");
    const { name, length } = ((key as CryptoKey | undefined)?.algorithm ?? {}) as AesKeyAlgorithm;
    check(
      typeof key === "function" || (name === "AES-GCM" && length === 256),
      "A key ring takes AES-GCM keys of 256 bits",
    );
  }
  return {
    kid: newest[0],
    find(id) {
      if (typeof id === "string" && !ring.has(id))
        fail("A session is sealed with an unknown key: put it into the key ring");
      const key = ring.get(id);
      return typeof key === "function" ? key() : key;
    },
  };
}

/** Each key is made when it is needed, and kept once it is settled: a promise may hang (F31). */
const parseKeys = (
  text: string,
  check: (isRight: unknown, message: string) => void,
): [id: string, key: () => Promise<CryptoKey>][] =>
  text.split(",").map((entry, index) => {
    const [, id = "", base64 = ""] = /^\s*([\w.-]{1,32}):([\w+/-]{43}=?)\s*$/.exec(entry) ?? [];
    check(id, `Key ${index + 1} is not <id>:<32 bytes in base64>`);
    const plain = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(plain, (char) => char.charCodeAt(0));
    let key: CryptoKey | undefined;
    return [
      id,
      async () =>
        (key ??= await web().importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"])),
    ];
  });

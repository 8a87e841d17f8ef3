/**
 * Seals what another store keeps: AES-256-GCM by Web Crypto (NIST SP 800-38D), bound to the place it
 * stands in.
 *
 * By default each write makes a non-extractable key, which stands in the record that it seals. So key
 * and record are written, replaced and lost together: no two tabs can disagree on it, and
 * a tombstone destroys it. It keeps tokens out of dumps, logs and other code's hands by accident;
 * it is no defence against script in the page, nor against a stolen disk.
 *
 * @module
 */
import { fromBase64, randomBytes, subtle, toBase64, type WebCryptoKey } from "../guard/crypto.ts";
import { type KeyNames, type Keyring, type Sealer, unknownKey } from "../guard/keyring.ts";
import { bare, fail, headOf, own, parseStored } from "../guard/stored.ts";
import type { RecordHead, StoredRecord, TokenStore } from "../types.ts";

/** The sealed form of a body: JSON. With a key ring `kid` and `salt` name the key. */
interface Sealed extends KeyNames {
  /** 12 bytes in base64. */
  readonly iv: string;
  /** Ciphertext and tag in base64. */
  readonly data: string;
}

export interface EncryptedOptions {
  /**
   * What more tells these records from others that are sealed with the same keys, `"staging"` say; none
   * by default. It is bound into the seal, beside the store's own namespace.
   */
  readonly namespace?: string;
}

/** Far more than a session needs; what is written can be read. */
const LONGEST = 65_536;

/** 96 bits, as SP 800-38D §8.2.2 has it for random ones. */
const IV = 12;

/**
 * Seals the bodies of `store`'s records. `head` passes through; tombstones have nothing to seal.
 *
 * @param keys the application's keys; by default each record has its own non-extractable one, for
 * which `store` must be able to keep a `CryptoKey` (IndexedDB and memory are). That is tried out before
 * the first write.
 * @returns a store with the capabilities of `store`. `read` gives a record that cannot be opened
 * without its body. Besides what `store` rejects with, its methods reject with a `VaultError`, code
 * `store_unavailable`, where Web Crypto is missing, where `store` cannot keep keys, for an unknown key
 * id, for a newer format, and for a session of more than 64 KiB; nothing is ever written in the clear
 * instead.
 *
 * @example
 * ```ts
 * import { encrypted } from "tokenkeep/stores/encrypted";
 * import { indexedDbStore } from "tokenkeep/stores/indexeddb";
 *
 * const store = encrypted(indexedDbStore());
 * ```
 */
export function encrypted(
  store: TokenStore,
  keys?: Keyring,
  options: EncryptedOptions = {},
): TokenStore {
  const sealer: Sealer = keys ?? recordKeys;
  let tried = !!keys;

  // Read once: what is put on `Object.prototype` later on moves no record.
  const namespaces = [store.namespace, options.namespace];
  const placeOf = (name: string): unknown[] => [...namespaces, name];

  /** Every member is set, so that a polluted `Object.prototype` cannot shorten the tag (S15). */
  const parameters = (
    name: string,
    { format, sessionId, revision, attemptId, tombstone, endedAt }: RecordHead,
    { kid, salt }: KeyNames,
    iv: Uint8Array<ArrayBuffer>,
  ): AesGcmParams => ({
    name: "AES-GCM",
    iv,
    additionalData: new TextEncoder().encode(
      JSON.stringify([
        ...["tokenkeep", format, ...placeOf(name)],
        ...[sessionId, revision, attemptId, tombstone, endedAt, kid, salt],
      ]),
    ),
    tagLength: 128,
  });

  async function seal(name: string, record: StoredRecord): Promise<StoredRecord> {
    const head = headOf(record);
    const { key, names, kept } = await sealer.toSeal(placeOf(name), head);
    const iv = randomBytes(IV);
    const data = await subtle().encrypt(
      parameters(name, head, names, iv),
      key,
      new TextEncoder().encode(JSON.stringify(record.body)),
    );
    if (data.byteLength > LONGEST) fail("Session exceeds 64 KiB");
    const body: Sealed = { ...names, iv: toBase64(iv), data: toBase64(new Uint8Array(data)) };
    return { ...record, body, ...(kept && { keys: { ...record.keys, ...kept } }) };
  }

  /** The session's text, or `undefined` for what does not open. */
  async function open(name: string, record: StoredRecord): Promise<string | undefined> {
    const { iv, data, ...rest } = own(Object(record.body)) as Record<string, unknown>;
    const names = own(rest);
    const head = headOf(record);
    const { key, opened } = await sealer.toOpen(placeOf(name), head, names, record.keys);
    if (!key) return undefined;
    try {
      const algorithm = parameters(name, head, names, toBytes(iv, IV));
      const plain = await subtle().decrypt(algorithm, key, toBytes(data, LONGEST));
      opened?.();
      return new TextDecoder().decode(plain);
    } catch {
      return undefined;
    }
  }

  async function read(name: string): Promise<StoredRecord | undefined> {
    subtle();
    const record = parseStored(await store.read(name));
    if (record?.body === undefined) {
      keys?.forget(placeOf(name));
      return record;
    }
    const text = await open(name, record);
    if (text === undefined) return headOf(record);
    const { seal: _, ...others } = { ...record.keys };
    const body = bare(JSON.parse(text));
    return own({ ...record, body, keys: Object.keys(others).length ? others : undefined });
  }

  /** Some browsers and modes refuse keys, or give back null (F27): a sample tells. */
  async function tryOut(): Promise<void> {
    const lost = "Keys cannot be kept here: pass a key ring, or use memoryStore()";
    if (!store.keepsKeys) fail(lost);
    const sessionId = "probe:" + crypto.randomUUID();
    const head: RecordHead = { format: 1, sessionId, revision: 0 };
    await store.write(sessionId, await seal(sessionId, { ...head, body: 1 }), undefined);
    const opened = await read(sessionId);
    await store.write(sessionId, undefined, head);
    tried = opened?.body === 1 || fail(lost);
  }

  return {
    atomic: store.atomic,
    shared: store.shared,
    keepsKeys: store.keepsKeys === true,
    ...(store.namespace !== undefined && { namespace: store.namespace }),
    scope: async () => store.scope?.(),
    head: (key) => store.head(key),
    list: (prefix) => store.list(prefix),
    read,
    async write(key, next, expected) {
      if (next?.body !== undefined) {
        const sealed = await seal(key, next);
        if (!tried) await tryOut();
        return store.write(key, sealed, expected);
      }
      const written = await store.write(key, next, expected);
      if (written) keys?.forget(placeOf(key));
      return written;
    },
  };
}

/** Each write has a key of its own, and the record keeps it. */
const recordKeys: Sealer = {
  async toSeal() {
    const uses: KeyUsage[] = ["encrypt", "decrypt"];
    const key = await subtle().generateKey({ name: "AES-GCM", length: 256 }, false, uses);
    return { key, names: own({}), kept: { seal: key } };
  },
  async toOpen(_place, _head, { kid }, kept) {
    return typeof kid === "string"
      ? unknownKey()
      : { key: kept?.["seal"] as WebCryptoKey | undefined };
  },
};

/** Untrusted: its size is judged before anything is made of it (S10). Throws for what is none. */
const toBytes = (text: unknown, most: number): Uint8Array<ArrayBuffer> =>
  fromBase64(typeof text === "string" && text.length <= Math.ceil(most / 3) * 4 ? text : "!");

export { keyring, type Keyring, type Keys, type KeySource } from "../guard/keyring.ts";

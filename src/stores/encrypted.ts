/**
 * Seals the records of another store: AES-256-GCM by Web Crypto (NIST SP 800-38D), bound to the place that
 * a record stands in.
 *
 * By default each write makes a non-extractable key, which stands in the record beside the sealed body.
 * So key and record are written, replaced and lost together: no two tabs can disagree on a key, and a
 * tombstone destroys it. Sealing keeps tokens out of dumps and logs, and out of other code's sight by
 * accident. It is no defence against script in the page, nor against a stolen disk.
 *
 * @module
 */
import { fromBase64, randomBytes, subtle, toBase64, type WebCryptoKey } from "../guard/crypto.ts";
import { type KeyNames, type Keyring, type Sealer, unknownKey } from "../guard/keyring.ts";
import { own, says } from "../guard/json.ts";
import { KEYS_LOST } from "../guard/keys-lost.ts";
import { bare, fail, headOf, parseStored } from "../guard/stored.ts";
import type { RecordHead, StoredRecord, TokenStore } from "../types.ts";

/** The sealed form of a body: JSON. With a key ring `kid` and `salt` name the key. */
interface Sealed extends KeyNames {
  /** 12 bytes in base64. */
  readonly iv: string;
  /** Ciphertext and tag in base64. */
  readonly data: string;
}

/** The options of {@link encrypted}. */
export interface EncryptedOptions {
  /**
   * Tells these records from others that are sealed with the same keys, such as `"staging"`; none by
   * default. It is bound into the seal, beside the store's own namespace.
   */
  readonly namespace?: string;
}

/** In bytes: far more than a session needs. The same limit when writing and when reading. */
const LONGEST = 65_536;

/** In bytes: 96 bits, as SP 800-38D §8.2.2 wants of a random IV. */
const IV = 12;

/**
 * Seals the bodies of `store`'s records. `head` passes through; tombstones have nothing to seal.
 *
 * @param keys the application's keys. Without them each record has a non-extractable key of its own, for
 * which `store` must be able to keep a `CryptoKey`, as IndexedDB and memory are. A sample is written and
 * read before the first write.
 * @returns a store with the capabilities of `store`. Its `read` leaves out the body of a record that
 * cannot be opened. Its methods reject as those of `store` do, and with a `VaultError`, code
 * `store_unavailable`, where Web Crypto is missing, where `store` cannot keep keys, for an unknown key
 * id, for a newer format, and for a session of more than 64 KiB. Nothing is ever written in the clear
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
  const { namespace } = own(options);
  const place = says(store, "namespace") ? store.namespace : undefined;
  const namespaces = [place, namespace];
  const placeOf = (name: string): unknown[] => [...namespaces, name];

  /** Every member is set, so that a polluted `Object.prototype` cannot shorten the tag (S15). */
  const parameters = (
    { place, iv }: { readonly place: readonly unknown[]; readonly iv: Uint8Array<ArrayBuffer> },
    { format, sessionId, revision, attemptId, tombstone, endedAt }: RecordHead,
    { kid, salt }: KeyNames,
  ): AesGcmParams => ({
    name: "AES-GCM",
    iv,
    additionalData: new TextEncoder().encode(
      JSON.stringify([
        ...["tokenkeep", format, ...place],
        ...[sessionId, revision, attemptId, tombstone, endedAt, kid, salt],
      ]),
    ),
    tagLength: 128,
  });

  async function seal(name: string, record: StoredRecord): Promise<StoredRecord> {
    const head = headOf(record);
    const place = placeOf(name);
    const { key, names, kept } = await sealer.toSeal(place, head);
    const iv = randomBytes(IV);
    const data = await subtle().encrypt(
      parameters({ place, iv }, head, names),
      key,
      new TextEncoder().encode(JSON.stringify(record.body)),
    );
    if (data.byteLength > LONGEST) fail("the session exceeds 64 KiB", "Keep less in it");
    const body: Sealed = { ...names, iv: toBase64(iv), data: toBase64(new Uint8Array(data)) };
    return { ...record, body, ...(kept && { keys: { ...record.keys, ...kept } }) };
  }

  /** The session's text, or `undefined` for what does not open. */
  async function open(name: string, record: StoredRecord): Promise<string | undefined> {
    const { iv, data, ...rest } = own<Record<string, unknown>>(Object(record.body));
    const names = own(rest);
    const head = headOf(record);
    const place = placeOf(name);
    const { key, opened } = await sealer.toOpen(place, { head, names, kept: record.keys });
    if (!key) return undefined;
    try {
      const algorithm = parameters({ place, iv: toBytes(iv, IV) }, head, names);
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

  /** Some browsers and modes refuse keys, or give back null (F27): a sample shows it. */
  async function tryOut(): Promise<void> {
    if (!store.keepsKeys) fail(...KEYS_LOST);
    const sessionId = "probe:" + crypto.randomUUID();
    let head: RecordHead = { format: 1, sessionId, revision: 0 };
    await store.write(sessionId, await seal(sessionId, { ...head, body: 1 }), undefined);
    try {
      const opened = await read(sessionId);
      // What cannot be read back has another head, and is deleted all the same.
      if (opened) head = headOf(opened);
      tried = opened?.body === 1 || fail(...KEYS_LOST);
    } finally {
      await store.write(sessionId, undefined, head);
    }
  }

  return {
    atomic: store.atomic,
    shared: store.shared,
    keepsKeys: store.keepsKeys === true,
    ...(place !== undefined && { namespace: place }),
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
  async toOpen(_place, { names: { kid }, kept }) {
    return typeof kid === "string"
      ? unknownKey()
      : { key: kept?.["seal"] as WebCryptoKey | undefined };
  },
};

/** Untrusted base64, whose size is judged before it is decoded (S10). Throws for any other value. */
const toBytes = (text: unknown, most: number): Uint8Array<ArrayBuffer> =>
  fromBase64(typeof text === "string" && text.length <= Math.ceil(most / 3) * 4 ? text : "!");

export { keyring, type Keyring, type Keys, type KeySource } from "../guard/keyring.ts";

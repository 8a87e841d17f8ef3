/**
 * Keys that the application keeps. None of them seals anything itself: each session has a key of its
 * own, made from one of them by HKDF (RFC 5869), so that no key is used too often (S20).
 */
import { because, VaultError } from "../errors.ts";
import type { RecordHead, StoredRecord } from "../types.ts";
import { fromBase64, randomBytes, subtle, toBase64, type WebCryptoKey } from "./crypto.ts";
import { own } from "./json.ts";
import { createRecent } from "./recent.ts";
import { DEADLINE, fail, inTime } from "./stored.ts";

/** What stands beside a sealed body: the id of the ring's key, and the session's salt. */
export interface KeyNames {
  readonly kid?: unknown;
  /** 16 random bytes in base64, new with each session. */
  readonly salt?: unknown;
}

/** Gives the keys that seal and open records. */
export interface Sealer {
  /** The key for a record's next write; `kept` are keys that the record itself must hold. */
  toSeal(
    place: readonly unknown[],
    head: RecordHead,
  ): Promise<{
    readonly key: WebCryptoKey;
    readonly names: KeyNames;
    readonly kept?: Readonly<Record<string, unknown>>;
  }>;
  /**
   * The key that a sealed body names, if it names one; `opened` is called where that key was right.
   * Rejects with a `VaultError`, code `store_unavailable`, for an unknown id, and while the keys cannot
   * be had.
   */
  toOpen(
    place: readonly unknown[],
    sealed: {
      readonly head: RecordHead;
      readonly names: KeyNames;
      readonly kept: StoredRecord["keys"];
    },
  ): Promise<{ readonly key: WebCryptoKey | undefined; readonly opened?: () => void }>;
}

/** The application's own keys; made by {@link keyring}. */
export interface Keyring extends Sealer {
  /** The key id that new writes are sealed with. */
  newest(): Promise<string>;
  /** Lets go of the session key that is kept in memory for a place. */
  forget(place: readonly unknown[]): void;
}

/** One session's key, kept in memory. */
interface SessionKey {
  readonly key: WebCryptoKey;
  readonly kid: string;
  readonly salt: string;
  readonly sessionId: string;
  /** Which million of the session's writes it is for. */
  readonly era: number;
}

/**
 * Keys by key id, each made from 32 random bytes at least. As a text, for a secret or a variable:
 * `<id>:<32 bytes in base64>`, more of them after commas; `echo "k1:$(openssl rand -base64 32)"` makes
 * one. As `CryptoKey`s: `crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveKey"])`.
 */
export type Keys = string | Readonly<Record<string, WebCryptoKey>>;

/** Keys that have to be fetched. A function is called until it has given the keys once. */
export type KeySource = Keys | PromiseLike<Keys | undefined> | (() => KeysToCome);

type KeysToCome = Keys | undefined | PromiseLike<Keys | undefined>;

const HOW = '. Make one: echo "k1:$(openssl rand -base64 32)"';

/** Random IVs allow 2^32 writes to a key (SP 800-38D §8.3), and writes that lose a race count too. */
const ERA = 2 ** 20;
/** How many sessions' keys are kept in memory. */
const MOST = 1000;

/** In bytes: enough to keep each session's key apart. */
const SALT = 16;

interface Ring {
  readonly newest: string;
  readonly keys: ReadonlyMap<string, () => Promise<WebCryptoKey>>;
}

/**
 * Keys that the application keeps, such as a Worker's secret or an environment variable.
 *
 * @param source Writes use the last key listed; the others still open what they have sealed, so append
 * a new key, and drop an old one when no record has its id any more. Keys that have to be fetched come
 * as a function, which may be asynchronous, or as a promise; an error in them is then told by each call
 * of the store.
 * @param how how keys are made and where they go, as the end of an error's message; it begins with the
 * full stop of the sentence before
 * @throws `VaultError`, code `invalid_option`, when there is no key, a key is malformed or of another
 * kind, two have the same id, or an id is a number: members with such names lose their order
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
export function keyring(source: KeySource, how: string = HOW): Keyring {
  const known = createRecent<SessionKey>(MOST);
  const get = isPlain(source) ? undefined : toGetter(source);
  let ring = isPlain(source) ? readRing(source, how) : undefined;

  // The settled ring is kept, and no promise, because one request's promise may hang in another (F31).
  async function open(): Promise<Ring> {
    ring ??= readRing(await fetched(get), how);
    return ring;
  }

  async function make(kid: string, salt: string, { keys }: Ring): Promise<WebCryptoKey> {
    const base = await (keys.get(kid) ?? unknownKey)();
    return derive(base, salt);
  }

  return {
    newest: async () => (await open()).newest,
    forget: (place) => known.forget(nameOf(place)),
    async toSeal(place, { sessionId, revision }) {
      const ring = await open();
      const kid = ring.newest;
      const at = nameOf(place);
      const era = Math.floor(revision / ERA);
      let found = known.peek(at);
      if (found?.kid !== kid || found.sessionId !== sessionId || found.era !== era) {
        const salt = toBase64(randomBytes(SALT));
        found = { kid, salt, sessionId, era, key: await make(kid, salt, ring) };
      }
      known.set(at, found);
      return { key: found.key, names: own({ kid, salt: found.salt }) };
    },
    async toOpen(place, { head: { sessionId, revision }, names: { kid, salt } }) {
      const ring = await open();
      // A key in the record itself opens nothing: a forger of the record may have put it there.
      if (typeof kid !== "string" || !isSalt(salt)) return { key: undefined };
      const at = nameOf(place);
      const found = known.peek(at);
      const isAtHand = found?.kid === kid && found.salt === salt;
      const key = isAtHand ? found.key : await make(kid, salt, ring);
      const era = Math.floor(revision / ERA);
      // Remembered only once it has opened: a forged salt must not seal the next write.
      return { key, opened: () => void known.set(at, { kid, salt, sessionId, era, key }) };
    },
  };
}

/** The keys that have to be fetched, in time. */
const fetched = (get: (() => KeysToCome) | undefined): Promise<Keys | undefined> =>
  inTime(
    DEADLINE,
    async () => get?.(),
    () => ["the sealing keys cannot be had"],
  );

const nameOf = (place: readonly unknown[]): string => JSON.stringify(place);

function isSalt(salt: unknown): salt is string {
  try {
    return typeof salt === "string" && salt.length < 2 * SALT && fromBase64(salt).length === SALT;
  } catch {
    return false;
  }
}

/** A session is sealed with a key that is missing, maybe for a while: its record is left alone. */
export const unknownKey = (): never =>
  fail("a session's key is unknown", "Put it into the key ring");

/** Every member of the dictionaries is set, so that a polluted `Object.prototype` changes none (S15). */
const derive = (base: WebCryptoKey, salt: string): Promise<WebCryptoKey> =>
  subtle().deriveKey(
    {
      name: "HKDF",
      hash: "SHA-256",
      salt: fromBase64(salt),
      info: new TextEncoder().encode("tokenkeep record 1"),
    },
    base,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );

const isPlain = (source: KeySource | undefined): source is Keys | undefined =>
  typeof source !== "function" && typeof Object(source).then !== "function";

function toGetter(source: Exclude<KeySource, Keys>): () => KeysToCome {
  if (typeof source === "function") return source;
  // The promise may reject before anybody asks: that is no unhandled rejection.
  source.then(undefined, () => {});
  return () => source;
}

function readRing(keys: Keys | undefined, how: string): Ring {
  const check: Check = (isRight, why, advice) => {
    if (isRight) return;
    const { message } = because("invalid_option", why, advice);
    throw new VaultError("invalid_option", message.replace(/\.$/, how));
  };
  const entries =
    typeof keys === "string" ? parseKeys(keys, check) : takeKeys(Object.entries(keys ?? {}), check);
  const ring = new Map(entries);
  const [newest] = entries.at(-1) ?? [""];
  check(newest, "the key ring has no key", "Give it one");
  check(ring.size === entries.length, "two keys have the same id", "Give each its own");
  return { newest, keys: ring };
}

type Check = (isRight: unknown, why: string, advice: string) => void;
type Entry = [id: string, key: () => Promise<WebCryptoKey>];

const checkId = (id: string, check: Check): void =>
  check(!/^\d+$/.test(id), "a key id that is a number loses its place", "Put a letter into it");

const takeKeys = (keys: [string, WebCryptoKey | undefined][], check: Check): Entry[] =>
  keys.map(([id, key]) => {
    checkId(id, check);
    check(
      key?.algorithm?.name === "HKDF" && key.usages.includes("deriveKey"),
      "a key is none for HKDF",
      'Make it by importKey("raw", bytes, "HKDF", false, ["deriveKey"])',
    );
    return [id, async () => key ?? unknownKey()];
  });

/** Each key is made when it is needed, and kept as a settled value, because a promise may hang (F31). */
const parseKeys = (text: string, check: Check): Entry[] =>
  text.split(",").map((entry, index) => {
    const [, id = "", base64 = ""] = /^\s*([\w.-]{1,32}):([\w+/-]{43}=?)\s*$/.exec(entry) ?? [];
    check(id, `key ${index + 1} is malformed`, "Write it as <id>:<32 bytes in base64>");
    checkId(id, check);
    const bytes = fromBase64(base64.replaceAll("-", "+").replaceAll("_", "/"));
    let key: WebCryptoKey | undefined;
    async function made(): Promise<WebCryptoKey> {
      key ??= await subtle().importKey("raw", bytes, "HKDF", false, ["deriveKey"]);
      return key;
    }
    return [id, made];
  });

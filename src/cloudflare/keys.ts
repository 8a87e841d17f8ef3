/** The keys that seal sessions: a Worker's secret, read and checked before anything is stored. */
import { type Keyring, keyring } from "../stores/encrypted.ts";
import { check } from "./wire.ts";

/** Where the keys are looked for unless told. */
export const KEYS = "TOKENKEEP_KEYS";

type KeySource = string | ((env: never) => string | undefined) | undefined;
type KeyBytes = readonly (readonly [kid: string, bytes: Uint8Array<ArrayBuffer>])[];

const HOW =
  'one or more of <id>:<32 random bytes in base64>, with commas between and the newest last. Make one: echo "k1:$(openssl rand -base64 32)". Put the line TOKENKEEP_KEYS="k1:…" into .dev.vars, and for production run: npx wrangler secret put TOKENKEEP_KEYS';

/**
 * Reads the keys.
 *
 * @throws VaultError `invalid_option` when they are missing or malformed. The message tells which
 * entry it is, and never the entry.
 */
export function readKeys(source: KeySource, env: object): KeyBytes {
  const text =
    typeof source === "function"
      ? source(env as never)
      : (source ?? (env as Record<string, unknown>)[KEYS]);
  check(typeof text === "string" && text.trim(), `No keys to seal sessions with. They are ${HOW}`);
  return text.split(",").map((entry, index) => {
    const [, kid = "", encoded = ""] = /^\s*([\w.-]{1,32}):([\w+/-]+={0,2})\s*$/.exec(entry) ?? [];
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    try {
      const plain = atob(encoded.replace(/-/g, "+").replace(/_/g, "/"));
      bytes = Uint8Array.from(plain, (char) => char.charCodeAt(0));
    } catch {}
    check(
      bytes?.length === 32 && !/^\d+$/.test(kid),
      `Malformed key: entry ${index + 1} is not <id>:<32 random bytes in base64>, or its id is a number. Keys are ${HOW}`,
    );
    return [kid, bytes] as const;
  });
}

/** The keys as a ring whose last one seals. */
export async function toRing(keys: KeyBytes): Promise<Keyring> {
  const imported = await Promise.all(
    keys.map(async ([kid, bytes]) => [
      kid,
      await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]),
    ]),
  );
  return keyring(Object.fromEntries(imported));
}

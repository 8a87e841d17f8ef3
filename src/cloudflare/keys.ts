/** The keys that seal sessions: a Worker's secret, read and checked before anything is stored. */
import { type Keyring, keyring } from "../stores/encrypted.ts";
import { check } from "./wire.ts";

/** Where the keys are looked for unless told. */
const KEYS = "TOKENKEEP_KEYS";

const HOW =
  '. Make one: echo "k1:$(openssl rand -base64 32)". Put the line TOKENKEEP_KEYS="k1:…" into .dev.vars, and for production run: npx wrangler secret put TOKENKEEP_KEYS';

/**
 * Reads the keys.
 *
 * @throws VaultError `invalid_option` when they are missing or malformed. The message tells which
 * entry it is, and never the entry.
 */
export function readKeys(
  source: string | ((env: never) => string | undefined) | undefined,
  env: object,
): Keyring {
  const text =
    typeof source === "function"
      ? source(env as never)
      : (source ?? (env as Record<string, unknown>)[KEYS]);
  check(typeof text === "string" && text.trim(), "No keys to seal sessions with" + HOW);
  return keyring(text, HOW);
}

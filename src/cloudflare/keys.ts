/** The keys that seal sessions: a Worker's secret, read and checked before anything is stored. */
import { type Keyring, keyring } from "../stores/encrypted.ts";
import { bindingOf, demand } from "./set-up.ts";

/** Where the keys are looked for unless told. */
const KEYS = "TOKENKEEP_KEYS";

const ADVICE =
  'Make one: echo "k1:$(openssl rand -base64 32)". Put the line TOKENKEEP_KEYS="k1:…" into .dev.vars, and for production run: npx wrangler secret put TOKENKEEP_KEYS. Or keep it in a Secrets Store: in wrangler.jsonc add { "binding": "TOKENKEEP_KEYS", "store_id": "…", "secret_name": "…" } to "secrets_store_secrets"';
const HOW = `. ${ADVICE}`;

/** The part of a Secrets Store binding that is used. */
export interface StoredSecret {
  get(): Promise<string>;
}

/** The keys: their text, a binding that has it, or a promise of either. */
export type GivenKeys =
  | string
  | StoredSecret
  | undefined
  | PromiseLike<string | StoredSecret | undefined>;

/** Where the keys are: the text, the name of a secret or binding in `env`, or a function. */
export type KeysOption<Env = never> = string | ((env: Env) => GivenKeys);

/**
 * Reads the keys. A text is checked at once; keys that have to be fetched are checked when they are first
 * needed.
 *
 * @throws VaultError `invalid_option` when they are missing or malformed. The message tells which
 * entry is wrong, and never its text.
 */
export function readKeys(source: KeysOption | undefined, env: object): Keyring {
  const find = (): GivenKeys => {
    if (typeof source === "function") return source(env as never);
    // A text of keys has a colon in it, and a name has none.
    if (source?.includes(":")) return source;
    const name = source ?? KEYS;
    return bindingOf<GivenKeys>(env, name);
  };
  const found = find();
  const isPromise = !isSecret(found) && typeof found === "object" && found && "then" in found;
  if (!isSecret(found) && !isPromise) return keyring(checked(found), HOW);
  // One request's promise may hang in another (F31), so that each asks for the keys anew.
  if (isPromise) found.then(undefined, () => {});
  return keyring(async () => {
    const given = await find();
    return checked(isSecret(given) ? await given.get() : given);
  }, HOW);
}

const isSecret = (given: GivenKeys): given is StoredSecret =>
  typeof (given as Partial<StoredSecret> | null | undefined)?.get === "function";

function checked(text: unknown): string {
  demand(
    typeof text === "string" && text.trim(),
    "there are no keys to seal sessions with",
    ADVICE,
  );
  return text;
}

/** The keys that a JWT may have been signed by. The JWT names one of them, and never where it comes from. */
import { check, isVaultError } from "../errors.ts";
import type { JwtAlgorithm, KeyPairAlgorithm } from "./algorithms.ts";
import type { WebCryptoKey } from "../guard/crypto.ts";
import { isHmac } from "./hmac-key.ts";
import { isObject, own, says } from "../guard/json.ts";
import type { Members } from "./jws.ts";
import { jwtError } from "./jwt-flaw.ts";
import type { Jwk } from "./key-pairs.ts";
import { canVerify, importPublicKey } from "./public-key.ts";
import { jsonIn } from "../guard/replies.ts";
import type { KeySet, RemoteKeys } from "./remote-keys.ts";
import { importSecret } from "./secret-key.ts";

/** What an application gives. */
export type GivenKey = RemoteKeys | { readonly keys: readonly Jwk[] } | Jwk | string | Uint8Array;

/** Where keys come from. */
export type Source =
  | { readonly type: "remote"; readonly remote: RemoteKeys }
  | { readonly type: "set"; readonly set: KeySet }
  | { readonly type: "one"; readonly key: unknown };

const isRemote = (given: Record<string, unknown>): given is Record<string, unknown> & RemoteKeys =>
  says(given, "get") && typeof given["get"] === "function";

export function sourceOf(key: GivenKey): Source {
  const isAddress = typeof key === "string" ? /^https?:\/\//.test(key) : key instanceof URL;
  check(!isAddress, "as key remoteKeys(url), for keys that live at an address");
  const given: unknown = typeof key === "string" ? jsonIn(key) : key;
  if (!isObject(given) || given instanceof Uint8Array) return { type: "one", key };
  if (isRemote(given)) return { type: "remote", remote: given };
  const { keys } = own(given);
  if (!Array.isArray(keys)) return { type: "one", key };
  check(keys.every(isObject), "a JWKS, whose keys are JWKs");
  return { type: "set", set: { keys: keys.map((jwk) => own(jwk)) } };
}

/** Which keys may be taken, for what. */
export interface KeyRules {
  readonly source: Source;
  readonly algorithms: readonly JwtAlgorithm[];
}

/** The most keys that are tried for one JWT: an issuer that rotates has two or three. */
const MOST_KEYS = 16;

/** The keys of a set that may have signed. */
function candidatesIn({ keys }: KeySet, header: Members, algorithm: KeyPairAlgorithm): Members[] {
  const { kid } = header;
  const named = keys.filter((jwk) => kid === undefined || jwk["kid"] === kid);
  return named.filter((jwk) => canVerify(jwk, algorithm)).slice(0, MOST_KEYS);
}

/** A key that was given for itself. That it fits another of the algorithms is the JWT's fault. */
async function importOne(
  key: unknown,
  algorithm: KeyPairAlgorithm,
  { algorithms }: KeyRules,
): Promise<WebCryptoKey> {
  try {
    return await importPublicKey(key, algorithm);
  } catch (error) {
    for (const other of algorithms as KeyPairAlgorithm[])
      if (await importPublicKey(key, other).catch(() => undefined)) throw jwtError("unknown_key");
    throw error;
  }
}

/**
 * Keys of sets that were fetched, as imported: that takes longer than to verify. Settled values, so that
 * requests of one isolate may share them (F31).
 */
const imported = new WeakMap<object, Map<KeyPairAlgorithm, WebCryptoKey>>();

/** A key of a set; none where it cannot be imported. */
async function importFrom(
  source: Source,
  jwk: Members,
  algorithm: KeyPairAlgorithm,
): Promise<WebCryptoKey[]> {
  const known = imported.get(jwk)?.get(algorithm);
  if (known) return [known];
  try {
    const key = await importPublicKey(jwk, algorithm);
    // A set that was given may be changed by who gave it.
    if (source.type === "remote")
      imported.set(jwk, new Map([...(imported.get(jwk) ?? []), [algorithm, key]]));
    return [key];
  } catch (error) {
    // Not the JWT's fault, as a key is that somebody else has spoiled.
    if (isVaultError(error) && error.reason === "unsupported_algorithm") throw error;
    return [];
  }
}

/** The keys that may have signed. Rejects where this runtime lacks the algorithm. */
export async function keysFor(
  header: Members,
  algorithm: JwtAlgorithm,
  rules: KeyRules,
): Promise<WebCryptoKey[]> {
  const { source } = rules;
  if (isHmac(algorithm)) {
    const secret = source.type === "one" ? source.key : undefined;
    return [await importSecret(secret, algorithm, "verify")];
  }
  if (source.type === "one") return [await importOne(source.key, algorithm, rules)];
  const find = (set: KeySet): Members[] => candidatesIn(set, header, algorithm);
  const set =
    source.type === "set" ? source.set : await source.remote.get((one) => find(one).length === 0);
  const keys = await Promise.all(find(set).map((jwk) => importFrom(source, jwk, algorithm)));
  return keys.flat();
}

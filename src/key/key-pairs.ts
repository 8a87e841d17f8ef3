/** One half of a key pair, as PEM or JWK, on its way into Web Crypto (RFC 7518, RFC 7468, RFC 7517). */
import type { KeyFlaw, VaultError } from "../errors.ts";
import type { Bytes } from "../types.ts";
import { type KeyKind, type KeyPairAlgorithm, KINDS } from "./algorithms.ts";
import type { WebCryptoKey } from "../guard/crypto.ts";
import { isObject, own } from "../guard/json.ts";
import { keyError } from "./key-flaws.ts";
import { blocksOf } from "./pem.ts";
import { jsonIn } from "../guard/replies.ts";

/** A JSON Web Key (RFC 7517 §4). */
export interface Jwk {
  readonly kty?: string;
  readonly crv?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly key_ops?: readonly string[];
  readonly kid?: string;
  readonly n?: string;
  readonly e?: string;
  readonly d?: string;
  readonly p?: string;
  readonly q?: string;
  readonly dp?: string;
  readonly dq?: string;
  readonly qi?: string;
  readonly x?: string;
  readonly y?: string;
  readonly k?: string;
}

/** Which half is wanted, and how it is recognised. */
export interface Half {
  readonly use: "sign" | "verify";
  /** The label of its PEM block, and what Web Crypto calls that format. */
  readonly label: string;
  readonly format: "pkcs8" | "spki";
  /** What the labels of other blocks say. */
  readonly others: Readonly<Record<string, KeyFlaw>>;
  /** What to do about a flaw, where that is not the usual. */
  readonly advice: Readonly<Partial<Record<KeyFlaw, string>>>;
  /** Whether a JWK of this half has the private member `d`. */
  readonly isPrivate: boolean;
}

/** RFC 7518 §3.3 and §3.5. */
const SHORTEST_RSA = 2_048;

/** A JWK's members that are its key, whatever its `kty`. */
const PARTS = new Set("kty crv n e d p q dp dq qi x y".split(" "));

/** One algorithm of each kind. */
const ONE_OF_EACH = ["RS256", "ES256", "ES384", "ES512", "EdDSA"] as const;

/** A JWK's own members (S15), given as an object or as JSON; `undefined` for anything else. */
export function jwkIn(key: unknown): Record<string, unknown> | undefined {
  const found = typeof key === "string" ? jsonIn(key) : key;
  return isObject(found) && !(found instanceof Uint8Array) ? own(found) : undefined;
}

/** Web Crypto's word for what it does not have. */
const isUnsupported = (error: unknown): boolean =>
  isObject(error) && error["name"] === "NotSupportedError";

const wrongKind = (found: KeyKind | undefined, algorithm: KeyPairAlgorithm): VaultError => {
  const is = found ? `it is ${found.words}` : "it is of another kind";
  return keyError("wrong_key_type", `${is}, and ${algorithm} takes ${KINDS[algorithm].words}`);
};

/** The kind of a key that turned out not to be of the kind that was wanted. */
async function kindIn(bytes: Bytes, { format, use }: Half): Promise<KeyKind | undefined> {
  for (const kind of ONE_OF_EACH.map((one) => KINDS[one])) {
    try {
      await crypto.subtle.importKey(format, bytes, kind.params, false, [use]);
      return kind;
    } catch {
      // It is not of this kind.
    }
  }
  return undefined;
}

/** The PEM block that is wanted, or the error that says what was given instead. */
function blockIn(text: string, { label: wanted, others, advice }: Half): Bytes {
  const blocks = blocksOf(text);
  const block = blocks.find(({ label }) => label === wanted);
  if (block?.bytes) return block.bytes;
  const known = block ? undefined : blocks.find(({ label }) => label in others);
  const flaw = (known && others[known.label]) ?? "malformed_key";
  throw keyError(flaw, undefined, advice[flaw]);
}

async function importPem(
  text: string,
  algorithm: KeyPairAlgorithm,
  half: Half,
): Promise<WebCryptoKey> {
  const bytes = blockIn(text, half);
  const { params } = KINDS[algorithm];
  try {
    return await crypto.subtle.importKey(half.format, bytes, params, false, [half.use]);
  } catch (error) {
    if (isUnsupported(error)) throw keyError("unsupported_algorithm");
    const kind = await kindIn(bytes, half);
    throw kind ? wrongKind(kind, algorithm) : keyError("malformed_key");
  }
}

const isOfKind = ({ kty, crv }: Record<string, unknown>, kind: KeyKind): boolean =>
  kty === kind.kty && (kind.crv === undefined || crv === kind.crv);

/** Whether a JWK may be used so (RFC 7517 §4.2 and §4.3). */
export const isMeantFor = (
  { use: meantFor, key_ops: operations }: Record<string, unknown>,
  use: Half["use"],
): boolean =>
  (meantFor === undefined || meantFor === "sig") &&
  (operations === undefined || (Array.isArray(operations) && operations.includes(use)));

/** Why a JWK is not the one that is wanted, if it is not. */
function flawOfJwk(
  jwk: Record<string, unknown>,
  algorithm: KeyPairAlgorithm,
  { use, isPrivate }: Half,
): KeyFlaw | undefined {
  const { kty, alg, d } = jwk;
  if (typeof kty !== "string") return "malformed_key";
  if (!isOfKind(jwk, KINDS[algorithm])) return "wrong_key_type";
  if (isPrivate && d === undefined) return "public_key";
  if (!isPrivate && d !== undefined) return "private_key";
  // RFC 9864 calls EdDSA over this curve Ed25519.
  const isNamed = alg === undefined || alg === algorithm;
  if (!isNamed && !(algorithm === "EdDSA" && alg === "Ed25519")) return "wrong_key_type";
  return isMeantFor(jwk, use) ? undefined : "wrong_key_type";
}

/** The error for a JWK that is not the one that is wanted. */
function errorOfJwk(
  jwk: Record<string, unknown>,
  algorithm: KeyPairAlgorithm,
  flaw: KeyFlaw,
): VaultError {
  if (flaw !== "wrong_key_type" || isOfKind(jwk, KINDS[algorithm])) return keyError(flaw);
  const kinds = ONE_OF_EACH.map((one) => KINDS[one]);
  return wrongKind(
    kinds.find((kind) => isOfKind(jwk, kind)),
    algorithm,
  );
}

/** Whether a JWK is that half of a pair for this algorithm, and meant for that use. */
export const isHalf = (
  jwk: Record<string, unknown>,
  algorithm: KeyPairAlgorithm,
  half: Half,
): boolean => !flawOfJwk(jwk, algorithm, half);

async function importJwk(
  jwk: Record<string, unknown>,
  algorithm: KeyPairAlgorithm,
  half: Half,
): Promise<WebCryptoKey> {
  const flaw = flawOfJwk(jwk, algorithm, half);
  if (flaw) throw errorOfJwk(jwk, algorithm, flaw);
  const parts = Object.entries(jwk).filter(([name]) => PARTS.has(name));
  const key: JsonWebKey = own(Object.fromEntries(parts));
  try {
    return await crypto.subtle.importKey("jwk", key, KINDS[algorithm].params, false, [half.use]);
  } catch (error) {
    throw keyError(isUnsupported(error) ? "unsupported_algorithm" : "malformed_key");
  }
}

/**
 * Imports a key that nobody can export. No error shows any of it.
 *
 * @throws VaultError `invalid_option`, whose `reason` is a `KeyFlaw`.
 */
export async function importHalf(
  key: unknown,
  algorithm: KeyPairAlgorithm,
  half: Half,
): Promise<WebCryptoKey> {
  if (key === undefined || key === null || key === "") throw keyError("no_key");
  const jwk = jwkIn(key);
  const text = typeof key === "string" ? key : undefined;
  if (!jwk && text === undefined) throw keyError("malformed_key");
  const imported = jwk
    ? await importJwk(jwk, algorithm, half)
    : await importPem(text ?? "", algorithm, half);
  const bits = "modulusLength" in imported.algorithm ? imported.algorithm.modulusLength : undefined;
  if (typeof bits === "number" && bits < SHORTEST_RSA)
    throw keyError(
      "short_key",
      `it has ${bits} bits, and RSA wants at least ${SHORTEST_RSA}`,
      "Make one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pkcs8.pem",
    );
  return imported;
}

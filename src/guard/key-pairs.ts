/** One half of a key pair, as PEM or JWK, on its way into Web Crypto (RFC 7518, RFC 7468, RFC 7517). */
import type { KeyFlaw } from "../errors.ts";
import type { Bytes } from "../types.ts";
import { type KeyKind, type KeyPairAlgorithm, KINDS } from "./algorithms.ts";
import type { WebCryptoKey } from "./crypto.ts";
import { isObject, own } from "./json.ts";
import { keyError } from "./key-flaws.ts";
import { blocksOf } from "./pem.ts";
import { jsonIn } from "./replies.ts";

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

const wrongKind = (found: KeyKind | undefined, algorithm: KeyPairAlgorithm): Error => {
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
function blockIn(text: string, { label: wanted, others }: Half): Bytes {
  const blocks = blocksOf(text);
  const block = blocks.find(({ label }) => label === wanted);
  if (block?.bytes) return block.bytes;
  const known = block ? undefined : blocks.find(({ label }) => label in others);
  throw keyError(known ? others[known.label]! : "malformed_key");
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

/** Why a JWK is not the one that is wanted, if it is not. */
function flawOfJwk(
  jwk: Record<string, unknown>,
  algorithm: KeyPairAlgorithm,
  { use, isPrivate }: Half,
): Error | undefined {
  const { kty, crv, alg, d, use: meantFor, key_ops: operations } = jwk;
  const { kty: wantedType, crv: wantedCurve } = KINDS[algorithm];
  if (typeof kty !== "string") return keyError("malformed_key");
  if (kty !== wantedType || (wantedCurve !== undefined && crv !== wantedCurve)) {
    const kinds = ONE_OF_EACH.map((one) => KINDS[one]);
    return wrongKind(
      kinds.find((kind) => kind.kty === kty && (kind.crv ?? crv) === crv),
      algorithm,
    );
  }
  if (isPrivate && d === undefined) return keyError("public_key");
  if (!isPrivate && d !== undefined) return keyError("private_key");
  // RFC 9864 calls EdDSA over this curve Ed25519.
  const names = [undefined, algorithm, ...(algorithm === "EdDSA" ? ["Ed25519"] : [])];
  if (!names.includes(alg as string)) return keyError("wrong_key_type");
  const isMeant =
    (meantFor === undefined || meantFor === "sig") &&
    (operations === undefined || (Array.isArray(operations) && operations.includes(use)));
  return isMeant ? undefined : keyError("wrong_key_type");
}

async function importJwk(
  jwk: Record<string, unknown>,
  algorithm: KeyPairAlgorithm,
  half: Half,
): Promise<WebCryptoKey> {
  const flaw = flawOfJwk(jwk, algorithm, half);
  if (flaw) throw flaw;
  const parts = Object.entries(jwk).filter(([name]) => PARTS.has(name));
  const key = own(Object.fromEntries(parts)) as JsonWebKey;
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
  if (!jwk && typeof key !== "string") throw keyError("malformed_key");
  const imported = jwk
    ? await importJwk(jwk, algorithm, half)
    : await importPem(key as string, algorithm, half);
  const bits = "modulusLength" in imported.algorithm ? imported.algorithm.modulusLength : undefined;
  if (typeof bits === "number" && bits < SHORTEST_RSA)
    throw keyError(
      "short_key",
      `it has ${bits} bits, and RSA wants at least ${SHORTEST_RSA}`,
      "Make one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out pkcs8.pem",
    );
  return imported;
}

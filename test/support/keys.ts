/** Key pairs in every form in which people have them. Node only. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { KeyPairAlgorithm } from "../../src/key/algorithms.ts";

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** An RSA key takes long to make: one serves a whole file. */
const made = new Map<string, KeyPair>();

function make(kind: string): KeyPair {
  const [family = "", size = ""] = kind.split(" ");
  if (family === "RSA") return generateKeyPairSync("rsa", { modulusLength: Number(size) });
  if (family === "EC") return generateKeyPairSync("ec", { namedCurve: size });
  return generateKeyPairSync("ed25519");
}

/** `RSA 2048`, `EC P-256`, `Ed25519`. */
export function keyPair(kind: string): KeyPair {
  const pair = made.get(kind) ?? make(kind);
  made.set(kind, pair);
  return pair;
}

/** What each algorithm takes. */
export const KIND_OF: Readonly<Record<KeyPairAlgorithm, string>> = {
  RS256: "RSA 2048",
  RS384: "RSA 2048",
  RS512: "RSA 2048",
  PS256: "RSA 2048",
  PS384: "RSA 2048",
  PS512: "RSA 2048",
  ES256: "EC P-256",
  ES384: "EC P-384",
  ES512: "EC P-521",
  EdDSA: "Ed25519",
};

export const pkcs8 = (kind: string): string =>
  keyPair(kind).privateKey.export({ type: "pkcs8", format: "pem" }) as string;
export const spki = (kind: string): string =>
  keyPair(kind).publicKey.export({ type: "spki", format: "pem" }) as string;
export const privateJwk = (kind: string): Record<string, string> =>
  keyPair(kind).privateKey.export({ format: "jwk" }) as Record<string, string>;
export const publicJwk = (kind: string): Record<string, string> =>
  keyPair(kind).publicKey.export({ format: "jwk" }) as Record<string, string>;

/** Whatever of a key's text would give it away: its lines, or its private members. */
export const partsOf = (key: unknown): string[] =>
  typeof key === "string"
    ? key.split(/\n|\\n/).filter((line) => line.length > 20 && !line.startsWith("-"))
    : Object.entries(key as Record<string, string>)
        .filter(([name]) => ["d", "p", "q", "dp", "dq", "qi"].includes(name))
        .map(([, value]) => value);

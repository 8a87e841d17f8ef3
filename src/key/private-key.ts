/** The half of a key pair that signs. */
import type { KeyPairAlgorithm } from "./algorithms.ts";
import type { WebCryptoKey } from "../guard/crypto.ts";
import { own } from "../guard/json.ts";
import { type Half, importHalf, jwkIn } from "./key-pairs.ts";

const PRIVATE: Half = own({
  use: "sign",
  label: "PRIVATE KEY",
  format: "pkcs8",
  isPrivate: true,
  advice: own({ certificate: "Pass the private key that belongs to it, which alone signs" }),
  others: own({
    "RSA PRIVATE KEY": "pkcs1_key",
    "EC PRIVATE KEY": "sec1_key",
    "ENCRYPTED PRIVATE KEY": "encrypted_key",
    "PUBLIC KEY": "public_key",
    "RSA PUBLIC KEY": "public_key",
    CERTIFICATE: "certificate",
  }),
});

/** A private key for signing, from PKCS#8 PEM or a JWK (an object, or JSON). */
export const importPrivateKey = (
  key: unknown,
  algorithm: KeyPairAlgorithm,
): Promise<WebCryptoKey> => importHalf(key, algorithm, PRIVATE);

/** The `kid` that a JWK brings along, for the header of what it signs (RFC 7515 §4.1.4). */
export function kidOf(key: unknown): { readonly kid?: string } {
  const kid = jwkIn(key)?.["kid"];
  return typeof kid === "string" ? { kid } : {};
}

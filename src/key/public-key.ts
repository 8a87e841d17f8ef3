/** The half of a key pair that verifies. */
import type { KeyPairAlgorithm } from "./algorithms.ts";
import type { WebCryptoKey } from "../guard/crypto.ts";
import { own } from "../guard/json.ts";
import { type Half, importHalf, isHalf } from "./key-pairs.ts";

const PUBLIC: Half = own({
  use: "verify",
  label: "PUBLIC KEY",
  format: "spki",
  isPrivate: false,
  advice: own({
    pkcs1_key: "Convert it: openssl rsa -RSAPublicKey_in -in key.pem -pubout -out public.pem",
    malformed_key:
      "Look for what was cut off when it was pasted: the PEM begins with BEGIN PUBLIC KEY",
  }),
  others: own({
    "RSA PUBLIC KEY": "pkcs1_key",
    CERTIFICATE: "certificate",
    "PRIVATE KEY": "private_key",
    "RSA PRIVATE KEY": "private_key",
    "EC PRIVATE KEY": "private_key",
    "ENCRYPTED PRIVATE KEY": "private_key",
  }),
});

/** A public key for verifying, from SPKI PEM or a JWK (an object, or JSON). */
export const importPublicKey = (key: unknown, algorithm: KeyPairAlgorithm): Promise<WebCryptoKey> =>
  importHalf(key, algorithm, PUBLIC);

/** Whether a JWK of a set can verify what was signed by this algorithm. */
export const canVerify = (jwk: Record<string, unknown>, algorithm: KeyPairAlgorithm): boolean =>
  isHalf(jwk, algorithm, PUBLIC);

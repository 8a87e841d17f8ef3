/** What is wrong with a key, told with what to do about it, and never with the key. */
import { type KeyFlaw, VaultError } from "../errors.ts";

const CONVERT = "Convert it: openssl pkcs8 -topk8 -nocrypt -in key.pem -out pkcs8.pem";

/** Why the key cannot be used, and what to do. */
const FLAWS: Readonly<Record<KeyFlaw, readonly [why: string, advice: string]>> = {
  no_key: ["there is none", "Pass one"],
  malformed_key: [
    "it is no whole key in PEM, nor a JWK",
    "Look for what was cut off when it was pasted, or begin anew from the file: " +
      "openssl pkcs8 -topk8 -nocrypt -in key.pem -out pkcs8.pem",
  ],
  public_key: ["it is a public one", "Pass the private key, which alone signs"],
  private_key: [
    "it is a private key",
    "Verify by the public one: openssl pkey -in key.pem -pubout -out public.pem",
  ],
  certificate: [
    "it is a certificate",
    "Take its key out: openssl x509 -in certificate.pem -pubkey -noout -out public.pem",
  ],
  pkcs1_key: ["it is in PKCS#1", CONVERT],
  sec1_key: ["it is in SEC 1", CONVERT],
  encrypted_key: [
    "it is encrypted with a passphrase",
    "Decrypt it: openssl pkcs8 -topk8 -nocrypt -in key.pem -out pkcs8.pem",
  ],
  wrong_key_type: ["it is for another algorithm or use", "Take the algorithm that the key is for"],
  short_key: ["it is too short", "Take a longer one"],
  unsupported_algorithm: ["this runtime does not have its algorithm", "Take another algorithm"],
};

/** The error for a key that cannot be used; a better `why` and `advice` may be given. */
export function keyError(reason: KeyFlaw, why?: string, advice?: string): VaultError {
  const [usual, usualAdvice] = FLAWS[reason];
  const message = `Cannot use this key: ${why ?? usual}. ${advice ?? usualAdvice}.`;
  return new VaultError("invalid_option", message, { reason });
}

/** Why a session cannot be sealed by a key of its own: some browsers and modes keep no `CryptoKey` (F27). */
import type { Cause } from "./stored.ts";

export const KEYS_LOST: Cause = [
  "keys cannot be kept here",
  "Pass a key ring, or use memoryStore()",
];

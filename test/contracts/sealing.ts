/** What `encrypted` must do over each store that can keep a key, in every runtime. */
import { describe } from "vitest";
import type { TokenStore } from "../../src/types.ts";
import { ciphertexts } from "./sealing/ciphertexts.ts";
import { sealingKeys } from "./sealing/sealing-keys.ts";
import { sealingStage } from "./sealing/sealing-stage.ts";
import { tampering } from "./sealing/tampering.ts";

export function sealingContract(name: string, makeInner: () => TokenStore): void {
  describe(`encrypted over ${name}`, () => {
    const stage = sealingStage(makeInner);
    ciphertexts(stage);
    tampering(stage);
    sealingKeys(stage);
  });
}

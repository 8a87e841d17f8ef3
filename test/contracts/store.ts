/** What every `TokenStore` must do, in every runtime it is for: `tokenkeep/testing` has the cases. */
import { describe, it } from "vitest";
import { headOfRecord, sampleRecord, storeContract as casesOf } from "../../src/testing.ts";
import type { StoreContractOptions } from "../../src/testing.ts";
import type { TokenStore } from "../../src/types.ts";

export { headOfRecord as headOf, sampleRecord as record };

/** Runs the cases with a factory that gives an empty store each time. */
export function storeContract(
  name: string,
  make: () => TokenStore | Promise<TokenStore>,
  options: StoreContractOptions = {},
): void {
  describe(`store contract: ${name}`, () => {
    describe("the record and its compare-and-set [F28 F37 F89 P3 P4 P8 S10 S11 S14]", () => {
      for (const { title, run } of casesOf(make, options)) it(`${title}`, run);
    });
  });
}

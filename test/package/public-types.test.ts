/** What users can see of the types changes on purpose only: the report is committed, and read in a review. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { reportTypes } from "../../scripts/types.js";

it("the public types are those that were agreed on: `npm run types` writes a change down", async () => {
  const agreed = readFileSync(path.join(import.meta.dirname, "public-types.txt"), "utf8");
  expect(await reportTypes()).toBe(agreed);
});

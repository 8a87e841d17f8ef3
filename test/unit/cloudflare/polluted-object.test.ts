/** A Worker and its object live on as before with what somebody has put on `Object.prototype` (S15). */
import path from "node:path";
import { expect, it } from "vitest";
import { root, start } from "../../support/programs.ts";

it("an account's life in a Worker and its object is the same with a member that would do harm on Object.prototype [F67 S15]", async () => {
  const file = path.join(root, "test/support/polluted-worker.ts");
  const printed = JSON.parse(await start(file, {}).ended) as object;
  expect(printed).toEqual({ steps: expect.any(Number), differences: [] });
}, 60_000);

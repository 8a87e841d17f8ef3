/** Eight processes on one folder, against a server that ends a session at the first reuse. */
import { describe } from "vitest";
import { processCases } from "./process-cases.ts";
import { bun } from "./runtimes.ts";

const SIZE = 8;

describe("eight processes of Node", () => {
  processCases(Array.from({ length: SIZE }, () => process.execPath));
});

describe.each(bun)("four processes of Node and four of Bun (%s)", (file) => {
  processCases(Array.from({ length: SIZE }, (_, at) => (at % 2 ? file : process.execPath)));
});

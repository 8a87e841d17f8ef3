/** Eight processes on one folder, against a server that ends a session at the first reuse. */
import { describe } from "vitest";
import { processCases } from "./process-cases.ts";

const SIZE = 8;

describe("eight processes of Node", () => {
  processCases(Array.from({ length: SIZE }, () => process.execPath));
});

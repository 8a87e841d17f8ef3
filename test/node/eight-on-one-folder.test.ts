/** Eight processes on one folder, against a server that ends a session at the first reuse. */
import { describe } from "vitest";
import { processCases } from "./process-cases.ts";
import { bun, deno } from "./runtimes.ts";

const SIZE = 8;

describe("eight processes of Node", () => {
  processCases(Array.from({ length: SIZE }, () => process.execPath));
});

describe.each(bun)("four processes of Node and four of Bun (%s)", (file) => {
  processCases(Array.from({ length: SIZE }, (_, at) => (at % 2 ? file : process.execPath)));
});

describe.runIf(bun.length > 0).each(deno)("Node, Bun and Deno (%s) on one file", (file) => {
  const [other = ""] = bun;
  const kinds = [process.execPath, file, other];
  const keys = `k1:${Buffer.alloc(32, 7).toString("base64")}`;
  processCases(
    Array.from({ length: SIZE }, (_, at) => kinds[at % kinds.length] ?? file),
    keys,
  );
});

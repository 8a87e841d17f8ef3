/** `npm run examples`: `demo/examples`, installed from the packed file, built and driven. */

import { ensureBrowsers } from "./browsers.js";
import { installIn } from "./install.js";
import { heading, run, useOwnNode } from "./run.js";

useOwnNode();

heading("Examples");
console.log(await ensureBrowsers());
const vitest = [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--config",
  "test/examples/vitest.config.ts",
];
const tsc = ["node_modules/typescript/bin/tsc", "-p", "demo/examples"];
const ok =
  (await installIn("demo/examples")) &&
  // The packed file is put there by the tests' setup, and then the types are looked at.
  (await run("node", [...vitest, ...process.argv.slice(2)])).ok &&
  (await run("node", tsc)).ok;
process.exitCode = ok ? 0 : 1;

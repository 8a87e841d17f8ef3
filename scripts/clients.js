/** `npm run clients`: docs/clients.md with the clients themselves, which have a lock file of their own. */

import { heading, run, useOwnNode } from "./run.js";
import { installIn } from "./install.js";

useOwnNode();

heading("Clients");
const isInstalled = await installIn("test/clients");
const vitest = [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--config",
  "test/clients/vitest.config.ts",
];
const ok =
  isInstalled &&
  (await run("node", ["node_modules/typescript/bin/tsc", "-p", "test/clients"])).ok &&
  (await run("node", [...vitest, ...process.argv.slice(2)])).ok;
process.exitCode = ok ? 0 : 1;

/**
 * One of several processes on a database: a vault that does what it is told. Its clock can be moved, so that nobody
 * waits for a day to pass.
 */
import process from "node:process";
import { createVault } from "../../src/deno.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { clockAhead } from "../support/clock.ts";
import { carryOut, obey } from "../support/obeying-process.ts";

const [file, baseURL = "", keys] = process.argv.slice(2);
let passed = 0;

const vault = createVault({
  provider: vmcloud({ baseURL }),
  kv: await Deno.openKv(file),
  keys,
  dangerouslyAllowLoopbackHttp: true,
  refreshAhead: false,
  // As if it had been in use all the time, although its clock leaps.
  maxStaleness: 1e10,
  clock: clockAhead(() => passed),
});

await obey((order) => {
  passed += order.advance ?? 0;
  return carryOut(vault, order);
});

/**
 * A process for `durable.test.ts`, run under `strace`: it signs in and says so on its output, copies what
 * lies in the folder at that moment, and refreshes.
 */
import { cpSync, writeSync } from "node:fs";
import process from "node:process";
import { createVault } from "../../src/node.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { clockAhead } from "../support/clock.ts";

const [path = "", baseURL = "", copy = ""] = process.argv.slice(2);
let passed = 0;
const vault = createVault({
  provider: vmcloud({ baseURL }),
  path,
  dangerouslyAllowLoopbackHttp: true,
  clock: clockAhead(() => passed),
});

/** At once, so that nothing comes between the answer and the trace of it. */
const say = (text: string): unknown => writeSync(1, `${text}\n`);

if (copy) {
  await vault.signIn(ada);
  say("SIGNED IN");
  cpSync(path, copy, { recursive: true });
  passed = 90_000_000;
  const response = await vault.fetch(`${baseURL}/v1/vms`);
  say(`FETCHED ${response.status} ${vault.snapshot().generation}`);
} else say(`FOUND ${(await vault.getToken()).length > 100}`);
process.exit();

/** A program as users write it: signs in, calls, refreshes, and tells what it saw. */
import { createVault } from "../../src/deno.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { clockAhead } from "../support/clock.ts";

const [file = "", baseURL = ""] = Deno.args;
let passed = 0;
const vault = createVault({
  provider: vmcloud({ baseURL }),
  kv: await Deno.openKv(file),
  keys: Deno.env.get("TOKENKEEP_KEYS"),
  clock: clockAhead(() => passed),
  dangerouslyAllowLoopbackHttp: true,
});
await vault.signIn({ email: "ada@example.com", password: Deno.env.get("PASSWORD") ?? "" });
for (const ahead of [0, 90_000_000]) {
  passed = ahead;
  const { status } = await vault.fetch(`${baseURL}/v1/vms`);
  console.log(status, vault.snapshot().generation);
}
vault.close();

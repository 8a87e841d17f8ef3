/** A program: the core with a memory store, each of the five APIs by its environment variables. */
import { createVault, type Provider } from "../../src/index.ts";
import { artos } from "../../src/providers/artos.ts";
import { clary } from "../../src/providers/clary.ts";
import { claryJwt } from "../../src/providers/clary-jwt.ts";
import { qovery } from "../../src/providers/qovery.ts";
import { simplismart } from "../../src/providers/simplismart.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";

const { env } = process;
const store = memoryStore();
const user = { email: env["VMCLOUD_EMAIL"], password: env["VMCLOUD_PASSWORD"] };

const calls: readonly (readonly [provider: Provider<any>, path: string, credentials?: unknown])[] =
  [
    [vmcloud(), "/v1/vms", user],
    [simplismart({ env }), "/deployments/list/model/"],
    [artos({ env }), "/api/v1/templates/"],
    [qovery({ env }), "/organization"],
    [clary({ env }), "/v1/documents"],
    [claryJwt({ env }), "/v1/documents", { subject: "ada", tier: "professional" }],
  ];

const statuses: Record<string, number> = {};
for (const [provider, path, credentials] of calls) {
  const vault = createVault<any>({ provider, store });
  await vault.signIn(credentials);
  statuses[provider.name] = (await vault.fetch(provider.origins[0] + path)).status;
}
console.log(JSON.stringify(statuses));

import { createVault, type VaultContext } from "tokenkeep/cloudflare";
import { vmcloud } from "tokenkeep/providers/vmcloud";

// As in the Worker that has the class.
const providers = { vmcloud: vmcloud() };

export function onRequest(context: VaultContext & { readonly env: object }): Promise<Response> {
  const { env } = context;
  const vault = createVault({ provider: "vmcloud", providers, env, ctx: context });
  return vault.fetch("https://api.vmcloud.com/v1/vms");
}

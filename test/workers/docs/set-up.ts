import { createVault, defineTokenVault, type VaultContext } from "tokenkeep/cloudflare";
import { vmcloud } from "tokenkeep/providers/vmcloud";

export const TokenVault = defineTokenVault({ providers: { vmcloud: vmcloud() } });

export default {
  async fetch(request: Request, env: object, ctx: VaultContext): Promise<Response> {
    const account = new URL(request.url).hostname;
    const vault = createVault({ provider: "vmcloud", account, env, ctx });
    return vault.fetch("https://api.vmcloud.com/v1/vms");
  },
};

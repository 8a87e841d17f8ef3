import { createVault, type VaultContext } from "tokenkeep/cloudflare";

export async function scheduled(
  controller: { readonly cron: string },
  env: object,
  ctx: VaultContext,
): Promise<void> {
  const vault = createVault({ provider: "vmcloud", env, ctx });
  const response = await vault.fetch("https://api.vmcloud.com/v1/vms");
  console.info(controller.cron, response.status);
}

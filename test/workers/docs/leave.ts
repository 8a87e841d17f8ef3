import { createVault, type VaultContext } from "tokenkeep/cloudflare";

export const leave = (account: string, env: object, ctx: VaultContext): Promise<void> =>
  createVault({ provider: "vmcloud", account, env, ctx }).signOut();

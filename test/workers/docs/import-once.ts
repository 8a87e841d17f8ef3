import { createVault, type VaultContext } from "tokenkeep/cloudflare";

interface Env {
  readonly VMCLOUD_TOKEN: string;
  readonly VMCLOUD_REFRESH_TOKEN: string;
}

export const importOnce = (account: string, env: Env, ctx: VaultContext): Promise<void> =>
  createVault({ provider: "vmcloud", account, env, ctx }).adopt(
    { accessToken: env.VMCLOUD_TOKEN, refreshToken: env.VMCLOUD_REFRESH_TOKEN },
    { unlessSignedIn: true },
  );

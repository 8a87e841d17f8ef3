import { createVault, isVaultError, type VaultContext } from "tokenkeep/cloudflare";
import type { PasswordCredentials } from "tokenkeep/providers/password";

interface Env {
  readonly VMCLOUD_EMAIL: string;
  readonly VMCLOUD_PASSWORD: string;
}

export async function call(account: string, env: Env, ctx: VaultContext): Promise<Response> {
  const vault = createVault<PasswordCredentials>({ provider: "vmcloud", account, env, ctx });
  try {
    return await vault.fetch("https://api.vmcloud.com/v1/vms");
  } catch (error) {
    if (!isVaultError(error) || error.code !== "no_session") throw error;
    const credentials = { email: env.VMCLOUD_EMAIL, password: env.VMCLOUD_PASSWORD };
    await vault.signIn(credentials, { unlessSignedIn: true });
    return vault.fetch("https://api.vmcloud.com/v1/vms");
  }
}

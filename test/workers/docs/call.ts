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
    const code = isVaultError(error) ? error.code : undefined;
    // Nobody has signed in yet, or the session has ended.
    if (code !== "no_session" && code !== "sign_in_required") throw error;
    const credentials = { email: env.VMCLOUD_EMAIL, password: env.VMCLOUD_PASSWORD };
    await vault.signIn(credentials, { unlessSignedIn: true });
    return vault.fetch("https://api.vmcloud.com/v1/vms");
  }
}

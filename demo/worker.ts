/** A Worker that calls VMCloud for its visitors: with `wrangler.jsonc`, all there is to copy. */
import {
  createVault,
  defineTokenVault,
  isVaultError,
  type VaultContext,
} from "tokenkeep/cloudflare";
import { vmcloud } from "tokenkeep/providers/vmcloud";

type Env = Readonly<Record<"VMCLOUD_URL" | "VMCLOUD_EMAIL" | "VMCLOUD_PASSWORD", string>>;

// The demo's API is on this machine, without TLS. Yours is not: leave this out.
const local = { dangerouslyAllowLoopbackHttp: true };

export const TokenVault = defineTokenVault<Env>({
  providers: (env) => ({ vmcloud: vmcloud({ baseURL: env.VMCLOUD_URL }) }),
  ...local,
});

export default {
  async fetch(request: Request, env: Env, ctx: VaultContext): Promise<Response> {
    const account = new URL(request.url).searchParams.get("account") ?? "default";
    const vault = createVault({ provider: "vmcloud", account, env, ctx, ...local });
    const vms = `${env.VMCLOUD_URL}/v1/vms`;
    try {
      return await vault.fetch(vms);
    } catch (error) {
      if (!isVaultError(error) || !/no_session|sign_in_required/.test(error.code)) throw error;
      const credentials = { email: env.VMCLOUD_EMAIL, password: env.VMCLOUD_PASSWORD };
      await vault.signIn(credentials, { unlessSignedIn: true });
      return vault.fetch(vms);
    }
  },
};

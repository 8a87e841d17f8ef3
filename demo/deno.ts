/** A server for Deno that calls VMCloud. All processes on one database share one session. */
import { createVault, isVaultError } from "tokenkeep/deno";
import { vmcloud } from "tokenkeep/providers/vmcloud";

const env = (name: string): string => Deno.env.get(name) ?? "";

const vault = createVault({
  provider: vmcloud(),
  kv: await Deno.openKv(),
  keys: env("TOKENKEEP_KEYS"),
  cron: (refresh, signal) => Deno.cron("vmcloud tokens", "*/5 * * * *", { signal }, refresh),
});

/** Signs in where nobody has yet, or where the session has ended. */
const start = (): Promise<unknown> =>
  vault.getToken().catch((error: unknown) => {
    if (!isVaultError(error) || !/no_session|sign_in_required/.test(error.code)) throw error;
    return vault.signIn({ email: env("VMCLOUD_EMAIL"), password: env("VMCLOUD_PASSWORD") });
  });
await start().catch(() => {});

Deno.serve(async () => {
  try {
    await start();
    return await vault.fetch("https://api.vmcloud.com/v1/vms");
  } catch (error) {
    return new Response(isVaultError(error) ? error.code : "unreachable", { status: 502 });
  }
});

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
try {
  await vault.getToken();
} catch (error) {
  const code = isVaultError(error) ? error.code : undefined;
  // Nobody has signed in yet, or the session has ended.
  if (code === "no_session" || code === "sign_in_required")
    await vault.signIn({ email: env("VMCLOUD_EMAIL"), password: env("VMCLOUD_PASSWORD") });
}

Deno.serve(async () => {
  try {
    return await vault.fetch("https://api.vmcloud.com/v1/vms");
  } catch (error) {
    return new Response(isVaultError(error) ? error.code : "unreachable", { status: 502 });
  }
});

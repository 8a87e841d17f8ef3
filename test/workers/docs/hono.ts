import { createVault, type VaultContext } from "tokenkeep/cloudflare";

interface Context {
  readonly env: object;
  readonly executionCtx: VaultContext;
  readonly req: { param(name: string): string | undefined };
}

// const app = new Hono<{ Bindings: Env }>().get("/tenants/:tenant/vms", listVms);
export function listVms(c: Context): Promise<Response> {
  const account = c.req.param("tenant") ?? "";
  const vault = createVault({ provider: "vmcloud", account, env: c.env, ctx: c.executionCtx });
  return vault.fetch("https://api.vmcloud.com/v1/vms");
}

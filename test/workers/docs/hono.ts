import type { Context } from "hono";
import { getSignedCookie } from "hono/cookie";
import { createVault } from "tokenkeep/cloudflare";

interface Env {
  readonly COOKIE_SECRET: string;
}

// const app = new Hono<{ Bindings: Env }>().get("/vms", listVms);
export async function listVms(c: Context<{ Bindings: Env }>): Promise<Response> {
  // Never from the path, a header or the body: those are the caller's to choose.
  const account = await getSignedCookie(c, c.env.COOKIE_SECRET, "visitor");
  if (!account) return c.text("Sign in first", 401);
  const vault = createVault({ provider: "vmcloud", account, env: c.env, ctx: c.executionCtx });
  return vault.fetch("https://api.vmcloud.com/v1/vms");
}

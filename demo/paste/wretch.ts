import type { Vault } from "tokenkeep/browser";
import wretch from "wretch";
import { vaultMiddleware } from "tokenkeep/wretch";

export const clientOf = (vault: Vault<never>) =>
  wretch("https://api.vmcloud.com/v1").middlewares([vaultMiddleware(vault)]);

// clientOf(vault).get("/vms").json()

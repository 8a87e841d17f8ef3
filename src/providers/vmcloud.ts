/**
 * VMCloud: e-mail and password for a 24-hour token and a refresh token.
 *
 * @module
 */
import type { Provider, Renewal } from "../types.ts";
import { password, type PasswordCredentials } from "./password.ts";

export interface VmcloudOptions extends Partial<Renewal> {
  /** Where the API lives; `https://api.vmcloud.com` by default. */
  readonly baseURL?: string;
}

/**
 * The VMCloud API. Its page does not tell whether refresh tokens rotate: strict rotation is assumed,
 * the most careful case. Set `rotation` and `reuseWindow` where you know better.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/browser";
 * import { vmcloud } from "tokenkeep/providers/vmcloud";
 *
 * const vault = createVault({ provider: vmcloud() });
 * await vault.signIn({ email: "ada@example.com", password: "correct horse" });
 * const vms = await vault.fetch("https://api.vmcloud.com/v1/vms");
 * ```
 */
export function vmcloud({
  baseURL = "https://api.vmcloud.com",
  ...renewal
}: VmcloudOptions = {}): Provider<PasswordCredentials> {
  const base = baseURL.replace(/\/+$/, "");
  return password({
    // A day, as its page says.
    assumedLifetime: 86_400_000,
    ...renewal,
    name: "vmcloud",
    origins: [base],
    tokenUrl: base + "/api/v1/auth/token",
    refreshUrl: base + "/api/v1/auth/refresh",
    read: ({ token, expires_at, refresh_token }) => ({
      accessToken: token,
      // The page's is a text; a bare number could be anything.
      expiresAt: typeof expires_at === "string" ? expires_at : undefined,
      refreshToken: refresh_token,
    }),
  });
}

/**
 * VMCloud: e-mail and password for a 24-hour token and a refresh token.
 *
 * @module
 */
import type { Provider, Renewal } from "../types.ts";
import { password, type PasswordCredentials } from "./password.ts";

/** The options of {@link vmcloud}. */
export interface VmcloudOptions extends Partial<Renewal> {
  /** The address of the API and its token endpoints; `https://api.vmcloud.com` by default. */
  readonly baseURL?: string;
}

/**
 * The VMCloud API. Its page does not say whether refresh tokens rotate: strict rotation is assumed, the
 * most careful case. Set `rotation` and `reuseWindow` only if VMCloud has told you.
 *
 * `signIn` rejects with a `VaultError`: `credentials_refused`, `sign_in_failed`, and `invalid_option`
 * where there are no credentials.
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
      // The API's page shows a text; a bare number could be anything.
      expiresAt: typeof expires_at === "string" ? expires_at : undefined,
      refreshToken: refresh_token,
    }),
  });
}

/**
 * VMCloud: e-mail and password for a 24-hour token and a refresh token.
 *
 * @module
 */
import { check } from "../errors.ts";
import { atBase } from "../grant/base-url.ts";
import type { ReplyRules } from "../grant/outcome.ts";
import { ask } from "../grant/token-request.ts";
import { own } from "../guard/json.ts";
import type { Provider, RenewalOptions } from "../types.ts";
import type { PasswordCredentials } from "./password.ts";

/** The options of {@link vmcloud}. */
export interface VmcloudOptions extends RenewalOptions {
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
export function vmcloud(given: VmcloudOptions = {}): Provider<PasswordCredentials> {
  const { base, options } = atBase(given, "https://api.vmcloud.com");
  // A day, as its page says.
  const { rotation = "strict", reuseWindow, assumedLifetime = 86_400_000 } = options;
  return own<Provider<PasswordCredentials>>({
    name: "vmcloud",
    origins: [base],
    renewal: own({ rotation, reuseWindow, assumedLifetime }),
    async signIn(credentials, exchange) {
      check(credentials ?? undefined, "credentials");
      return ask({ url: base + "/api/v1/auth/token", body: credentials }, rules, exchange);
    },
    renew: ({ refreshToken }, exchange) =>
      ask(
        { url: base + "/api/v1/auth/refresh", body: { refresh_token: refreshToken } },
        rules,
        exchange,
      ),
  });
}

const rules: ReplyRules = own({
  read: ({ token, expires_at, refresh_token }) => ({
    accessToken: token,
    // The API's page shows a text; a bare number could be anything.
    expiresAt: typeof expires_at === "string" ? expires_at : undefined,
    refreshToken: refresh_token,
  }),
});

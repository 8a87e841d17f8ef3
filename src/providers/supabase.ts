/**
 * Supabase: a user of a project, by a password or by the code of a social login.
 *
 * @see https://supabase.com/docs/guides/auth/sessions
 * @module
 */
import { originAt } from "../grant/oauth-preset.ts";
import type { ReplyRules, TokenReply } from "../grant/outcome.ts";
import { given } from "../grant/secrets.ts";
import { own } from "../guard/json.ts";
import type { Provider, RenewalOptions } from "../types.ts";
import { bearer, password, type PasswordOptions } from "./password.ts";

/** What a sign-in takes. */
export type SupabaseCredentials =
  | { readonly email: string; readonly password: string }
  | { readonly phone: string; readonly password: string }
  /** The code that `/auth/v1/authorize` has sent the browser back with, and the verifier of that login. */
  | { readonly authCode: string; readonly codeVerifier: string };

/** The options of {@link supabase}. */
export interface SupabaseOptions
  extends RenewalOptions, Pick<PasswordOptions, "isRefusal" | "safe503"> {
  /** The project's address, `"https://abcdefghijklmnopqrst.supabase.co"`, or its custom domain. */
  readonly projectURL: string;
  /** The publishable key (`sb_publishable_…`, or the older anon key). It is no secret. */
  readonly publishableKey: string;
  /** Whether a sign-out ends this session or all of the user's; `"local"` by default. */
  readonly signOutScope?: "global" | "local";
}

/**
 * A Supabase project's APIs. Its pages say:
 *
 * - A refresh token is good once. It may come again for a reuse interval, ten seconds by default, and the parent
 *   of the active one at any time; any other that comes again ends the session ("User sessions"). `reuseWindow` is
 *   10,000 by default: say what your project has.
 * - Errors have a code, in `error_code` or, with newer versions of the API, in `code` ("Error codes"). The codes
 *   that tell of this session or these credentials refuse, and nothing else does: the gateway's 401 is about the
 *   key, and a 409 about too many refreshes at once.
 * - A sign-out ends all of the user's sessions unless its scope is `local` ("Signing out").
 *
 * The data API wants the key too, from you: `vault.fetch(url, { headers: { apikey } })`; so does `supabase-js`,
 * which takes tokens from `accessToken: () => vault.getToken()`. `snapshot().profile` is the reply's `user`.
 *
 * `signIn` rejects with a `VaultError`: `credentials_refused`, `sign_in_failed`, `invalid_option`.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/browser";
 * import { supabase } from "tokenkeep/providers/supabase";
 *
 * const projectURL = "https://abcdefghijklmnopqrst.supabase.co";
 * const apikey = "sb_publishable_4fK1";
 * const vault = createVault({ provider: supabase({ projectURL, publishableKey: apikey }) });
 * await vault.signIn({ email: "ada@example.com", password: "correct horse" });
 * const todos = await vault.fetch(`${projectURL}/rest/v1/todos`, { headers: { apikey } });
 * ```
 */
export function supabase(options: SupabaseOptions): Provider<SupabaseCredentials> {
  const { projectURL, publishableKey, signOutScope = "local" } = own(options);
  const { reuseWindow = 10_000, isRefusal = isRefused } = own(options);
  const origin = originAt(projectURL, "projectURL");
  const auth = `${origin}/auth/v1`;
  const by = (grantType: string): Provider<unknown> =>
    password<unknown>({
      ...options,
      reuseWindow,
      isRefusal,
      name: "supabase",
      origins: [origin],
      tokenUrl: `${auth}/token?grant_type=${grantType}`,
      refreshUrl: `${auth}/token?grant_type=refresh_token`,
      revokeUrl: `${auth}/logout?scope=${signOutScope}`,
      revoke: ({ accessToken }) => ({ headers: bearer(accessToken) }),
      headers: { apikey: publishableKey },
      read,
      write,
    });
  const [byPassword, byCode] = [by("password"), by("pkce")];
  return own<Provider<SupabaseCredentials>>({
    ...byPassword,
    async signIn(credentials, exchange) {
      const { signIn } = given(credentials, "authCode") === undefined ? byPassword : byCode;
      return signIn?.(credentials, exchange) ?? { type: "trouble" };
    },
  });
}

const read: ReplyRules["read"] = (body) => ({
  accessToken: body["access_token"],
  refreshToken: body["refresh_token"],
  expiresIn: body["expires_in"],
  profile: body["user"],
});

const write = (credentials: unknown): unknown => {
  const auth_code = given(credentials, "authCode");
  if (auth_code === undefined) return credentials;
  return { auth_code, code_verifier: given(credentials, "codeVerifier") };
};

const REFUSING: ReadonlySet<unknown> = new Set([
  ...["refresh_token_not_found", "refresh_token_already_used", "session_not_found"],
  ...["session_expired", "user_banned", "user_not_found", "invalid_credentials", "invalid_grant"],
  ...["email_not_confirmed", "phone_not_confirmed", "flow_state_not_found", "flow_state_expired"],
  "bad_code_verifier",
]);

const isRefused = ({ body = {} }: TokenReply): boolean =>
  [body["error_code"], body["code"], body["error"]].some((code) => REFUSING.has(code));

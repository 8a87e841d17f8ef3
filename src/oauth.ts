/**
 * The page's part of OAuth 2.0 and OpenID Connect: begins a login by redirect or popup, and completes it. The vault
 * gets the tokens, wherever it runs: in the page, in a worker, or on a server.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep/browser";
 * import { beginSignIn, completeSignIn } from "tokenkeep/oauth";
 * import { oauth2 } from "tokenkeep/providers/oauth2";
 *
 * const client = { issuer: "https://login.acme.example", clientId: "acme-web", scope: "openid" };
 * const origins = ["https://api.acme.example"];
 * const vault = createVault({ provider: oauth2({ ...client, name: "acme", origins }) });
 *
 * const { type } = await completeSignIn(client, vault);
 * if (type === "none" && vault.snapshot().status === "signed-out") await beginSignIn(client);
 * ```
 *
 * @module
 */
export { isVaultError, VaultError, type VaultErrorCode, type VaultErrorReason } from "./errors.ts";
export { beginSignIn, type BeginOptions } from "./oauth/begin.ts";
export type { OAuthClient, OAuthEndpoints } from "./oauth/client.ts";
export {
  type CodeCredentials,
  completeSignIn,
  type SignInOutcome,
  type SignsIn,
} from "./oauth/complete.ts";
export { type PopupOptions, type PopupOutcome, signInByPopup } from "./oauth/popup.ts";
export type { LoginOptions } from "./oauth/authorization-request.ts";
export { beginSignOut, type SignOutOptions, type SignsOut } from "./oauth/sign-out.ts";
export { createStepUp, type StepUp, type StepUpOptions, type Steps } from "./oauth/step-up.ts";
export { type Asks, readUserInfo } from "./oauth/user-info.ts";

/**
 * A Worker that calls five APIs for its visitors. Copy `worker-apis.ts`, `worker-visitor.ts` and
 * `wrangler.jsonc`, too.
 */
import {
  createVault,
  defineTokenVault,
  isVaultError,
  type VaultContext,
} from "tokenkeep/cloudflare";
import { calls, type Env as ApiEnv, providers } from "./worker-apis.ts";
import { visitorOf, type VisitorEnv } from "./worker-visitor.ts";

type Env = ApiEnv & VisitorEnv;

// The demo's APIs are on this machine, without TLS, and it may be busy. Yours are not: leave this out.
const local = { dangerouslyAllowLoopbackHttp: true, patience: 100_000 };

export const TokenVault = defineTokenVault<Env>({ providers, ...local });

export default {
  async fetch(request: Request, env: Env, ctx: VaultContext): Promise<Response> {
    const account = await visitorOf(request, env);
    if (!account) return new Response("Sign in first", { status: 401 });
    const provider = new URL(request.url).searchParams.get("api") ?? "vmcloud";
    const known = calls(env);
    const call = Object.hasOwn(known, provider) ? known[provider] : undefined;
    if (!call) return new Response("There is no such API", { status: 404 });

    const vault = createVault({ provider, account, env, ctx, ...local });
    const signInFirst = async (error: unknown): Promise<Response> => {
      const code = isVaultError(error) ? error.code : "";
      if (!/no_session|sign_in_required/.test(code)) throw error;
      await vault.signIn(call.credentials, { unlessSignedIn: true });
      return vault.fetch(call.url);
    };
    const giveUp = (error: unknown): Response =>
      new Response(isVaultError(error) ? error.code : "unreachable", { status: 502 });
    return vault.fetch(call.url).catch(signInFirst).catch(giveUp);
  },
};

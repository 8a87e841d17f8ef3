import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { createVault } from "tokenkeep/cloudflare";

export interface Pretence {
  readonly sent: readonly Request[];
  end(): void;
}

/** Signs an account in with a token of the test's, and answers in the API's place. */
export async function pretend(
  { env, account = "default" }: { readonly env: object; readonly account?: string },
  answer: (request: Request) => Response,
): Promise<Pretence> {
  const sent: Request[] = [];
  const platform = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    sent.push(request);
    return answer(request);
  };
  const ctx = createExecutionContext();
  const vault = createVault({ provider: "vmcloud", account, env, ctx });
  await vault.adopt({ accessToken: "token-of-the-test" });
  await waitOnExecutionContext(ctx);
  return {
    sent,
    end() {
      globalThis.fetch = platform;
    },
  };
}

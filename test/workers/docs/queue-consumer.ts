import { createVault, isVaultError, type VaultContext } from "tokenkeep/cloudflare";

interface Message {
  readonly body: { readonly account: string; readonly path: string };
  ack(): void;
  retry(options?: { delaySeconds?: number }): void;
}

export async function queue(
  batch: { readonly messages: readonly Message[] },
  env: object,
  ctx: VaultContext,
): Promise<void> {
  for (const message of batch.messages) {
    const { account, path } = message.body;
    const vault = createVault({ provider: "vmcloud", account, env, ctx });
    try {
      const { ok } = await vault.fetch(`https://api.vmcloud.com${path}`);
      if (ok) message.ack();
      else message.retry();
    } catch (error) {
      if (!isVaultError(error)) throw error;
      // Nobody is signed in, or the token endpoint is in trouble: later.
      message.retry({ delaySeconds: Math.ceil((error.retryAfter ?? 60_000) / 1000) });
    }
  }
}

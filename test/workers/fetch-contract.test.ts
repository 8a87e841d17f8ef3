/** `vault.fetch` of a Worker, whose tokens come by RPC from a Durable Object: the same contract. */
import { createExecutionContext } from "cloudflare:test";
import { afterEach, inject } from "vitest";
import { createVault } from "../../src/cloudflare.ts";
import type { VaultOptions } from "../../src/index.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import type { Vault, VaultEvent } from "../../src/vault/vault.ts";
import { fetchContract } from "../contracts/fetch.ts";
import { otherEnv } from "./strict-vmcloud.ts";
import { hooks, providers } from "./tested-worker.ts";

let count = 0;
afterEach(() => {
  hooks.onEvent = undefined;
});

function make({ provider }: VaultOptions<PasswordCredentials>): Vault<PasswordCredentials> {
  const name = `contract-${++count}`;
  providers[name] = provider as never;
  const vault = createVault<PasswordCredentials>({
    provider: name,
    account: name,
    env: { ...otherEnv(), TOKEN_CACHE: undefined },
    ctx: createExecutionContext(),
    dangerouslyAllowLoopbackHttp: true,
  });
  return {
    ...vault,
    events(listener: (event: VaultEvent) => void) {
      // The object of the test before this one may still be trying. To the contract each is the default.
      hooks.onEvent = (event) =>
        event.account === name && listener({ ...event, account: "default" });
      return () => (hooks.onEvent = undefined);
    },
    snapshot: vault.state,
    close() {},
  } as unknown as Vault<PasswordCredentials>;
}

fetchContract({
  title: " through a Durable Object",
  control: inject("control"),
  streams: true,
  departs: ["types"],
  make,
});

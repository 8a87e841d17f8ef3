/** The vault, in both ways in which it sends; its storage and its lock are counted. */
import { createVault } from "../../src/index.ts";
import { localLock } from "../../src/locks/local.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Lock, TokenStore, VaultOptions } from "../../src/types.ts";
import { createVaultWith } from "../../src/vault/vault.ts";
import type { Contender } from "./contender.ts";

type Credentials = { readonly email: string; readonly password: string };

/** How often storage and lock have been asked for anything. */
export const touched = { times: 0 };

function counting<T extends TokenStore | Lock>(of: T): T {
  const counted = Object.entries(of).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === "function"
      ? (...args: unknown[]): unknown => {
          touched.times++;
          return value(...args);
        }
      : value,
  ]);
  return Object.fromEntries(counted) as T;
}

const vault = (title: string, create: typeof createVaultWith<Credentials>): Contender => ({
  title,
  ours: true,
  async over(fetch_, baseURL) {
    const options: VaultOptions<Credentials> = {
      provider: vmcloud(baseURL === undefined ? {} : { baseURL }),
      store: counting(memoryStore()),
      lock: counting(localLock()),
      fetch: fetch_,
      dangerouslyAllowLoopbackHttp: true,
      // The look at the record that comes every 30 s by default is not what is measured.
      maxStaleness: 3_600_000,
    };
    const { signIn, fetch } = create(options);
    await signIn({ email: "ada@example.com", password: "correct horse" });
    return fetch;
  },
});

/** The core follows redirects by itself, as in Node; what browsers get leaves them to the platform. */
export const ours: readonly Contender[] = [
  vault("tokenkeep, following", createVault),
  vault("tokenkeep, native", createVaultWith),
];

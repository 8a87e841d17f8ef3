/** One account in a worker: its vault, and the news that pages have not heard yet. */
import type { Engine } from "../refresh/contract.ts";
import { createBareTeller } from "../request/bare.ts";
import type { Policy } from "../request/policy.ts";
import type { VaultOptions } from "../types.ts";
import type { Vault } from "../vault/contract.ts";
import { createOwnedVault } from "../vault/vault.ts";
import { createUnheard, type Unheard, type UnheardParts } from "./unheard.ts";

export interface Account extends Pick<Unheard, "news"> {
  readonly vault: Vault<unknown>;
  /** The vault's own engine, for questions that the vault does not answer. */
  readonly engine: Engine;
  /** The session of the token that was given last: the salt of endpoints for requests without a token. */
  session?: string | undefined;
  /** Tells that a page's request goes out without a token. */
  tellBare(address: string): void;
}

/** What all accounts of a worker have in common. */
export interface AccountParts extends Omit<UnheardParts, "vault" | "session"> {
  readonly settings: VaultOptions<unknown>;
  readonly policy: Policy;
}

export function createAccount(
  account: string,
  { settings, policy, ...worker }: AccountParts,
): Account {
  const { vault, engine } = createOwnedVault<unknown>({ ...settings, account });
  const session = (): string | undefined => engine.state().session?.sessionId;
  const { note, news } = createUnheard({ vault, session, ...worker });
  return {
    vault,
    engine,
    tellBare: createBareTeller({
      policy,
      onBare: (origin) => note({ type: "bare", account, origin }),
    }),
    news,
  };
}

/** One account in a worker: its vault, and the news that pages have not heard yet. */
import type { Engine } from "../refresh/contract.ts";
import { createBareTeller } from "../request/bare.ts";
import type { Policy } from "../request/policy.ts";
import type { VaultOptions } from "../types.ts";
import type { Vault } from "../vault/contract.ts";
import { createOwnedVault } from "../vault/vault.ts";
import { watchWork } from "../vault/under-way.ts";
import type { Nudge } from "./signs.ts";
import { createUnheard, type Unheard, type UnheardParts } from "./unheard.ts";

export interface Account extends Pick<Unheard, "news"> {
  readonly vault: Vault<unknown>;
  /** The vault's own engine, for questions that the vault does not answer. */
  readonly engine: Engine;
  /** The session of the token that was given last: the salt of endpoints for requests without a token. */
  session?: string | undefined;
  /** All that it has is in the store. */
  readonly isDone: () => boolean;
  /** Tells that a page's request goes out without a token. */
  tellBare(address: string): void;
}

/** What all accounts of a worker have in common. */
export interface AccountParts extends Omit<UnheardParts, "vault" | "session" | "nudge"> {
  readonly nudge: Nudge;
  readonly settings: VaultOptions<unknown>;
  readonly policy: Policy;
}

export function createAccount(
  account: string,
  { settings, policy, nudge, ...worker }: AccountParts,
): Account {
  const { vault, engine } = createOwnedVault<unknown>({ ...settings, account });
  const session = (): string | undefined => engine.state().session?.sessionId;
  const { note, news } = createUnheard({ vault, session, nudge: () => nudge(account), ...worker });
  return {
    vault,
    engine,
    isDone: watchWork(vault),
    tellBare: createBareTeller({
      policy,
      onBare: (origin) => note({ type: "bare", account, origin }),
    }),
    news,
  };
}

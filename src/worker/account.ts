/** One account in a worker: its vault, and what pages have not heard of it yet. */
import type { Engine } from "../refresh/contract.ts";
import type { VaultOptions } from "../types.ts";
import { createVaultWith, type Snapshot, type Vault, type VaultEvent } from "../vault/vault.ts";
import type { Question, State } from "./protocol.ts";

/** How many events a page may miss between two questions. */
const KEPT_EVENTS = 50;

export interface Account {
  readonly vault: Vault<never>;
  /** The vault's own, for what no vault shows. */
  readonly engine: Engine;
  /** Whose token was given last: the salt for endpoints of requests that have none yet. */
  session?: string | undefined;
  look(): void;
  /** A page's request goes to that origin without a token, because none may go there. */
  tellBare(origin: string): void;
  /**
   * What a page that has `seen` so much has not seen yet; `worker` is the same for all. Where there is
   * nothing, a page that asks how things stand is told so: it may have lost its way to this worker.
   */
  news(
    seen: Question["seen"],
    worker: Pick<State, "lock" | "isolated">,
    isAsked: boolean,
  ): State | undefined;
}

/** What all accounts of a worker have in common. */
export interface AccountParts {
  /** This worker, from its start to its end. */
  readonly owner: string;
  /** Numbers all that pages may hear, so that an account which was let go begins where it left off. */
  readonly count: () => number;
  readonly settings: VaultOptions<never>;
  readonly nudge: () => void;
}

export function createAccount(
  name: string,
  { owner, count, settings, nudge }: AccountParts,
): Account {
  let look = (): void => {};
  let engine!: Engine;
  const vault = createVaultWith<never>(
    {
      ...settings,
      account: name,
      onWake(listener) {
        look = listener;
        globalThis.addEventListener?.("online", listener);
        const stop = settings.onWake?.(listener);
        return () => {
          globalThis.removeEventListener?.("online", listener);
          stop?.();
        };
      },
    },
    undefined,
    (own) => (engine = own),
  );
  let seq = count();
  let snapshot: Snapshot | undefined;
  let changedAt = 0;
  let events: { seq: number; event: VaultEvent }[] = [];

  function show(): void {
    if (snapshot === (snapshot = vault.snapshot())) return;
    changedAt = seq = count();
    nudge();
  }
  vault.subscribe(show);
  function tell(event: VaultEvent): void {
    events = [...events.slice(1 - KEPT_EVENTS), { seq: (seq = count()), event }];
    nudge();
  }
  vault.events(tell);

  return {
    vault,
    engine,
    look: () => look(),
    tellBare: (origin) => tell({ type: "bare", account: name, origin }),
    news(seen, worker, isAsked) {
      show();
      const since = !seen ? seq : seen.owner === owner ? seen.seq : 0;
      if (seen && since === seq && !isAsked) return undefined;
      return {
        ...worker,
        owner,
        seq,
        news: [
          ...(!seen || changedAt > since ? [{ seq: changedAt, snapshot }] : []),
          ...events.filter((one) => one.seq > since),
        ],
      };
    },
  };
}

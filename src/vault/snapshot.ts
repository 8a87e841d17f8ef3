/** A session as a page may show it: never a token. */
import { shownClaims } from "../guard/claims.ts";
import { own } from "../guard/json.ts";
import { profileIn } from "../guard/profile.ts";
import type { Engine, EngineState } from "../refresh/contract.ts";
import type { AccessToken, Provider } from "../types.ts";
import type { Snapshot, Vault } from "./contract.ts";
import type { Listeners } from "./listeners.ts";

export function snapshotOf(
  { session, status, persisted }: EngineState,
  { account, claims }: Pick<Snapshot, "account" | "claims">,
): Snapshot {
  const { issuedAt, refreshAt, generation, tokenSet, profile } = own({ ...session });
  return {
    status,
    account,
    persisted,
    issuedAt,
    refreshAt,
    expiresAt: tokenSet?.expiresAt,
    generation,
    scope: tokenSet?.scope,
    claims,
    profile: profileIn(profile),
  };
}

interface SnapshotParts {
  readonly engine: Pick<Engine, "look" | "state">;
  readonly listeners: Pick<Listeners, "join">;
  readonly provider: Pick<Provider, "showsClaims">;
  readonly account: string;
}

/** Makes a snapshot when something has changed, and gives the same one until then. */
export function createSnapshots(parts: SnapshotParts): Pick<Vault, "snapshot" | "subscribe"> {
  const { engine, listeners, provider, account } = parts;
  let shown: Snapshot | undefined;
  let shownToken: AccessToken | undefined;

  function snapshot(): Snapshot {
    const state = engine.state();
    const { token, status, persisted } = state;
    if (shown?.status !== status || shown.persisted !== persisted || shownToken !== token) {
      shownToken = token;
      const claims = shownClaims(provider, token?.accessToken);
      shown = Object.freeze(snapshotOf(state, { account, claims }));
    }
    return shown;
  }

  return {
    snapshot,
    subscribe(listener) {
      let known = snapshot();
      listener(known);
      if (known.status === "loading") void engine.look();
      return listeners.join(() => {
        const next = snapshot();
        // News that were on their way when this listener joined are no news to it.
        if (known === next) return;
        known = next;
        listener(next);
      });
    },
  };
}

/** A session as a page may show it: never a token. */
import type { EngineState } from "../refresh/contract.ts";
import { own } from "../guard/json.ts";
import { profileIn } from "../guard/profile.ts";
import type { Snapshot } from "./vault.ts";

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

/** Revokes grants that no context serves any more: best effort, and nobody waits for it (RFC 7009). */
import { shortHash } from "../guard/hash.ts";
import type { Provider, TokenSet } from "../types.ts";
import type { Exchanges } from "./exchange.ts";
import type { Knowledge } from "./knowledge.ts";
import type { Mind } from "./mind.ts";
import { type Hold, holdOpen } from "./waiting.ts";

export interface RevokingParts {
  readonly provider: Provider;
  readonly mind: Mind;
  readonly exchanges: Exchanges;
  readonly hold: Hold | undefined;
  readonly isClosed: () => boolean;
}

/** The same token may have been adopted twice, and one of the two sessions has ended. */
function isInUse(
  { session, changes }: Knowledge,
  { accessToken, refreshToken }: TokenSet,
): boolean {
  const begun = changes.flatMap((change) => (change.type === "begin" ? [change.session] : []));
  return [session, ...begun].some(
    (one) =>
      one?.tokenSet.accessToken === accessToken ||
      (refreshToken !== undefined && one?.tokenSet.refreshToken === refreshToken),
  );
}

export function createRevoking(parts: RevokingParts): (tokenSet: TokenSet) => void {
  const { provider, mind, exchanges } = parts;
  /** Hashes of the tokens that were revoked here: two ways may lead to one token. */
  const revoked = new Set<string>();

  return (tokenSet) => {
    const name = shortHash(tokenSet.refreshToken ?? tokenSet.accessToken);
    if (!provider.revoke || parts.isClosed() || revoked.has(name)) return;
    if (isInUse(mind.known, tokenSet)) return;
    revoked.add(name);
    holdOpen(
      exchanges.run(async (io) => provider.revoke?.(tokenSet, io)),
      parts.hold,
    );
  };
}

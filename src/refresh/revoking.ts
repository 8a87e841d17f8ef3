/** Revokes grants that no context serves any more: best effort (RFC 7009). */
import { shortHash } from "../guard/hash.ts";
import { own } from "../guard/json.ts";
import { createRecent } from "../guard/recent.ts";
import type { Provider, TokenSet } from "../types.ts";
import type { Exchanges } from "./exchange.ts";
import type { Knowledge } from "./knowledge.ts";
import { type Hold, holdOpen } from "./lock-and-timer.ts";
import type { Mind } from "./mind.ts";

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

/** Resolves when the server has answered, or cannot be heard; at once where there is nothing to revoke. */
export type Revoke = (tokenSet: TokenSet, ends?: RevokingEnds) => Promise<unknown>;

/** Why a token is revoked. */
export interface RevokingEnds {
  /** By a sign-out, which was asked for before its vault was closed: the server hears of it all the same. */
  readonly isSignedOut: boolean;
}

export interface Revoking {
  readonly revoke: Revoke;
  /** Resolves when all has been answered that was asked by now. */
  settled(): Promise<unknown>;
}

/** How many revocations are remembered: a context may live for years. */
const MOST = 256;

export function createRevoking(parts: RevokingParts): Revoking {
  const { provider, mind, exchanges } = parts;
  /** By the tokens' hashes, because two ways may lead to one token. */
  const revoked = createRecent<Promise<unknown>>(MOST);
  const underWay = new Set<Promise<unknown>>();

  async function revoke(tokenSet: TokenSet, ends?: RevokingEnds): Promise<unknown> {
    const { isSignedOut = false } = own({ ...ends });
    const name = shortHash(tokenSet.refreshToken ?? tokenSet.accessToken);
    const before = revoked.peek(name);
    if (before) return before;
    const isOver = parts.isClosed() && !isSignedOut;
    if (!provider.revoke || isOver || isInUse(mind.known, tokenSet)) return undefined;
    const asked = exchanges.run(async (io) => provider.revoke?.(tokenSet, io), {
      outlives: isSignedOut,
    });
    // What the server says is nobody's, and not to be kept.
    const answered = asked.then(() => undefined);
    underWay.add(answered);
    void answered.then(() => underWay.delete(answered));
    revoked.set(name, answered);
    holdOpen(answered, parts.hold);
    return answered;
  }

  return { revoke, settled: () => Promise.all(underWay) };
}

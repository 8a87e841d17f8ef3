/** Judges how sessions begin and end: P4, P19 to P21, F46. */
import type { Begun, Context, Facts } from "./facts.ts";
import { bodyOf } from "./record.ts";
import type { Granted, Grants } from "./server.ts";
import type { Place } from "./world.ts";

/** What was under way when a vault was closed: an exchange, and two answers of the store, in waking time. */
const FINISH = 35_000;

export interface Ends {
  /** Watches a sign-in or an adoption. */
  begin(context: Context, user: string): { resolved(): void; rejected(): void };
  signOut(place: Place): { resolved(): void; rejected(): void };
  remove(place: Place, account: string): { resolved(): void };
  revokeRequest(place: Place, token: string): void;
  /** When everything is calm and settled. */
  final(): void;
}

export function judgeEnds(facts: Facts): Ends {
  const { world, server, scenario, violate } = facts;
  const revokes = scenario.provider === "password";

  /** Whether a closed vault has had its time to finish what was under way. */
  const hasHadTime = ({ closedAt, disturbedAt }: Place): boolean =>
    world.now() > Math.max(closedAt, disturbedAt) + FINISH;

  facts.stores.onBegin.push((place) => {
    const { closedAt, wasIdle } = place;
    if (wasIdle && world.now() > closedAt)
      violate("P21.store", "F44: a closed vault begins a look");
    if (hasHadTime(place)) violate("P21.store", "F44: a closed vault reads on");
  });

  /**
   * Whether a sign-out or a removal may have ended what this sign-in began. One that was asked for before has only
   * clocks to tell it from what came later.
   */
  const mayBeEnded = ({ place, startedAt }: Begun): boolean =>
    [...facts.tried].some(
      ([other, at]) =>
        facts.isNeighbour(other, place) && (facts.isClockUnsure || at >= startedAt - 1),
    ) || facts.removals.some((one) => facts.isNeighbour(place, one) && one.settledAt >= startedAt);

  facts.stores.onWrite.push((place, _, next) => {
    if (!next?.tombstone || facts.hasEvicted) return;
    const [grants] = [...facts.sessionByGrants].find(([, id]) => id === next.sessionId) ?? [];
    const op = facts.opOf(grants);
    // By a cookie another account may have found what this sign-in began: its own sign-outs end that.
    const mayBeFound = scenario.provider === "cookie";
    const isEnded = op && (mayBeEnded(op) || (mayBeFound && mayBeEnded({ ...op, place })));
    if (op && !isEnded)
      violate(
        "P19.ended",
        `F41: context ${place.id} has ended a session that nobody signed out of`,
      );
  });

  /**
   * Whether something else may have taken this sign-in's place: it ended no earlier than this began. One whose
   * context was frozen before it was written has only clocks to be told by, too: an earlier session may look later.
   */
  const isReplaced = (op: Begun): boolean =>
    facts.hasEvicted ||
    facts.begun.some(
      (other) =>
        other !== op &&
        facts.isNeighbour(other.place, op.place) &&
        (other.settledAt >= op.startedAt || (facts.isClockUnsure && wasFrozen(op))),
    ) ||
    mayBeEnded(op);

  const wasFrozen = ({ place, startedAt }: Begun): boolean => place.disturbedAt >= startedAt;

  function begin({ place, vault }: Context, user: string): { resolved(): void; rejected(): void } {
    const op: Begun = {
      place,
      user,
      startedAt: world.now(),
      settledAt: Infinity,
      isResolved: false,
    };
    facts.begun.push(op);
    return {
      resolved() {
        op.settledAt = world.now();
        op.isResolved = true;
        const standing = bodyOf(facts.recordOf(place))?.tokenSet.accessToken ?? "";
        const isStored = server.byAccess.get(standing)?.grants.user === user;
        if (!isStored && vault.snapshot().persisted && !isReplaced(op))
          violate("P19.sign-in", "F40: a sign-in resolved, and its session stands nowhere");
      },
      rejected() {
        op.settledAt = world.now();
      },
    };
  }

  function signOut(place: Place): { resolved(): void; rejected(): void } {
    const known = facts.signedOut.get(place) ?? new Set();
    const found = facts.recordOf(place);
    const id = found?.tombstone ? undefined : found?.sessionId;
    const isHeard = id !== undefined && !!facts.heard.get(place)?.has(id);
    // What this context has served is ended too, wherever it is stored by then.
    for (const served of facts.heard.get(place) ?? []) known.add(served);
    // Of a session that is not known here, only clocks tell that it did not begin after this.
    const isLater = !isHeard && (bodyOf(found)?.startedAt ?? 0) > facts.wallOf(place);
    if (id !== undefined && !isLater) known.add(id);
    facts.signedOut.set(place, known);
    facts.tried.set(place, world.now());
    return {
      resolved() {
        const now = facts.recordOf(place);
        if (isHeard && now?.sessionId === id && !now.tombstone)
          violate("P19.sign-out", "F41: a sign-out resolved and left no tombstone");
      },
      /** A sign-out that failed and did not know the session has told so; nothing is promised. */
      rejected() {
        if (id !== undefined && !isHeard) known.delete(id);
      },
    };
  }

  function remove(place: Place, account: string): { resolved(): void } {
    const { device } = place;
    const removal = { by: place, device, account, startedAt: world.now(), settledAt: Infinity };
    facts.removals.push(removal);
    const found = facts.recordOf(removal);
    // What it does not hold, it tells by clocks alone from what began after it: one may have been set back.
    const isLater = (bodyOf(found)?.startedAt ?? 0) > facts.wallOf(place);
    const isHeard = !!facts.heard.get(place)?.has(found?.sessionId ?? "");
    const id = isLater && !isHeard ? undefined : found?.sessionId;
    for (const context of facts.contexts)
      if (facts.isNeighbour(context.place, removal)) facts.tried.set(context.place, world.now());
    return {
      resolved() {
        removal.settledAt = world.now();
        const now = facts.recordOf(removal);
        if (id !== undefined && now?.sessionId === id && !now.tombstone)
          violate("P19.sign-out", "an account was removed, and its session stands");
      },
    };
  }

  /** A grant that arrived is stored, or outdone by a higher attempt's, or its session is over. */
  function judgeArrivals(): void {
    for (const [index, { place, access, attempt, at }] of facts.arrivals.entries()) {
      const granted = server.byAccess.get(access);
      if (!granted || facts.sessionByAccess.has(access) || place.isCrashed) continue;
      // What lived in memory alone was spent by the next refresh there.
      const isSucceeded = facts.arrivals.some(
        (other, later) =>
          later > index &&
          other.place === place &&
          server.byAccess.get(other.access)?.grants === granted.grants,
      );
      if (isSucceeded) continue;
      const context = facts.contexts.find((one) => one.place === place);
      const isMarked = context && !context.vault.snapshot().persisted;
      // A closed vault has its deadline, and no more, to reach a store that was away.
      if (isMarked || (place.closedAt < Infinity && isStoreBad())) continue;
      const id = facts.sessionByGrants.get(granted.grants);
      const found = facts.recordOf(place);
      const isCurrent = found?.sessionId === id && !found?.tombstone;
      const body = bodyOf(found);
      // A vault that was closed meanwhile begins no revocation (P21).
      const mayRevoke = revokes && place.closedAt > Math.max(at, place.disturbedAt) + FINISH;
      // Outdone by the grant of a higher attempt, while the session lasted.
      if ((facts.attempts.get(id ?? "") ?? -1) > attempt) continue;
      if (id !== undefined && isCurrent && body) {
        if (body.attempt <= attempt && !body.refused && attempt < Infinity)
          violate("P20.dropped", `${access} reached context ${place.id} and was dropped`);
      } else if (mayRevoke && isOrphan(granted) && !isRevoked(granted.grants, granted.seq)) {
        violate("P20.revoked", `${access} reached context ${place.id} and was not revoked`);
      }
    }
  }

  /** Without rotation a refresh brings no new refresh token that nobody would know of. */
  const isOrphan = ({ isRenewed }: Granted): boolean => !isRenewed || scenario.rotation !== "none";

  const isStoreBad = (): boolean =>
    scenario.faults.storeFail > 0 ||
    scenario.faults.storeLost > 0 ||
    facts.stores.rules.over > 0 ||
    world.places.some(
      ({ storeUpAt, storeDown, storeRefuses }) => storeUpAt || storeDown || storeRefuses,
    );

  /** By one of these tokens, or a later one: not every server ends a grant by a token that was spent before. */
  const isRevoked = (grants: Grants, since = 0): boolean =>
    facts.revokes.some(({ token }) => {
      const granted = server.byRefresh.get(token) ?? server.byAccess.get(token);
      return granted?.grants === grants && granted.seq >= since;
    });

  /** A session that somebody signed out of is revoked by that context, each of its tokens once. */
  function judgeRevocations(): void {
    const counts = new Map<string, number>();
    for (const { place, token } of facts.revokes) {
      const name = `${place.id} ${token}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    if ([...counts.values()].some((count) => count > 1))
      violate("F46.revocation", "a token was revoked twice by one context");
    for (const [id, { place }] of facts.ended) {
      const isGone = place.isCrashed || place.closedAt < Infinity;
      const grants = [...facts.sessionByGrants].find(([, session]) => session === id)?.[0];
      if (!isGone && grants && !isRevoked(grants))
        violate("F46.revocation", "a sign-out revoked nothing");
    }
  }

  /** Others would wait for an exchange that a closed vault does not make. */
  function judgeIntent(place: Place): void {
    const body = bodyOf(facts.recordOf(place));
    const { attemptId = "", ended } = body?.intent ?? {};
    const { closedAt = Infinity, isCrashed } = facts.intentBy.get(attemptId) ?? {};
    const isGone = closedAt === Infinity || isCrashed || ended || isStoreBad() || facts.hasGoneBack;
    if (isGone || facts.refreshOf(body) === undefined || facts.sentSince(attemptId).length > 0)
      return;
    violate("P21.intent", "a closed vault left an intent behind that it has sent nothing for");
  }

  return {
    begin,
    signOut,
    remove,
    revokeRequest(place, token) {
      facts.revokes.push({ at: world.now(), place, token });
      if (world.now() <= place.closedAt) return;
      const hasEnded = facts.tried.has(place) || facts.removals.some(({ by }) => by === place);
      if (!hasEnded || hasHadTime(place))
        violate("P21.revoked", "F47: a closed vault began a revocation");
      const found = facts.recordOf(place);
      const stored = found?.tombstone ? undefined : bodyOf(found)?.tokenSet;
      // What a sign-out from before has ended is told, though its store is away (S14).
      const isSignedOut = facts.signedOut.get(place)?.has(found?.sessionId ?? "");
      if (!isSignedOut && (stored?.refreshToken === token || stored?.accessToken === token))
        violate("P21.revoked", "F47: a closed vault revoked what is stored");
    },
    final() {
      judgeArrivals();
      if (revokes) judgeRevocations();
      for (const { place } of facts.contexts) judgeIntent(place);
      for (const [place, ids] of facts.signedOut) {
        const found = facts.recordOf(place);
        const isGone = place.isCrashed || place.closedAt < Infinity || facts.hasGoneBack;
        if (!isGone && found && !found.tombstone && ids.has(found.sessionId))
          violate("P4.stands", "F41: a session that was signed out stands in the store");
      }
    },
  };
}

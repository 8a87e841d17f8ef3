/** Judges every write of a record at the moment at which it takes effect: P3 to P6, P15, P18, P19. */
import type { StoredRecord } from "../../src/types.ts";
import type { Begun, Facts } from "./facts.ts";
import { type Body, bodyOf } from "./record.ts";
import type { Granted } from "./server.ts";
import type { Place } from "./world.ts";

const LONGEST_COOL_DOWN = 300_000;

interface Write {
  readonly place: Place;
  readonly key: string;
  readonly next: StoredRecord;
  readonly after: Body;
  readonly previous: StoredRecord | undefined;
  /** The body before, where it is the same session's. */
  readonly before: Body | undefined;
  readonly given: Granted;
}

export function judgeRecords(facts: Facts): void {
  const { world, server, scenario, violate } = facts;
  /** What has ever been written of a session. */
  const highest = new Map<string, { readonly revision: number; readonly generation: number }>();
  const seqOf = new Map<string, number>();

  /**
   * How many grants of higher attempts have come here than the stored one: one write takes them all. Where no
   * attempt is known, because what is sent is no refresh token, those that have come since it was stored.
   */
  function waitingFor({ place, next, after, before, given }: Write): number {
    if (!before || after.tokenSet.accessToken === before.tokenSet.accessToken) return 0;
    const committed = facts.committedAt.get(next.sessionId + before.generation) ?? -Infinity;
    const here = facts.arrivals.filter(
      ({ place: from, access, attempt, at }) =>
        from === place &&
        (attempt < Infinity ? attempt > before.attempt : at >= committed) &&
        server.byAccess.get(access)?.grants === given.grants,
    );
    return here.length;
  }

  function judgeNumbers(write: Write): void {
    const { next, after, previous, before } = write;
    const isSame = previous?.sessionId === next.sessionId;
    const past = highest.get(next.sessionId) ?? { revision: 0, generation: 0 };
    // A jump only takes back what an eviction had lost.
    const most = Math.max(previous?.revision ?? 0, isSame ? past.revision : 0) + 1;
    if (previous && (next.revision <= previous.revision || next.revision > most))
      violate("P3.revision", `revision ${previous.revision} was followed by ${next.revision}`);
    if (before && after.generation < before.generation)
      violate("P3.generation", "the generation went back");
    const grants = Math.max(1, waitingFor(write));
    if (before && after.generation > Math.max(before.generation + grants, past.generation))
      violate("P3.generation", "the generation jumped");
    highest.set(next.sessionId, {
      revision: Math.max(past.revision, next.revision),
      generation: Math.max(past.generation, after.generation),
    });
  }

  /** A refresh that time demands waits longer after the last one than a 401's. */
  function judgeFloor({ place, next, after, before }: Write): void {
    if (!before || !after.intent || before.intent) return;
    const committed = facts.committedAt.get(next.sessionId + before.generation);
    if (committed === undefined || before.renewedAt === undefined) return;
    const { accessToken } = before.tokenSet;
    const { signedBy, at } = server.byAccess.get(accessToken) ?? {};
    // What is signed here arrives by no reply, and may have lived in memory alone before it was written.
    const arrived = signedBy
      ? { place: signedBy, at }
      : facts.arrivals.find(({ access }) => access === accessToken);
    // Where clocks cannot be trusted, it may be as old as this context's last look without it.
    const isOwn = arrived?.place === place;
    const notBefore = place.notBefore.get(next.sessionId + before.generation) ?? -Infinity;
    const isUnsure = facts.isClockUnsure && !isOwn;
    const life = (before.tokenSet.expiresAt ?? Infinity) - before.issuedAt;
    const is401 = after.intent.causedBy !== undefined;
    const floor = is401 ? 5_000 : Math.min(60_000, life / 10);
    const known = isUnsure ? notBefore : Math.min(committed, arrived?.at ?? Infinity);
    const since = world.now() - known;
    if (since < floor - 5)
      violate("P15.floor", `a refresh began ${since} ms after the last one, floor ${floor} ms`);
  }

  function judgeClearing({ next, after, before }: Write): void {
    if (!before?.intent || after.intent || after.generation !== before.generation) return;
    facts.changedAt.set(next.sessionId, world.now());
    const token = facts.refreshOf(before);
    const { attemptId, repeated } = before.intent;
    const isByCookie = scenario.provider === "cookie";
    const isClosed = (facts.intentBy.get(attemptId)?.closedAt ?? Infinity) <= world.now();
    // A closed vault takes back what it has not sent, where no earlier attempt may have sent it.
    const mayBeUnsent = isByCookie || (isClosed && !repeated);
    const since = facts.sentSince(attemptId);
    if (mayBeUnsent && since.length === 0) return;
    if (after.refused || token === undefined) return;
    const last = facts.presented.get(token)?.at(-1);
    if (!after.coolDown)
      violate("P5.cleared", "an intent was cleared by something that is no commit and no refusal");
    // The jar may hold the cookie of somebody who has signed in since, and whose page is gone.
    else if (isByCookie ? since.some(({ isUnprocessed }) => !isUnprocessed) : !last?.isUnprocessed)
      violate("P5.cleared", "an intent was cleared though the token may have been processed");
  }

  function judgeGrant({ place, key, next, after, previous, before, given }: Write): void {
    const isByCookie = scenario.provider === "cookie";
    if (isByCookie && after.tokenSet.refreshToken !== undefined)
      violate("P6.mixed", "a cookie's refresh token in the record");
    const past = before && server.byAccess.get(before.tokenSet.accessToken);
    if (past && past.grants.user !== given.grants.user)
      violate("P6.mixed", "a session got another user's token");
    if (given.refresh !== facts.refreshOf(after))
      violate("P6.mixed", "the access token of one grant with the refresh token of another");
    const op = facts.opOf(given.grants);
    const isAnothers = op !== undefined && facts.keyOf(op.place.account) !== key;
    if (isAnothers && !isAskedFor(given, place) && !isNobodys(op))
      violate("S11.account", "one account's token in another's record");
    const name = next.sessionId + after.generation;
    if (previous?.sessionId !== next.sessionId) {
      facts.committedAt.set(name, world.now());
      judgeOrder(next, previous, given, place);
      judgeRestored(given, place);
    } else if (before && after.generation > before.generation) {
      facts.commits.push({ at: world.now(), place });
      facts.committedAt.set(name, world.now());
      if (scenario.rotation === "strict" && given.seq < (seqOf.get(next.sessionId) ?? 0))
        violate("P6.order", "what the server gave last was overwritten by what it gave before");
    }
    seqOf.set(next.sessionId, Math.max(given.seq, seqOf.get(next.sessionId) ?? 0));
  }

  /** A session takes another's place: not one that a later sign-in, or a removal, had ended. */
  function judgeOrder(
    next: StoredRecord,
    previous: StoredRecord | undefined,
    given: Granted,
    place: Place,
  ): void {
    const op = facts.opOf(given.grants);
    if (!op || facts.isClockUnsure || facts.hasEvicted) return;
    const other = facts.begun.find(
      ({ user }) =>
        previous?.body !== undefined &&
        server.byAccess.get(bodyOf(previous)?.tokenSet.accessToken ?? "")?.grants.user === user,
    );
    if (other && op.settledAt < other.startedAt - 1)
      violate("P19.earlier", `session ${next.sessionId} took the place of a later sign-in's`);
    const isRemoved = facts.removals.some(
      ({ device, account, startedAt, settledAt }) =>
        facts.isNeighbour(place, { device, account }) &&
        op.settledAt < startedAt - 1 &&
        settledAt < world.now(),
    );
    if (isRemoved) violate("P4.removed", "F49: a removed account came back by a retry");
  }

  /** Who had this cookie has left, no server could be told, and somebody asks for whatever cookie is there. */
  function isAskedFor({ grants }: Granted, { device }: Place): boolean {
    const left = facts.left.get(grants);
    if (scenario.provider !== "cookie" || scenario.hasLogout || left?.device !== device)
      return false;
    return (facts.soughtUntil.get(device) ?? -1) >= left.at;
  }

  /** A page has died before it could say whose the new cookie is: who finds it takes it for a stranger's. */
  const isNobodys = ({ place, isResolved }: Begun): boolean =>
    scenario.provider === "cookie" && place.isCrashed && !isResolved;

  /** Whoever has left is signed in again by no look, though the cookie is there: only where it is asked for. */
  function judgeRestored(given: Granted, place: Place): void {
    const isLeft = facts.left.get(given.grants)?.device === place.device;
    if (scenario.provider !== "cookie" || !isLeft || facts.hasEvicted) return;
    if (!isAskedFor(given, place))
      violate("P4.restored", "who had signed out was signed in again by the cookie");
  }

  /** `Retry-After` is a promise that the cool-down keeps, up to its cap. */
  function judgeCoolDown({ place, after, before, next }: Write): void {
    const { coolDown } = after;
    if (!coolDown || coolDown.until === before?.coolDown?.until) return;
    facts.changedAt.set(`${next.sessionId} cool`, world.now());
    const last = facts.presented.get(facts.refreshOf(after) ?? "")?.at(-1);
    if (!last?.retryAfter || last.place !== place || facts.isClockUnsure) return;
    const wanted = Math.min(last.retryAfter, LONGEST_COOL_DOWN);
    const got = coolDown.until - facts.wallOf(place) + (world.now() - last.heardAt);
    if (got < wanted - 5) violate("P18.retry-after", `${got} ms instead of ${wanted}`);
  }

  facts.stores.onWrite.push((place, key, next, previous) => {
    if (!next) return;
    if (next.tombstone) {
      if (!facts.ended.has(next.sessionId))
        facts.ended.set(next.sessionId, { at: world.now(), place });
      for (const [grants, sessionId] of facts.sessionByGrants)
        if (sessionId === next.sessionId)
          facts.left.set(grants, { device: place.device, at: world.now() });
      return;
    }
    if (facts.ended.has(next.sessionId))
      violate("P4.back", "F24: a session came back after its sign-out");
    const after = bodyOf(next);
    if (!after) return violate("P3.body", "a record without a body");
    const given = server.byAccess.get(after.tokenSet.accessToken);
    if (!given) return violate("P6.unknown", "an access token that nobody gave");
    const before = previous?.sessionId === next.sessionId ? bodyOf(previous) : undefined;
    const write = { place, key, next, after, previous, before, given };
    judgeNumbers(write);
    judgeFloor(write);
    judgeClearing(write);
    judgeCoolDown(write);
    judgeGrant(write);
    if (after.refused && !before?.refused)
      facts.changedAt.set(`${next.sessionId} refused`, world.now());
  });
}

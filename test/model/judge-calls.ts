/** Judges what applications see: P4, P7, P9 to P11, P16, P17, F33, F103. */
import type { VaultEvent } from "../../src/vault/vault.ts";
import type { Facts } from "./facts.ts";
import type { Call } from "./network.ts";
import { bodyOf } from "./record.ts";
import { MAX_STALENESS, PATIENCE } from "./scenario.ts";
import type { Place } from "./world.ts";

export interface Calling {
  apiRequest(call: Call, place: Place, access: string): void;
  event(place: Place, event: VaultEvent): void;
  failed(call: Call, code: string): void;
  settled(call: Call): void;
  allSettled(calls: readonly Call[]): void;
  /** What a call in a calm world must bring, from what the server and the record know. */
  expectation(place: Place): "200" | "any";
  /** Whether it has failed because another session stands by now: its 401 is the answer then (F103). */
  isOfEarlier(call: Call): boolean;
  /** How often it may be made anew until it brings that. */
  triesOf(place: Place): number;
}

/** What a call may take beside its patience and its requests: an answer that is just under way. */
const LEEWAY = 2_000;
/** How much longer each thaw makes a limit wait, so that what arrived meanwhile is heard first. */
const THAW = 1_100;

export function judgeCalls(facts: Facts): Calling {
  const { world, server, scenario, violate } = facts;
  const { pace, over, lag } = facts.stores.rules;
  /** The longest that a read of the store takes here. */
  const longestRead = (pace || over ? 20_000 : 10_000) + lag;
  const refusedEvents = new Map<string, number>();
  /** The generation that a place has sent last, by session. */
  const served = new Map<string, { readonly generation: number; readonly at: number }>();

  /** A token that is used long after its session has ended elsewhere. */
  function judgeEnd(place: Place, session: string): void {
    if (facts.signedOut.get(place)?.has(session))
      violate("P4.here", "a token after the sign-out made here");
    const end =
      facts.ended.get(session)?.at ?? (facts.recordOf(place) ? undefined : facts.gone.get(session));
    // Counted from the last look, whose answer takes its time too.
    const isLong = (since: number): boolean => world.now() - since > MAX_STALENESS + longestRead;
    if (end === undefined || !isLong(end) || !isLong(place.disturbedAt)) return;
    // Out of reach just now: what memory holds is served (P16, F59).
    if ([...place.pending].some(({ askedAt }) => world.now() - askedAt >= 4_990)) return;
    if (place.storeDown || !isLong(place.storeUpAt) || scenario.faults.storeFail || over) return;
    violate("P4.elsewhere", "a token long after a sign-out elsewhere");
  }

  function judgeGeneration(place: Place, session: string, access: string): void {
    const generation = facts.generationByAccess.get(access);
    if (generation === undefined) return;
    const name = `${place.id} ${session}`;
    const last = served.get(name);
    if (last && generation < last.generation && world.now() > last.at)
      violate("F33.lower", `generation ${generation} after ${last.generation} in one context`);
    if (!last || generation >= last.generation) served.set(name, { generation, at: world.now() });
  }

  /** Who signed in here is served, and nobody who was there before. */
  function judgeOwner(place: Place, access: string): void {
    const op = facts.opOf(server.byAccess.get(access)?.grants);
    const last = facts.begun.findLast((one) => one.place === place && one.isResolved);
    if (!op || !last || op.settledAt >= last.startedAt - 1 || facts.hasEvicted) return;
    // What waits for its store and knew of no record has only clocks to tell what came before it.
    if (facts.isClockUnsure) return;
    const isOver =
      (facts.tried.get(place) ?? -Infinity) >= last.startedAt ||
      server.all.some(({ user, isRevoked }) => user === last.user && isRevoked);
    if (!isOver) violate("P19.served", "F40: who was signed in before the last sign-in is served");
  }

  /** The cookie has become somebody else's: beside the vault, or by a page that died before it could store. */
  function isStrangers(place: Place): boolean {
    if (scenario.script.some(({ command }) => command.type === "outside")) return true;
    const held = server.byRefresh.get(server.jars.get(place.device) ?? "");
    const stored = server.byAccess.get(bodyOf(facts.recordOf(place))?.tokenSet.accessToken ?? "");
    const isUnstored = !!held && !facts.sessionByGrants.has(held.grants);
    return isUnstored && !!stored && held.grants.user !== stored.grants.user;
  }

  /** Whether the server has refused a session of this account, or one that nobody knows any more. */
  const isRefusedHere = (place: Place): boolean =>
    [...server.refused].some((grants) => {
      const op = facts.opOf(grants);
      // A browser has one jar for all accounts.
      const isJars = scenario.provider === "cookie" && grants?.device === place.device;
      return !op || isJars || facts.isNeighbour(op.place, place);
    });

  /** A sign-in was asked for: by a refusal, and not before the access token had ended. */
  function judgeAsking({ place, accesses, startedAt }: Call): void {
    if (!isRefusedHere(place) && !isStrangers(place))
      violate("P17.asked", "F13: a sign-in was asked for, though the server never refused");
    const found = facts.recordOf(place);
    const stored = bodyOf(found);
    const access = stored?.tokenSet.accessToken ?? "";
    const given = server.byAccess.get(access);
    const isKnown = facts.heardAt.get(`${place.id} ${found?.sessionId}`) ?? Infinity;
    if (!stored?.refused || !given || accesses.length > 0 || facts.rejected.has(access)) return;
    if (isKnown > startedAt || facts.signedOut.has(place) || facts.hasEvicted) return;
    const context = facts.contexts.find((one) => one.place === place);
    if (!context?.vault.snapshot().persisted || facts.isClockUnsure) return;
    const isGood = server.isGood(access) && world.now() < given.diesAt - 30_000;
    if (isGood)
      violate("P9.serves", "F36: a sign-in was asked for while the access token was good");
  }

  /** Nobody is signed in, says a context: is it so, and may it say so? */
  function judgeAbsence({ place, startedAt }: Call): void {
    const isUntouched =
      !facts.ended.size && !facts.gone.size && !facts.signedOut.size && !facts.removals.length;
    const found = facts.recordOf(place);
    if (!bodyOf(found) || !isUntouched) return;
    const heardAt = facts.heardAt.get(`${place.id} ${found?.sessionId}`);
    if (heardAt !== undefined && heardAt < startedAt)
      violate("P16.gone", "F58: no session, though this context knows one");
    // A store that shows the past may show a context that comes anew what was before the sign-in.
    if (lag && !facts.heard.has(place)) return;
    const since = facts.stoodSince.get(found?.sessionId ?? "") ?? Infinity;
    // A look that was under way may still tell what was before the sign-in.
    if (world.now() - since > longestRead)
      violate("P16.gone", "F58: no session, though the store has one");
  }

  /** A token that has ended, by the record and the clock here, is a reason to refresh, and is sent nowhere. */
  function judgePast(place: Place, access: string): void {
    const late = facts.wallOf(place) - (facts.endByAccess.get(access) ?? Infinity);
    if (late > 0) violate("P15.past", `${access} was sent ${late} ms past its end`);
  }

  /** One patience for a call, both of its waits together. */
  function judgeTime(call: Call): void {
    const { place } = call;
    if (call.isProxied) return;
    const took = world.now() - call.startedAt - (place.frozenFor - call.frozenBefore);
    const most = PATIENCE + call.travel + LEEWAY + THAW * (place.freezes - call.freezesBefore);
    if (took > most)
      violate("P10.late", `F51: a call took ${Math.round(took)} ms of ${Math.round(most)} ms`);
  }

  /** Whether somebody has asked to sign out here, and nobody has signed in since. */
  function isSignedOutSince(place: Place): boolean {
    const at = facts.tried.get(place);
    if (at === undefined) return false;
    const access = bodyOf(facts.recordOf(place))?.tokenSet.accessToken ?? "";
    const op = facts.opOf(server.byAccess.get(access)?.grants);
    return !op || facts.isClockUnsure || op.startedAt <= at + 1;
  }

  return {
    apiRequest(call, place, access) {
      // What a proxy sends is its owner's: the owner's own calls are judged.
      if (call.isProxied) return;
      const context = facts.contexts.find((other) => other.place === place);
      if (world.now() > place.closedAt) violate("P21.request", "a closed vault sent a request");
      if (!facts.sessionByAccess.has(access) && context?.vault.snapshot().persisted)
        violate("P7.unstored", "F9: a token was served before it was stored, and not marked so");
      judgeOwner(place, access);
      judgePast(place, access);
      const session = facts.sessionOf(access);
      if (session === undefined) return;
      if (!call.bodies.length) judgeGeneration(place, session, access);
      judgeEnd(place, session);
    },
    event(place, { type, sessionId }) {
      if (sessionId !== undefined) {
        facts.heard.set(place, (facts.heard.get(place) ?? new Set()).add(sessionId));
        const name = `${place.id} ${sessionId}`;
        if (!facts.heardAt.has(name)) facts.heardAt.set(name, world.now());
      }
      // A store that does not compare may bring an ended session back, earlier than it was known here:
      // SECURITY.md (P4, P19). Of what a context knows it still never goes back.
      if (type === "signed-out" && !facts.stores.rules.isAtomic)
        served.delete(`${place.id} ${sessionId}`);
      if (type === "unpersisted" && sessionId !== undefined)
        facts.unpersisted.set(place, { sessionId, at: world.now() });
      if (type !== "refused") return;
      const name = `${place.id} ${sessionId}`;
      const count = (refusedEvents.get(name) ?? 0) + 1;
      refusedEvents.set(name, count);
      if (count > 1) violate("P9.twice", "one refusal, several events");
    },
    failed(call, code) {
      const { place } = call;
      if (code === "sign_in_required") judgeAsking(call);
      if (code === "no_session" && !place.storeDown) judgeAbsence(call);
    },
    settled(call) {
      const { bodies, accesses } = call;
      judgeTime(call);
      if (bodies.length > 2) violate("P11.sends", "a call was sent more than twice");
      if (new Set(bodies).size > 1) violate("P11.bytes", "the second send had other bytes");
      if (bodies.length < 2) return;
      if (accesses[0] === accesses[1])
        violate("P11.same", "F19: a call was sent again with the very token that was rejected");
      const [first, second] = accesses.map((access) => server.byAccess.get(access)?.grants);
      if (first !== second) violate("F103.crossed", "a call went out under two sessions");
    },
    allSettled(calls) {
      const open = calls.filter(
        ({ place, isProxied, settledAt }) =>
          !place.isCrashed && !isProxied && settledAt === undefined,
      );
      if (open.length) violate("P10.open", `${open.length} calls never settled`);
      facts.check();
    },
    isOfEarlier({ place, code, status, accesses: [access = ""] }) {
      if (code === "session_changed") return true;
      return status === 401 && facts.sessionOf(access) !== facts.recordOf(place)?.sessionId;
    },
    triesOf(place) {
      const stored = bodyOf(facts.recordOf(place));
      const given = server.byAccess.get(stored?.tokenSet.accessToken ?? "");
      // A store of seconds may use up one call's patience; what it has got by then serves the next.
      const isSlow = pace !== undefined;
      // Where nobody knows how an exchange ended, the first 401 is not yet the token's end (step 8), and where
      // exchanges take seconds, the wait for that one's end and the next one are more than one patience.
      const mayTakeLong = scenario.rotation !== "none" || scenario.tokenTime !== undefined;
      const isUnknown = mayTakeLong && stored?.intent !== undefined;
      // A token that ended less than a minute after its commit: time waits that long for the next refresh
      // (P15), and a 401 may cost its endpoint a pause (P13).
      const name = `${facts.recordOf(place)?.sessionId}${stored?.generation}`;
      const committed = facts.committedAt.get(name) ?? given?.at ?? 0;
      const isShort = given && Math.min(given.deadAt, given.diesAt) - committed < 60_000;
      if (isSlow || isUnknown || isShort) return 4;
      // How old a token is that was signed elsewhere, a clock that is off cannot tell: its endpoint's first 401s
      // may look as if refreshing did not help.
      return scenario.provider === "self-signed" && facts.isClockUnsure ? 4 : 1;
    },
    expectation(place) {
      const found = facts.recordOf(place);
      const stored = bodyOf(found);
      if (!found || !stored || facts.ended.has(found.sessionId) || stored.refused) return "any";
      // A store that shows the past may still show what stood there before.
      const since = facts.stoodSince.get(found.sessionId) ?? -Infinity;
      if (lag && world.now() - since <= longestRead) return "any";
      if (scenario.endpoints[0]?.kind === "bad" || isSignedOutSince(place)) return "any";
      // Two contexts that both refresh end each other's tokens.
      if (!facts.stores.rules.isAtomic && scenario.killsOld) return "any";
      // Devices that end each other's sessions may stand in a pause.
      if (scenario.devices > 1) return "any";
      // Its own sign-in, which the store did not take, replaces what the record says.
      const context = facts.contexts.find((one) => one.place === place);
      if (!context?.vault.snapshot().persisted) return "any";
      const given = server.byAccess.get(stored.tokenSet.accessToken);
      if (!given || given.grants.isRevoked) return "any";
      if (scenario.provider === "self-signed" && !scenario.showsDate && facts.isClockUnsure)
        return "any";
      const held = scenario.provider === "cookie" ? server.jars.get(place.device) : given.refresh;
      const known = held === undefined ? undefined : server.byRefresh.get(held);
      // Without the cookie, or with another user's, nothing can be renewed.
      if (scenario.provider === "cookie" && known?.grants !== given.grants) return "any";
      const isSpendable = scenario.rotation === "none" || known?.usedAt === undefined;
      const isAlive =
        server.isGood(given.access) &&
        facts.wallOf(place) < (stored.tokenSet.expiresAt ?? Infinity) - 25_000;
      return isSpendable || isAlive ? "200" : "any";
    },
  };
}

/** What must hold in every schedule: P1 to P18 of the refresh protocol, each check under its number. */
import type { RecordHead, StoredRecord } from "../../src/types.ts";
import type { VaultEvent } from "../../src/vault/vault.ts";
import type { Server } from "./server.ts";
import type { Call, Context, Scenario } from "./simulation.ts";
import { bodyOf, EPOCH, type Place, Violation, type World } from "./world.ts";

const MAX_STALENESS = 60_000;
/** The longest that a read of the store takes here. */
const STORE = 10_000;
const SETTLE = 20_000 + 2 * 15_000;

interface Presentation {
  readonly at: number;
  readonly place: Place;
  unprocessed: boolean;
  over: () => boolean;
}

export function createInvariants(
  world: World,
  server: Server,
  scenario: Scenario,
  contexts: readonly Context[],
) {
  let first: unknown;
  let clockStepped = false;
  let evicted = false;
  let wentBack = false;
  const written: StoredRecord[] = [];
  let coolDownAt = -Infinity;
  const presented = new Map<string, Presentation[]>();
  /** By tombstone. */
  const ended = new Map<string, number>();
  /** By eviction: it reads as signed out, and only its own maker may write it again. */
  const gone = new Map<string, number>();
  const signedOut = new Map<Place, Set<string>>();
  /** Contexts in which somebody has asked to sign out. */
  const tried = new Set<Place>();
  /** The sessions that a context has told of. */
  const heard = new Map<Place, Set<string>>();
  /** What a context has told that it could not store. */
  const unpersisted = new Map<Place, { readonly sessionId: string; readonly at: number }>();
  const refusedEvents = new Map<string, number>();
  const committedAt = new Map<string, number>();
  const commits: { readonly at: number; readonly place: Place }[] = [];
  const seqOf = new Map<string, number>();
  /** What has ever been written of a session. */
  const highest = new Map<string, { readonly revision: number; readonly generation: number }>();
  let lastExchange: Presentation | undefined;

  /** What cannot be had of a store that broke its word: who sees a spent token there may send it. */
  const isExcused = (text: string): boolean =>
    wentBack &&
    (/^(P[2-9] |P15 a refresh|P16 |P18 )/.test(text) ||
      (scenario.rotation !== "none" && text.startsWith("P17 ")));

  function violate(text: string): void {
    if (!isExcused(text)) first ??= new Violation(text);
  }
  const record = (): StoredRecord | undefined => [...world.records.values()][0];
  const now = (place: Place): number => EPOCH + Math.floor(world.now() + place.offset);
  /** By the family, so that a token that was never stored is known for its session's too. */
  const sessionOf = (access: string): string | undefined =>
    sessionByFamily.get(server.byAccess.get(access)?.family);
  const sessionByFamily = new Map<unknown, string>();
  const sessionByAccess = new Map<string, string>();

  // Every write is judged at the moment at which it takes effect.
  world.onWrite.push((place, _key, next, previous) => {
    if (next) written.push(next);
    const before = bodyOf(previous);
    const after = bodyOf(next);
    if (!next) return;
    if (next.tombstone) {
      ended.set(next.sessionId, world.now());
      return;
    }
    if (ended.has(next.sessionId)) violate("P4 F24 a session came back after its sign-out");
    if (!after) return violate("P3 a record without a body");
    const same = previous?.sessionId === next.sessionId;
    // A jump only takes back what an eviction had lost.
    const past = highest.get(next.sessionId) ?? { revision: 0, generation: 0 };
    if (
      previous &&
      (next.revision <= previous.revision ||
        next.revision > Math.max(previous.revision, same ? past.revision : 0) + 1)
    )
      violate(`P3 revision ${previous.revision} was followed by ${next.revision}`);
    highest.set(next.sessionId, {
      revision: Math.max(past.revision, next.revision),
      generation: Math.max(past.generation, after.generation),
    });
    if (same && before) {
      if (after.generation < before.generation) violate("P3 the generation went back");
      if (after.generation > Math.max(before.generation + 1, past.generation))
        violate("P3 the generation jumped");
      const since = now(place) - (before.renewedAt ?? -Infinity);
      if (after.intent && !before.intent && since >= 0 && since < 60_000 && !clockStepped)
        violate("P15 a refresh began too soon after the last one");
      const cleared = before.intent && !after.intent;
      const unprocessed = after.coolDown && after.generation === before.generation;
      if (cleared && after.generation === before.generation && !after.refused && !unprocessed)
        violate("P5 an intent was cleared by something that is no commit and no refusal");
      if (cleared && unprocessed && !lastReplyWasUnprocessed(before.tokenSet.refreshToken))
        violate("P5 an intent was cleared though the token may have been processed");
    }
    const given = server.byAccess.get(after.tokenSet.accessToken);
    if (!given) return violate("P6 an access token that nobody gave");
    sessionByAccess.set(given.access, next.sessionId);
    sessionByFamily.set(given.family, next.sessionId);
    if (given.refresh !== after.tokenSet.refreshToken)
      violate("P6 the access token of one grant with the refresh token of another");
    if (!same) committedAt.set(next.sessionId + after.generation, world.now());
    if (same && before && after.generation > before.generation) {
      commits.push({ at: world.now(), place });
      committedAt.set(next.sessionId + after.generation, world.now());
      const seq = seqOf.get(next.sessionId) ?? 0;
      if (scenario.rotation === "strict" && given.seq < seq)
        violate("P6 what the server gave last was overwritten by what it gave before");
    }
    if (after.coolDown && after.coolDown.until !== before?.coolDown?.until)
      coolDownAt = world.now();
    seqOf.set(next.sessionId, Math.max(given.seq, seqOf.get(next.sessionId) ?? 0));
  });

  function lastReplyWasUnprocessed(token: string | undefined): boolean {
    return !!presented.get(token ?? "")?.at(-1)?.unprocessed;
  }

  /** Whether it is at least as long ago as a peer's claim may take. */
  const settledSince = (at: number): boolean => world.now() - at > 1_200;

  /** Whether a context holds what followed this token, and could not store it. */
  function holdsNext({ place, vault }: Context, id: string, generation: number): boolean {
    const held = unpersisted.get(place);
    return (
      held?.sessionId === id &&
      settledSince(held.at) &&
      vault.snapshot().generation! > generation &&
      !vault.snapshot().persisted
    );
  }

  /** Another live context, undisturbed for a second, that could have claimed this token. */
  function couldClaim(place: Place, token: string, id: string, generation: number): boolean {
    return contexts.some(
      (context) =>
        context.place !== place &&
        !context.place.crashed &&
        !context.place.frozen &&
        settledSince(context.place.disturbedAt) &&
        (holdsNext(context, id, generation) ||
          presented
            .get(token)
            ?.some(
              (past) => past.place === context.place && !past.over() && settledSince(past.at),
            )),
    );
  }

  return {
    report: (error: unknown): void => {
      first ??= error;
    },
    check(): void {
      if (first !== undefined) throw first;
    },
    clockStep(_place: Place, by: number): void {
      clockStepped ||= by !== 0;
    },
    evict(): void {
      evicted = true;
      const found = record();
      if (found) gone.set(found.sessionId, world.now());
      world.records.clear();
    },
    /** The store has lost the last writes, and shows what the session was before. */
    goBack(): void {
      const [key, found] = [...world.records][0] ?? [];
      const earlier = written.filter(
        ({ sessionId, revision }) =>
          sessionId === found?.sessionId && revision < found.revision && !found.tombstone,
      );
      if (!earlier.length) return;
      wentBack = true;
      world.records.set(key!, earlier[Math.floor(world.random() * earlier.length)]!);
    },
    /** Answers with what to do if the sign-out fails. */
    signOut(place: Place): () => void {
      const known = signedOut.get(place) ?? new Set();
      const id = record()?.sessionId;
      if (id !== undefined) known.add(id);
      signedOut.set(place, known);
      tried.add(place);
      return () => {
        if (id !== undefined && !heard.get(place)?.has(id)) known.delete(id);
      };
    },

    /** Judged in the task in which the engine calls `fetch` with a refresh token. */
    tokenRequest(place: Place, isSignIn: boolean, body: string): void {
      // What is in flight next is nobody's presentation.
      lastExchange = undefined;
      if (isSignIn) return;
      const { refresh_token: token } = JSON.parse(body) as { refresh_token: string };
      const past = presented.get(token) ?? [];
      const entry: Presentation = {
        at: world.now(),
        place,
        unprocessed: false,
        over: () => false,
      };
      lastExchange = entry;
      presented.set(token, [...past, entry]);
      const found = record();
      const stored = bodyOf(found);
      const given = server.byRefresh.get(token);
      if (!given) return violate("P2 a refresh token that nobody gave");
      if (!stored || stored.tokenSet.refreshToken !== token) {
        // Superseded: only inside the second in which the fence's answer was on its way. A session
        // that lives in memory alone has no record.
        const alone = ![...sessionByAccess.keys()].includes(given.access);
        const since = found && stored ? committedAt.get(found.sessionId + stored.generation) : 0;
        if (!alone && !evicted && !found?.tombstone && world.now() - (since ?? 0) > 1_100)
          violate("P8 a token was sent after the record had moved on");
      } else {
        // Without rotation the token is the same after a commit: the fence's answer was on its way.
        const since = committedAt.get(found!.sessionId + stored.generation) ?? -Infinity;
        const overtaken = scenario.rotation === "none" && world.now() - since <= 1_100;
        if (!stored.intent && !overtaken) violate("P5 a byte left before the intent was durable");
        if (stored.refused) violate("P9 a refused refresh token was sent again");
        const { coolDown } = stored;
        // A fence's answer that was on its way does not know of one that was just set.
        const isNew = world.now() - coolDownAt <= 1_100;
        if (coolDown && !isNew && !clockStepped && coolDown.until > now(place))
          violate("P18 F14 a request inside the shared cool-down");
      }
      const loaded = sessionByAccess.has(given.access);
      if (place.storeDown && world.now() - place.storeDownAt > 10_000 && loaded)
        violate("P16 a refresh of a loaded session without its store");
      if (scenario.rotation === "none" || !past.length) return;
      if (past.every(({ unprocessed }) => unprocessed)) return;
      const firstUse = Math.min(...past.filter((use) => !use.unprocessed).map(({ at }) => at));
      if (
        scenario.rotation === "window" &&
        (clockStepped || world.now() - firstUse < scenario.reuseWindow)
      )
        return;
      if (!stored || stored.tokenSet.refreshToken !== token) return;
      const { expiresAt = Infinity } = stored.tokenSet;
      if (!stored.rejected && now(place) < expiresAt)
        violate("P2 a replay while the access token was still good");
      if (scenario.channel && couldClaim(place, token, found!.sessionId, stored.generation))
        violate("P2 a replay though a live peer held the exchange, or what it brought");
    },
    unprocessed(token: string): void {
      const entry = presented.get(token)?.at(-1);
      if (entry) entry.unprocessed = true;
    },
    /** Watches that an exchange does not outlive its deadline. */
    exchange(place: Place, isOver: () => boolean): () => void {
      let aborted = false;
      const entry = lastExchange;
      const over = (): boolean => aborted || isOver() || place.crashed;
      if (entry) entry.over = over;
      const startedAt = world.now();
      world.schedule(undefined, 17_500, () => {
        if (!over() && place.disturbedAt < startedAt && !place.frozen)
          violate("P10 an exchange outlived its deadline");
      });
      return () => {
        aborted = true;
      };
    },
    /** Judged when a token is used. */
    apiRequest(place: Place, access: string): void {
      const context = contexts.find((other) => other.place === place);
      if (!sessionByAccess.has(access) && context?.vault.snapshot().persisted)
        violate("P7 F9 a token was served before it was stored, and not marked so");
      const session = sessionOf(access);
      if (session === undefined) return;
      if (signedOut.get(place)?.has(session)) violate("P4 a token after the sign-out made here");
      const end = ended.get(session) ?? (record() ? undefined : gone.get(session));
      if (
        end !== undefined &&
        // Counted from the last look, whose answer takes its time too.
        world.now() - end > MAX_STALENESS + STORE &&
        world.now() - place.disturbedAt > MAX_STALENESS + STORE &&
        !place.storeDown &&
        world.now() - place.storeUpAt > MAX_STALENESS + STORE &&
        !scenario.faults.storeFail
      )
        violate("P4 a token long after a sign-out elsewhere");
    },
    event(place: Place, event: VaultEvent): void {
      if (event.sessionId !== undefined)
        heard.set(place, (heard.get(place) ?? new Set()).add(event.sessionId));
      if (event.type === "unpersisted" && event.sessionId !== undefined)
        unpersisted.set(place, { sessionId: event.sessionId, at: world.now() });
      if (event.type !== "refused") return;
      const name = `${place.id} ${event.sessionId}`;
      const count = (refusedEvents.get(name) ?? 0) + 1;
      refusedEvents.set(name, count);
      if (count > 1) violate("P9 one refusal, several events");
    },
    failed(place: Place, code: string): void {
      const found = record();
      const stored = bodyOf(found);
      if (code === "sign_in_required" && !server.refusals())
        violate("P17 F13 a sign-in was asked for, though the server never refused");
      if (
        code === "no_session" &&
        stored &&
        !ended.size &&
        !gone.size &&
        !signedOut.size &&
        !place.storeDown
      )
        violate("P16 no session, though the store has one");
    },
    settled(call: Call): void {
      const frozen = call.place.frozenFor - call.frozenBefore;
      const took = world.now() - call.startedAt - frozen;
      if (took > SETTLE + 4 * 5_000) violate(`P10 a call took ${took} ms`);
      if (call.bodies.length > 2) violate("P11 a call was sent more than twice");
      if (new Set(call.bodies).size > 1) violate("P11 the second send had other bytes");
      if (call.bodies.length === 2 && call.generations[0] === call.generations[1])
        violate("F19 a call was sent again with the very token that was rejected");
    },
    allSettled(calls: readonly Call[]): void {
      const open = calls.filter(
        ({ place, settledAt }) => !place.crashed && settledAt === undefined,
      );
      if (open.length) violate(`P10 ${open.length} calls never settled`);
      this.check();
    },
    /** What a call in a calm world must bring, from what the server and the record know. */
    expectation(place: Place): "200" | "any" {
      const found = record();
      const stored = bodyOf(found);
      if (!stored || ended.has(found!.sessionId) || stored.refused || scenario.always401)
        return "any";
      if (tried.has(place)) return "any";
      // Its own sign-in, which the store did not take, replaces what the record says.
      if (!contexts.find((context) => context.place === place)!.vault.snapshot().persisted)
        return "any";
      // By its clock, the last refresh may be too recent: the breaker, or a clock that was set back.
      const since = now(place) - (stored.renewedAt ?? -Infinity);
      if (since >= 0 && since < 60_000 * 2 ** Math.max(0, (stored.strikes ?? 0) - 1)) return "any";
      const given = server.byAccess.get(stored.tokenSet.accessToken);
      if (!given || given.family.revoked) return "any";
      const known = server.byRefresh.get(given.refresh);
      const spendable = scenario.rotation === "none" || known?.usedAt === undefined;
      const alive =
        server.accepts(given.access) &&
        !stored.rejected &&
        now(place) < (stored.tokenSet.expiresAt ?? Infinity) - 25_000;
      return spendable || alive ? "200" : "any";
    },
    fulfilled(expected: "200" | "any", call: Call): void {
      if (expected === "200" && call.status !== 200)
        violate(`P17 a session was lost: ${call.status ?? call.code}`);
      this.check();
    },
    commits,
    presented,
    head: (): RecordHead | undefined => record(),
  };
}

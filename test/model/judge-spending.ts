/** Judges in the task in which a refresh token is sent: P2, P5, P8, P9, P10, P16, P18, P21. */
import type { Arrival, Context, Facts, Presentation } from "./facts.ts";
import { type Body, bodyOf } from "./record.ts";
import type { Granted, Reply } from "./server.ts";
import type { Place } from "./world.ts";

/** What a network tells of a request to the token endpoint. */
export interface Watch {
  /** `isDeaf`: the reply comes all the same. */
  abort(isDeaf: boolean): void;
  lost(): void;
  /** It was due at `due`, and may have waited for its context to thaw. */
  arrived(reply: Reply, due: number): void;
}

interface Spend {
  readonly place: Place;
  readonly token: string;
  readonly past: readonly Presentation[];
  readonly given: Granted;
}

/** A token that is sent again, and the attempt that has brought it. */
interface Spent {
  readonly given: Granted;
  readonly attempt: number;
}

export interface Spending {
  tokenRequest(place: Place, token: string): Presentation;
  watch(place: Place, entry: Presentation | undefined): Watch;
}

/** The hard deadline, counted from the intent. */
const EXCHANGE = 15_000;
/** What a busy moment adds. */
const BUSY = 1_500;

export function judgeSpending(facts: Facts): Spending {
  const { world, server, scenario, violate, presented } = facts;

  /**
   * A look for another cookie than the one that was refused: nobody but the server can tell the two apart, and
   * `signIn()` without an argument asks for it.
   */
  const isLookPastRefused = (stored: Body | undefined): boolean =>
    scenario.provider === "cookie" && !!stored?.refused;

  /** Whether it is at least as long ago as a peer's claim may take. */
  const isSettled = (at: number): boolean => world.now() - at > 1_200;

  /** Whether a context holds what followed this token, and could not store it. */
  function holdsNext({ place, vault }: Context, id: string, generation: number): boolean {
    const held = facts.unpersisted.get(place);
    const { generation: own, persisted } = vault.snapshot();
    return held?.sessionId === id && isSettled(held.at) && (own ?? 0) > generation && !persisted;
  }

  /** Grants of the same session that have reached a context, by later attempts than this token's. */
  const laterThan = ({ given, attempt }: Spent, place: Place): readonly Arrival[] =>
    facts.hasEvicted
      ? []
      : facts.arrivals.filter(({ place: at, access, attempt: by }) => {
          const granted = server.byAccess.get(access);
          const isNext = granted?.grants === given.grants && granted.seq > given.seq;
          return at === place && isNext && by > attempt;
        });

  /** Uses of the token that are under way in other contexts that nothing has disturbed since. */
  const living = ({ place, past }: Spend): readonly Presentation[] =>
    past.filter(
      (use) =>
        use.place !== place &&
        !use.isOver() &&
        !facts.isAway(use.place) &&
        use.place.disturbedAt < use.at &&
        isSettled(use.at),
    );

  /** Another live context, undisturbed for a second, that could have claimed this token. */
  function couldClaim({ place, past, given }: Spend, id: string, stored: Body): boolean {
    const { generation, attempt } = stored;
    return facts.contexts.some(
      (context) =>
        context.place !== place &&
        facts.isNeighbour(context.place, place) &&
        !facts.isAway(context.place) &&
        isSettled(context.place.disturbedAt) &&
        (holdsNext(context, id, generation) ||
          (!facts.signedOut.get(context.place)?.has(id) &&
            laterThan({ given, attempt }, context.place).some(({ at }) => isSettled(at))) ||
          past.some((use) => use.place === context.place && !use.isOver() && isSettled(use.at))),
    );
  }

  /** The record says something else than when the fence asked: only as long as the answer travelled. */
  function judgeFence(spend: Spend, stored: Body | undefined): void {
    const { place, token, given } = spend;
    const found = facts.recordOf(place);
    const within = (at: number | undefined): boolean =>
      world.now() - (at ?? -Infinity) <= facts.allowance(place);
    const id = found?.sessionId ?? "";
    const committed = facts.committedAt.get(id + (stored?.generation ?? ""));
    if (!stored || facts.refreshOf(stored) !== token) {
      // A session that lives in memory alone has no record.
      const isAlone = !facts.sessionByAccess.has(given.access);
      // A look where nothing stands: nobody but the server knows whose the cookie is, P4.restored judges it.
      const isLook = !found && scenario.provider === "cookie";
      const isFree = isAlone || isLook || facts.hasEvicted || found?.tombstone;
      if (!isFree && !within(stored && committed))
        violate("P8.moved", "a token was sent after the record had moved on");
      return;
    }
    if (isLookPastRefused(stored)) return;
    if (!stored.intent && !within(committed) && !within(facts.changedAt.get(id)))
      violate("P5.early", "a byte left before the intent was durable");
    if (stored.refused && !within(facts.changedAt.get(`${id} refused`)))
      violate("P9.again", "a refused refresh token was sent again");
    const { coolDown } = stored;
    const isNew = within(facts.changedAt.get(`${id} cool`));
    if (coolDown && !isNew && !facts.isClockUnsure && coolDown.until > facts.wallOf(place))
      violate("P18.cool", "F14: a request inside the shared cool-down");
  }

  /** Somebody undisturbed is at it, and a takeover needs that nobody is. */
  function judgeLiving(
    spend: Spend,
    sent: readonly Presentation[],
    stored: Body | undefined,
  ): void {
    const { place } = spend;
    const quietAt = place.quietAt.get(facts.keyOf(place.account)) ?? -Infinity;
    const firstUse = Math.min(...sent.map(({ at }) => at));
    // Half of the window, nearly: then it is sent again whoever may still be at it. By the wall clock of
    // another machine, or by this context's last look before it, it may be older than it is.
    const offsets = world.places.map(({ offset }) => offset);
    const apart = Math.max(...offsets) - Math.min(...offsets);
    const age = world.now() - Math.min(firstUse - apart, quietAt);
    const isClosing = scenario.rotation === "window" && age >= scenario.reuseWindow / 4;
    // A token that does not rotate is another generation's by now: nobody can see that exchange any more.
    const id = facts.recordOf(place)?.sessionId;
    const committedAt = facts.committedAt.get(`${id}${stored?.generation}`) ?? -Infinity;
    const others = living(spend).filter(({ at }) => at >= committedAt);
    if (isClosing || facts.hasSetClock || !others.length) return;
    violate("P2.living", "F45 F57 F60: a token was sent again while its exchange was alive");
  }

  function judgeReplay(spend: Spend, stored: Body | undefined): void {
    const { place, token, past } = spend;
    const sent = past.filter(({ isUnprocessed }) => !isUnprocessed);
    if (!sent.length || isLookPastRefused(stored)) return;
    judgeLiving(spend, sent, stored);
    if (scenario.rotation === "none") return;
    const firstUse = Math.min(...sent.map(({ at }) => at));
    if (scenario.rotation === "window") {
      // A context that had looked before the first use knows its age by running time.
      const isUnsure = facts.isClockUnsure && place.readAt >= firstUse;
      if (isUnsure || world.now() - firstUse < scenario.reuseWindow) return;
    }
    if (!stored || facts.refreshOf(stored) !== token) return;
    const { expiresAt = Infinity, accessToken } = stored.tokenSet;
    const hasEnded = facts.wallOf(place) >= expiresAt || facts.isEndedBy401(accessToken, place);
    if (!hasEnded) violate("P2.early", "a replay while the access token was still good");
    if (laterThan({ given: spend.given, attempt: stored.attempt }, place).length)
      violate("P2.held", "a spent token, by a context that had been given the next one");
    const found = facts.recordOf(place);
    if (scenario.channel === "open" && couldClaim(spend, found?.sessionId ?? "", stored))
      violate("P2.claimed", "a replay though a live peer held the exchange, or what it brought");
  }

  function judgeStore({ place, given }: Spend): void {
    const { pace, over } = facts.stores.rules;
    // What was asked before the store went away may be answered that much later.
    const longest = pace || over ? 25_000 : 10_000;
    const isLoaded = facts.sessionByAccess.has(given.access);
    if (place.storeDown && world.now() - place.storeDownAt > longest && isLoaded)
      violate("P16.without", "a refresh of a loaded session without its store");
  }

  return {
    tokenRequest(place, token) {
      const past = presented.get(token) ?? [];
      const stored = bodyOf(facts.recordOf(place));
      // A session that lives in memory alone has no intent in the record.
      const intent = facts.refreshOf(stored) === token ? stored?.intent : undefined;
      // Another may have taken over while the fence's answer was on its way.
      const own = facts.attemptOf.get(place);
      const entry: Presentation = {
        at: world.now(),
        place,
        attempt: (own?.token === token ? own.attempt : intent?.attempt) ?? Infinity,
        // A store that went back shows an intent of long ago, under which nobody sends.
        intentAt: facts.hasGoneBack ? undefined : facts.intentAt.get(intent?.attemptId ?? ""),
        isUnprocessed: false,
        isOver: () => false,
        retryAfter: undefined,
        heardAt: Infinity,
      };
      presented.set(token, [...past, entry]);
      const given = server.byRefresh.get(token);
      if (!given) {
        violate("P2.unknown", "a refresh token that nobody gave");
        return entry;
      }
      const spend = { place, token, past, given };
      judgeFence(spend, stored);
      judgeStore(spend);
      judgeReplay(spend, stored);
      return entry;
    },
    watch(place, entry) {
      const startedAt = world.now();
      const intentAt = entry?.intentAt ?? startedAt;
      let isDone = false;
      let abortedAt = -Infinity;
      let isDeaf = false;
      const isOver = (): boolean => isDone || place.isCrashed;
      if (entry) entry.isOver = isOver;
      // F38: what the store has taken of the deadline is not to be had again.
      world.schedule(undefined, Math.max(0, intentAt + EXCHANGE + BUSY - startedAt), () => {
        if (!isOver() && place.disturbedAt < intentAt && !place.isFrozen)
          violate("P10.exchange", "F38: an exchange outlived its deadline");
      });
      return {
        abort(deaf) {
          if (!isDone) [abortedAt, isDeaf] = [world.now(), deaf];
          isDone = true;
        },
        lost: () => void (isDone = true),
        arrived({ status, text }, due) {
          world.trace(place, () => `is told ${status} ${text}`);
          if (entry) entry.heardAt = world.now();
          const access =
            status === 200 && text.startsWith("{") ? JSON.parse(text).token : undefined;
          const isThawing =
            !isDeaf && place.disturbedAt === world.now() && abortedAt === world.now();
          const isLate = world.now() - intentAt < EXCHANGE + BUSY;
          if (entry && access !== undefined && isThawing && !isLate && due < world.now() - BUSY)
            violate("P20.thawed", `${access} had arrived while its context was frozen`);
          // A closed vault takes what comes until its exchange has ended.
          const isTaken = !isDone || (isDeaf && world.now() < place.closedAt);
          isDone = true;
          if (!isTaken || access === undefined) return;
          const attempt = entry?.attempt ?? Infinity;
          facts.arrivals.push({ place, access, at: world.now(), attempt });
        },
      };
    },
  };
}

/**
 * Holds the current knowledge of one context. It hands news to `learn`, keeps the view that memory serves,
 * and tells the vault of events. It decides nothing, and nobody below calls it.
 */
import { deferred } from "../guard/deferred.ts";
import { own } from "../guard/json.ts";
import type { AccessToken, Clock, TokenName } from "../types.ts";
import type { OnNews } from "./contract.ts";
import type { Decision } from "./decide.ts";
import { happenings } from "./events.ts";
import { isPersisted, type Knowledge, type News, nothingKnown, type Setting } from "./knowledge.ts";
import { learn } from "./learn.ts";
import { createHint } from "./lock-and-timer.ts";
import { type Facts, isWatched, judge, servedUntil } from "./plan.ts";
import { CLAIM, LONGEST_RETRY, type Moment, nextLook } from "./timing.ts";

export interface Mind {
  readonly known: Knowledge;
  learn(news: News): void;
  moment(): Moment;
  facts(): Facts;
  judge(): Decision;
  /** The access token of the session, the same object for as long as it is the same token. */
  readonly token: AccessToken | undefined;
  /** The same for a caller, which may be asked to tell which endpoints let it through. */
  served(): AccessToken | undefined;
  /** The token that memory serves without a look at the store. */
  ready(): AccessToken | undefined;
  /** Settles at the next piece of news that may concern a waiting caller. */
  changed(): Promise<void>;
  /** Wakes all who wait for news. */
  wake(): void;
  /** Serves nothing any more, and lets go of its timers. */
  close(): void;
}

/** A token at hand. Every request reads one, and V8 keeps a literal without a prototype as a dictionary. */
class Shown implements AccessToken {
  declare readonly accessToken: string;
  declare readonly sessionId: string;
  declare readonly generation: number;
  declare readonly isWatched?: true | undefined;

  constructor(accessToken: string, { sessionId, generation }: TokenName, isWatched?: true) {
    this.accessToken = accessToken;
    this.sessionId = sessionId;
    this.generation = generation;
    this.isWatched = isWatched;
  }
}
// Nothing that is put on `Object.prototype` is a member of a token (S15).
Object.setPrototypeOf(Shown.prototype, null);

export interface MindOptions {
  readonly setting: Setting;
  readonly clock: Clock;
  readonly maxStaleness: number;
  readonly refreshAhead: boolean | undefined;
  /** The facts of the world, besides the time. */
  readonly world: () => Pick<Facts, "isOnline" | "isHeldOpen" | "canAsk" | "isWanted">;
  /** Told when timers may have something to look at. */
  readonly look: () => void;
  readonly onNews: OnNews;
}

export function createMind(options: MindOptions): Mind {
  const { clock, maxStaleness, refreshAhead, world, onNews } = options;
  const hint = createHint(clock, options.look);
  const stale = createHint(clock, () => {
    view = undefined;
  });
  let known = nothingKnown(options.setting);
  let token: AccessToken | undefined;
  let view:
    | { readonly token: AccessToken; readonly from: number; readonly until: number }
    | undefined;
  let isClosed = false;
  let next = deferred();

  const moment = (): Moment => ({ now: clock.now(), running: clock.running() });
  const facts = (): Facts => ({ ...moment(), ...world(), maxStaleness });

  function showToken(): void {
    const { session } = known;
    const accessToken = session?.tokenSet.accessToken;
    const isSame =
      token?.sessionId === session?.sessionId &&
      token?.generation === session?.generation &&
      // Two contexts may both make the next generation, and one of them is not written.
      token?.accessToken === accessToken;
    if (isSame) return;
    token = session && accessToken ? new Shown(accessToken, session) : undefined;
  }

  const served = (): AccessToken | undefined =>
    isWatched(known) && token ? new Shown(token.accessToken, token, true) : token;

  function showView(): void {
    const at = facts();
    const until = isClosed ? 0 : servedUntil(known, at);
    const shown = served();
    view = shown && until > at.now ? { token: shown, from: at.now, until } : undefined;
  }

  function setTimers(): void {
    const { session, retries } = known;
    // The same by running time, so that no step of the clock makes a look last longer.
    stale(maxStaleness / 2);
    if (!isPersisted(known)) hint(Math.min(LONGEST_RETRY, CLAIM * 2 ** retries));
    else hint(session && refreshAhead ? nextLook(session, clock.now()) : undefined);
  }

  function tellNews(news: News): void {
    const before = known;
    const demanded = judge(before, facts()).next;
    known = learn(before, news, moment());
    showToken();
    showView();
    const isOther = known.found !== before.found || known.changes !== before.changes;
    if (!isClosed && (isOther || known.lookedAt !== before.lookedAt)) setTimers();
    for (const { type, session, status } of happenings(before, news, known))
      onNews(type, session, status);
    if (isOther || known.endpoints !== before.endpoints) onNews();
    if (isOther || known.failures !== before.failures || judge(known, facts()).next !== demanded)
      mind.wake();
  }

  const mind: Mind = {
    get known() {
      return known;
    },
    get token() {
      return token;
    },
    served,
    // Members that a piece of news does not have are not those of a polluted prototype (S15).
    learn: (news) => tellNews(own(news)),
    moment,
    facts,
    judge: () => judge(known, facts()),
    ready() {
      if (!view) return undefined;
      const now = clock.now();
      return now >= view.from && now < view.until ? view.token : undefined;
    },
    changed: () => next.done,
    wake() {
      next.settle();
      next = deferred();
    },
    close() {
      isClosed = true;
      view = undefined;
      hint(undefined);
      stale(undefined);
      mind.wake();
    },
  };
  return mind;
}

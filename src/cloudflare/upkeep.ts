/**
 * What an object does of its own accord: its alarm, what it tells KV, and what it leaves behind. Nobody
 * waits for any of it.
 */
import { isObject } from "../guard/claims.ts";
import { systemClock } from "../refresh/clock.ts";
import type { Session } from "../types.ts";
import { LOOK_AGAIN, nextAlarm, setAlarm } from "./alarm.ts";
import {
  createHolding,
  type Holding,
  type ObjectContext,
  type Owned,
  type OwnerSettings,
} from "./holding.ts";
import { createPublisher, type Publisher } from "./publish.ts";

export interface Upkeep {
  readonly holding: Holding;
  /** The session was asked for: where that is often, KV had better have its token. */
  asked(one: Owned): void;
  /** The alarm and KV follow what has changed. */
  changed(one: Owned): void;
  /** The alarm follows what has become of the session; settles when it has. */
  follow(one: Owned): Promise<void>;
  /** Idempotent: once too often, too late, or never, the record says what is to be done. */
  alarm(): Promise<void>;
  /** The id of the key that seals what is stored. */
  keyId(key: string): Promise<string | undefined>;
  /** The revision of what is stored, above everything that was ever said of an earlier life. */
  revision(key: string, session?: Session): Promise<number>;
}

export function createUpkeep(ctx: ObjectContext, settings: OwnerSettings): Upkeep {
  const { keys, clock = systemClock } = settings;
  const { storage } = ctx;
  const hold = (work: Promise<unknown>): void => ctx.waitUntil(work);
  const holding = createHolding(ctx, settings, later);
  const { deed, inner, store } = holding;
  const publishers = new WeakMap<Owned, Publisher>();
  let following: Promise<void> = Promise.resolve();

  function publisherOf(one: Owned): Publisher {
    const made =
      publishers.get(one) ??
      createPublisher({
        engine: one.engine,
        cache: one.cache,
        id: ctx.id.toString(),
        clock,
        waitUntil: hold,
        deed,
        revision: (session) => revision(one.call.key, session),
        onPaid: () => void follow(one),
      });
    publishers.set(one, made);
    return made;
  }

  /** After each change. */
  function later(one: Owned): void {
    void follow(one);
    publisherOf(one)();
  }

  /** One after the other, so that the last word is the alarm's. */
  function inTurn(one: Owned): Promise<void> {
    const turn = following.then(() => arm(one));
    following = turn.catch(() => {});
    return turn;
  }

  function follow(one: Owned): Promise<void> {
    const turn = inTurn(one).catch(() => {});
    hold(turn);
    return turn;
  }

  async function arm(one: Owned): Promise<void> {
    if (await vacate(one)) return;
    const { session, status } = one.engine.state();
    const { renewal } = one.provider;
    const owes = deed.debt() !== undefined;
    await setAlarm(storage, nextAlarm({ session, status, renewal, owes, now: clock.now() }));
  }

  /** Gives the storage back, if the account was removed and nothing is left to be done for it. */
  async function vacate({ call, engine }: Owned): Promise<boolean> {
    const isLeaving = (): boolean => !!deed.read()?.isLeaving && !engine.state().session;
    if (!isLeaving() || deed.debt()) return false;
    const head = await inner.head(call.key);
    if (head && (!head.tombstone || !(await inner.write(call.key, undefined, head)))) return false;
    // Somebody may have signed in meanwhile.
    if (!isLeaving()) return false;
    deed.drop();
    await storage.deleteAlarm();
    // A class that extends this one may keep something of its own.
    const [left] = storage.kv.list({ prefix: "" });
    if (!left) await storage.deleteAll();
    return true;
  }

  async function revision(key: string, session?: Session): Promise<number> {
    const { base = clock.now() } = deed.read() ?? {};
    if (session) return base + session.revision;
    const head = await inner.head(key).catch(() => undefined);
    return base + (head?.revision ?? 0);
  }

  async function wake(): Promise<void> {
    const one = holding.reopen();
    if (!one) return;
    // What cannot be opened or written now is tried again at the next start.
    await reseal(one.call.key).catch(() => {});
    await one.engine.look();
    publisherOf(one)();
    // Last, so that a reset before this leaves the platform's own retry in place.
    await inTurn(one);
  }

  /** A session that is never renewed would keep its old key for ever. */
  async function reseal(key: string): Promise<void> {
    const found = await keyId(key);
    if (found === undefined || found === (await keys.newest())) return;
    const record = await store.read(key);
    if (record?.body !== undefined) await store.write(key, record, record);
  }

  async function keyId(key: string): Promise<string | undefined> {
    const record = await inner.read(key);
    const kid = isObject(record?.body) ? record.body["kid"] : undefined;
    return typeof kid === "string" ? kid : undefined;
  }

  /** A deploy may lack a provider, and the next one have it again (F96). */
  async function alarm(): Promise<void> {
    try {
      await wake();
    } catch {
      await setAlarm(storage, LOOK_AGAIN);
    }
  }

  // F35: an alarm that was lost in a reset is set again.
  if (deed.read()) hold(alarm().catch(() => {}));

  return {
    holding,
    asked: (one) => publisherOf(one)(true),
    changed: later,
    follow,
    alarm,
    keyId,
    revision,
  };
}

/**
 * The inside of the Durable Object: what it answers to Workers, what it does by its alarm, and what it
 * tells KV. One object serves one session key for ever.
 */
import { isVaultError, VaultError } from "../errors.ts";
import { toAdoption } from "../guard/adoption.ts";
import { decodeClaims, isObject } from "../guard/claims.ts";
import { systemClock } from "../refresh/clock.ts";
import type { Grant, Session } from "../types.ts";
import { LOOK_AGAIN, nextAlarm, setAlarm } from "./alarm.ts";
import { createHolding, type ObjectContext, type Owned, type OwnerSettings } from "./holding.ts";
import { createPublisher, leaseOf, type Publisher } from "./publish.ts";
import { createStarts } from "./starts.ts";
import {
  type Call,
  check,
  type Failure,
  type Lease,
  type Owner,
  type SessionStart,
  type SessionState,
  toWire,
} from "./wire.ts";

export interface ObjectOwner extends Owner {
  alarm(): Promise<void>;
}

export function createOwner(ctx: ObjectContext, settings: OwnerSettings): ObjectOwner {
  const { keys, clock = systemClock, patience = 20_000 } = settings;
  const { storage } = ctx;
  const hold = (work: Promise<unknown>): void => ctx.waitUntil(work);
  const holding = createHolding(ctx, settings, later);
  const { deed, inner, store, open } = holding;
  const starts = createStarts(clock, patience);
  const publishers = new WeakMap<Owned, Publisher>();
  let removedAt = -Infinity;
  let arming: Promise<void> = Promise.resolve();

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
        onPaid: () => armLater(one),
      });
    publishers.set(one, made);
    return made;
  }

  /** After each change: the alarm and KV follow. Nobody waits for either. */
  function later(one: Owned): void {
    armLater(one);
    publisherOf(one)();
  }

  function armLater(one: Owned): void {
    arming = arming.then(() => arm(one)).catch(() => {});
    hold(arming);
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

  /** The revision of what is stored, above everything that was ever said of an earlier life. */
  async function revision(key: string, session?: Session): Promise<number> {
    const { base = clock.now() } = deed.read() ?? {};
    if (session) return base + session.revision;
    const head = await inner.head(key).catch(() => undefined);
    return base + (head?.revision ?? 0);
  }

  async function answer<Said extends object>(
    call: Call,
    task: (one: Owned) => Promise<Said>,
  ): Promise<(Said & { readonly revision: number }) | Failure> {
    try {
      const said = await task(open(call));
      return { revision: await revision(call.key), ...said };
    } catch (error) {
      return { revision: await revision(call.key), error: toWire(error) };
    }
  }

  const leased = ({ engine }: Owned): { readonly lease: Lease | undefined } => ({
    lease: leaseOf(engine.state()),
  });

  /** Begins a session; `asked` tells those who ask for the same. */
  async function begin(
    one: Owned,
    { unlessSignedIn }: SessionStart,
    { asked, start }: { readonly asked: unknown; readonly start: () => Promise<void> },
  ): Promise<void> {
    // Keys that have to be fetched are told to be wrong here, and not by a session that none can seal.
    await keys.newest();
    if (!unlessSignedIn) return start();
    await starts(asked, async () => {
      await one.engine.look();
      const { status } = one.engine.state();
      if (status === "signed-in") return;
      // A session that cannot be opened now is a session (F94): the store's own words say why.
      if (status !== "signed-out" && status !== "sign-in-required") {
        await store.read(one.call.key);
        throw new VaultError("store_unavailable");
      }
      await start();
    });
  }

  async function end(one: Owned): Promise<void> {
    const head = await inner.head(one.call.key).catch(() => undefined);
    // Before anything else, so that no crash forgets to tell KV.
    if (one.cache && head && !head.tombstone) {
      deed.claim(one.call);
      deed.owe(head.sessionId);
    }
    await one.engine.signOut();
  }

  /** Idempotent: once too often, too late, or never, the record says what is to be done. */
  async function wake(): Promise<void> {
    const one = holding.reopen();
    if (!one) return;
    // What cannot be opened or written now is tried again at the next start.
    await reseal(one.call.key).catch(() => {});
    await one.engine.look();
    publisherOf(one)();
    // Last, so that a reset before this leaves the platform's own retry in place.
    arming = arming.then(() => arm(one));
    await arming;
  }

  /** A session that is never renewed would keep its old key for ever. */
  async function reseal(key: string): Promise<void> {
    const found = await keyIdOf(key);
    if (found === undefined || found === (await keys.newest())) return;
    const record = await store.read(key);
    if (record?.body !== undefined) await store.write(key, record, record);
  }

  async function keyIdOf(key: string): Promise<string | undefined> {
    const record = await inner.read(key);
    const kid = isObject(record?.body) ? record.body["kid"] : undefined;
    return typeof kid === "string" ? kid : undefined;
  }

  /** A deploy may lack a provider, and the next one have it again (F96). */
  async function wakeOrWait(): Promise<void> {
    try {
      await wake();
    } catch {
      arming = Promise.resolve();
      await setAlarm(storage, LOOK_AGAIN);
    }
  }

  async function snapshotOf({ call, engine }: Owned): Promise<SessionState> {
    const keyId = await keyIdOf(call.key).catch(() => undefined);
    const { session, status, persisted } = engine.state();
    const { issuedAt, refreshAt, generation, tokenSet } = session ?? {};
    return {
      status,
      account: call.account,
      persisted,
      issuedAt,
      refreshAt,
      expiresAt: tokenSet?.expiresAt,
      generation,
      scope: tokenSet?.scope,
      claims: tokenSet && decodeClaims(tokenSet.accessToken),
      keyId,
    };
  }

  // F35: an alarm that was lost in a reset is set again.
  if (deed.read()) hold(wakeOrWait().catch(() => {}));

  return {
    token: (call, { rejected, endpoint, passed, waited, date }) =>
      answer(call, async (one) => {
        const need = { rejected, endpoint, passed, waited, date };
        const { accessToken, sessionId, generation } = await one.engine.getToken(need);
        publisherOf(one)(true);
        const { lease } = leased(one);
        const isCurrent = lease?.accessToken === accessToken;
        return { lease: isCurrent ? lease : { accessToken, sessionId, generation, until: 0 } };
      }),
    signIn: (call, credentials, options) =>
      answer(call, async (one) => {
        // Before anything is noted.
        check(one.provider.signIn, "The provider has no sign-in: call adopt()");
        const start = (): Promise<void> => one.engine.signIn(credentials as never);
        await begin(one, options, { asked: ["signIn", credentials], start });
        return leased(one);
      }),
    adopt: (call, tokens, options) =>
      answer(call, async (one) => {
        const adoption = toAdoption(options.adoption);
        // Its answer was lost, and the account was removed since (F101).
        if (adoption && adoption.startedAt < removedAt) return leased(one);
        const start = (): Promise<void> => one.engine.adopt(tokens as Grant, adoption);
        await begin(one, options, { asked: ["adopt", tokens], start });
        return leased(one);
      }),
    signOut: (call) =>
      answer(call, async (one) => {
        await end(one);
        return {};
      }),
    removeAccount: (call) =>
      answer(call, async (one) => {
        removedAt = clock.now();
        await end(one);
        deed.leave();
        armLater(one);
        await arming;
        return {};
      }),
    state: (call) =>
      answer(call, async (one) => {
        await one.engine.look();
        return { snapshot: await snapshotOf(one) };
      }),
    alarm: wakeOrWait,
  };
}

/** What answers in the place of an object that cannot start: the reason, typed. */
export function brokenOwner(ctx: ObjectContext, reason: unknown): ObjectOwner {
  const error = toWire(isVaultError(reason) ? reason : new VaultError("store_unavailable"));
  const answer = async (): Promise<Failure> => ({ revision: 0, error });
  return {
    token: answer,
    signIn: answer,
    adopt: answer,
    signOut: answer,
    removeAccount: answer,
    state: answer,
    // Until the next deploy mends it.
    alarm: () => setAlarm(ctx.storage, LOOK_AGAIN),
  };
}

export { type ObjectContext, type OwnerSettings, unknownProvider } from "./holding.ts";

/**
 * The inside of the Durable Object: what it answers to Workers. One object serves one session key for
 * ever.
 */
import { isVaultError, VaultError } from "../errors.ts";
import { toAdoption } from "../guard/adoption.ts";
import { shownClaims } from "../guard/claims.ts";
import { systemClock } from "../refresh/clock.ts";
import type { Grant } from "../types.ts";
import { LOOK_AGAIN, setAlarm } from "./alarm.ts";
import type { ObjectContext, Owned, OwnerSettings } from "./holding.ts";
import { leaseOf } from "./publish.ts";
import { createStarts } from "./starts.ts";
import { createUpkeep } from "./upkeep.ts";
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

/** A way to begin a session; `asked` tells those who ask for the same. */
interface Beginning {
  readonly asked: unknown;
  readonly start: () => Promise<void>;
}

export function createOwner(ctx: ObjectContext, settings: OwnerSettings): ObjectOwner {
  const { keys, clock = systemClock, patience = 20_000 } = settings;
  const upkeep = createUpkeep(ctx, settings);
  const { deed, inner, store, open } = upkeep.holding;
  const starts = createStarts(clock, patience);
  let removedAt = -Infinity;

  async function answer<Said extends object>(
    call: Call,
    task: (one: Owned) => Promise<Said>,
  ): Promise<(Said & { readonly revision: number }) | Failure> {
    try {
      const said = await task(open(call));
      return { revision: await upkeep.revision(call.key), ...said };
    } catch (error) {
      return { revision: await upkeep.revision(call.key), error: toWire(error) };
    }
  }

  async function begin(
    one: Owned,
    { unlessSignedIn }: SessionStart,
    { asked, start }: Beginning,
  ): Promise<void> {
    // Keys that have to be fetched are told to be wrong here, and not by a session that none can seal.
    await keys.newest();
    if (!unlessSignedIn) return replace(one, start);
    await starts(asked, async () => {
      if (!(await isSignedIn(one))) await replace(one, start);
    });
  }

  /** KV is told of the session that a new one has taken the place of, though it may not have that. */
  async function replace(one: Owned, start: () => Promise<void>): Promise<void> {
    const { key } = one.call;
    const before = one.cache && (await inner.head(key));
    await start();
    if (!before || before.tombstone) return;
    const after = await inner.head(key);
    if (after?.sessionId === before.sessionId) return;
    deed.owe(before.sessionId);
    upkeep.changed(one);
  }

  /** Rejects where that cannot be told: a session that cannot be opened now is a session (F94). */
  async function isSignedIn({ call, engine }: Owned): Promise<boolean> {
    await engine.look();
    const { status } = engine.state();
    if (status === "signed-in") return true;
    if (status === "signed-out" || status === "sign-in-required") return false;
    // The store's own words say why.
    await store.read(call.key);
    throw new VaultError("store_unavailable");
  }

  async function end({ call, cache, engine }: Owned): Promise<void> {
    const head = await inner.head(call.key).catch(() => undefined);
    // Before anything else, so that no crash forgets to tell KV.
    if (cache && head && !head.tombstone) {
      deed.claim(call);
      deed.owe(head.sessionId);
    }
    await engine.signOut();
  }

  return {
    token: (call, { rejected, endpoint, passed, waited, date }) =>
      answer(call, async (one) => {
        const need = { rejected, endpoint, passed, isHandedOn: true, waited, date };
        const { accessToken, sessionId, generation } = await one.engine.getToken(need);
        upkeep.asked(one);
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
        await upkeep.follow(one);
        return {};
      }),
    state: (call) =>
      answer(call, async (one) => {
        await one.engine.look();
        const keyId = await upkeep.keyId(call.key).catch(() => undefined);
        return { snapshot: { ...snapshotOf(call.account, one), keyId } };
      }),
    alarm: upkeep.alarm,
  };
}

const leased = ({ engine }: Owned): { readonly lease: Lease | undefined } => ({
  lease: leaseOf(engine.state()),
});

function snapshotOf(account: string, { engine, provider }: Owned): Omit<SessionState, "keyId"> {
  const { session, status, persisted } = engine.state();
  const { issuedAt, refreshAt, generation, tokenSet } = session ?? {};
  const claims = shownClaims(provider, tokenSet?.accessToken);
  return {
    status,
    account,
    persisted,
    issuedAt,
    refreshAt,
    expiresAt: tokenSet?.expiresAt,
    generation,
    scope: tokenSet?.scope,
    // RPC takes no object without a prototype, and claims have none.
    claims: claims && (JSON.parse(JSON.stringify(claims)) as SessionState["claims"]),
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

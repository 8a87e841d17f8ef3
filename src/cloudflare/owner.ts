/**
 * The inside of the Durable Object: its answers to Workers. One object serves one session key for ever.
 */
import { toAdoption } from "../guard/adoption.ts";
import { isAmount } from "../guard/amounts.ts";
import { own } from "../guard/json.ts";
import { shownClaims } from "../guard/claims.ts";
import { toWireError } from "../guard/wire-error.ts";
import { systemClock } from "../refresh/clock.ts";
import type { Adoption } from "../refresh/contract.ts";
import type { Grant, TokenNeed } from "../types.ts";
import { snapshotOf } from "../vault/snapshot.ts";
import { LOOK_AGAIN, setAlarm } from "./alarm.ts";
import { createBegin } from "./beginnings.ts";
import type { OwnerSettings } from "./owned.ts";
import { leaseOf } from "./publish.ts";
import { demand } from "./set-up.ts";
import type { ObjectContext, Shelf } from "./shelf.ts";
import type { Tended } from "./tend.ts";
import { createUpkeep, type Upkeep } from "./upkeep.ts";
import type { Failure, Lease, Need, Owner, SessionName, SessionState } from "./wire.ts";

export interface ObjectOwner extends Owner {
  alarm(): Promise<void>;
}

/** A caller's patience is counted from this one, and no timer of the engine is longer (F15). */
const LONGEST_PATIENCE = 1e9;

export function createOwner(ctx: ObjectContext, given: OwnerSettings): ObjectOwner {
  const { patience: ownPatience = 20_000 } = own(given);
  const patience = Math.min(ownPatience, LONGEST_PATIENCE);
  const settings = own({ ...given, patience });
  const upkeep = createUpkeep(ctx, settings);
  const { alarm, shelf } = upkeep;
  const answer = answeringBy(upkeep);
  return {
    token: (name, need) => answer(name, (one) => tokenOf(one, waitedBy(need, patience))),
    ...startsAndEnds(answer, { shelf, settings }),
    state: (name) => answer(name, (one) => stateOf(one, shelf)),
    alarm,
  };
}

/** Opens the session, does the work, and answers with the state; an error is an answer too. */
type Answer = <Said extends object>(
  name: SessionName,
  task: (one: Tended) => Promise<Said>,
) => Promise<(Said & { readonly revision: number }) | Failure>;

const answeringBy =
  ({ open, shelf }: Upkeep): Answer =>
  async (asked, task) => {
    // RPC gives a question the prototype of all objects: only the question's own members count (S15).
    const name = own(asked);
    try {
      const said = await task(open(name));
      return { revision: await shelf.revision(name.key), ...said };
    } catch (error) {
      return { revision: await shelf.revision(name.key), error: toWireError(error) };
    }
  };

interface Leased {
  readonly lease: Lease | undefined;
}

const leased = ({ engine }: Tended): Leased => ({ lease: leaseOf(engine.state()) });

/**
 * A question for the engine, whose patience is the object's for every caller: what a caller does not wait of it
 * counts as waited before, and what the caller waits longer as less than nothing.
 */
function waitedBy(asked: Need, patience: number): TokenNeed {
  const { patience: left, waited, rejected, endpoint, passed, date } = own(asked);
  const before = isAmount(left) ? patience - left : waited;
  return { rejected, endpoint, passed, isHandedOn: true, waited: before, date };
}

async function tokenOf(one: Tended, need: TokenNeed): Promise<Leased> {
  const { accessToken, sessionId, generation } = await one.engine.getToken(need);
  one.asked();
  const { lease } = leased(one);
  // A token that is not the session's present one is good for this call alone.
  const isCurrent = lease?.accessToken === accessToken;
  return { lease: isCurrent ? lease : { accessToken, sessionId, generation, until: 0 } };
}

type StartsAndEnds = Pick<Owner, "adopt" | "removeAccount" | "signIn" | "signOut">;

function startsAndEnds(
  answer: Answer,
  { shelf, settings }: { readonly shelf: Shelf; readonly settings: OwnerSettings },
): StartsAndEnds {
  const { clock = systemClock } = settings;
  const begin = createBegin(shelf, settings);
  let removedAt = -Infinity;

  /** The adoption by this object's clock, because a Worker's may be another (F60). */
  function dated(asked: unknown): Adoption | undefined {
    const { sessionId, age } = own({ ...Object(asked) });
    return toAdoption({ sessionId, startedAt: clock.now() - age });
  }

  return {
    signIn: (name, credentials, options) =>
      answer(name, async (one) => {
        // Asked first, before anything is noted.
        demand(one.provider.signIn, "the provider has no sign-in", "Call adopt()");
        const start = (): Promise<void> => one.engine.signIn(credentials);
        await begin(one, own({ ...options }), { asked: ["signIn", credentials], start });
        return leased(one);
      }),
    adopt: (name, tokens, options) =>
      answer(name, async (one) => {
        const said = own({ ...options });
        const adoption = dated(said.adoption);
        // The adoption's answer was lost, and the account was removed since (F101).
        if (adoption && adoption.startedAt < removedAt) return leased(one);
        const start = (): Promise<void> => one.engine.adopt(tokens as Grant, adoption);
        await begin(one, said, { asked: ["adopt", tokens], start });
        return leased(one);
      }),
    signOut: (name) =>
      answer(name, async (one) => {
        await end(one, shelf);
        return {};
      }),
    removeAccount: (name) =>
      answer(name, async (one) => {
        removedAt = clock.now();
        await end(one, shelf);
        shelf.deed.leave();
        await one.follow();
        return {};
      }),
  };
}

async function end({ name, cache, engine }: Tended, { deed, sealed }: Shelf): Promise<void> {
  const head = await sealed.head(name.key).catch(() => undefined);
  // The debt is written first, so that no crash forgets to tell KV.
  if (cache && head && !head.tombstone) deed.owe(name, head.sessionId);
  await engine.signOut();
}

async function stateOf(
  { name, engine, provider }: Tended,
  shelf: Shelf,
): Promise<{ readonly snapshot: SessionState }> {
  await engine.look();
  const keyId = await shelf.keyId(name.key).catch(() => undefined);
  const state = engine.state();
  const claims = shownClaims(provider, state.session?.tokenSet.accessToken);
  const snapshot = { ...snapshotOf(state, { account: name.account, claims }), keyId };
  // RPC takes no object without a prototype, and claims and profile have none.
  return { snapshot: JSON.parse(JSON.stringify(snapshot)) };
}

/** Answers in the place of an object that cannot start: with the typed reason. */
export function brokenOwner(ctx: ObjectContext, reason: unknown): ObjectOwner {
  const error = toWireError(reason);
  const answer = async (): Promise<Failure> => ({ revision: 0, error });
  return {
    token: answer,
    signIn: answer,
    adopt: answer,
    signOut: answer,
    removeAccount: answer,
    state: answer,
    // The object tries again until a deploy has mended what is wrong.
    alarm: () => setAlarm(ctx.storage, LOOK_AGAIN),
  };
}

/**
 * The work that an object does for its session unasked: it sets the alarm, and tells KV. No caller waits
 * for that work.
 */
import type { Clock } from "../types.ts";
import { nextAlarm, setAlarm } from "./alarm.ts";
import type { Owned } from "./owned.ts";
import { createPublisher } from "./publish.ts";
import type { ObjectContext, Shelf } from "./shelf.ts";

/** A session with an alarm and a copy in KV, which follow its state. */
export interface Tended extends Owned {
  /** Notes that the session was asked for. The token of one that is asked for often belongs into KV. */
  asked(): void;
  /** Sets the alarm and tells KV after a change. */
  changed(): void;
  /** Sets the alarm by the session's present state; settles when it is set. Never rejects. */
  follow(): Promise<void>;
  /** Does all work that is due. Rejects where the alarm could not be set. */
  wake(): Promise<void>;
}

export interface TendParts {
  readonly ctx: ObjectContext;
  readonly shelf: Shelf;
  readonly clock: Clock;
  /** The id of the newest key. */
  readonly newestKey: () => Promise<string>;
}

type Follow = Pick<Tended, "follow"> & {
  /** As `follow`, but rejects where the alarm could not be set. */
  readonly arm: () => Promise<void>;
};

/** Keeps the alarm where the state of the session wants it. */
function createFollow(
  { engine, name: { key }, provider }: Owned,
  { ctx, shelf, clock }: TendParts,
): Follow {
  const { deed } = shelf;
  let following: Promise<void> = Promise.resolve();

  const isLeaving = (): boolean => !!deed.read()?.isLeaving && !engine.state().session;

  async function armOnce(): Promise<void> {
    if (await shelf.clear(key, isLeaving)) return;
    const { session, status } = engine.state();
    const owes = deed.debt() !== undefined;
    const sight = { session, status, renewal: provider.renewal, owes, now: clock.now() };
    await setAlarm(ctx.storage, nextAlarm(sight));
  }

  /** Runs one after the other, so that the last state sets the alarm. */
  function arm(): Promise<void> {
    const turn = following.then(armOnce);
    following = turn.catch(() => {});
    return turn;
  }

  function follow(): Promise<void> {
    const turn = arm().catch(() => {});
    ctx.waitUntil(turn);
    return turn;
  }

  return { arm, follow };
}

/** A session that is never renewed would keep its old key for ever. */
async function reseal(
  { name: { key }, store }: Owned,
  { shelf, newestKey }: TendParts,
): Promise<void> {
  const found = await shelf.keyId(key);
  if (found === undefined || found === (await newestKey())) return;
  const record = await store.read(key);
  if (record?.body !== undefined) await store.write(key, record, record);
}

export function tend(one: Owned, parts: TendParts): Tended {
  const { ctx, shelf, clock } = parts;
  const { engine } = one;
  const { arm, follow } = createFollow(one, parts);

  const publish = createPublisher({
    engine,
    cache: one.cache,
    id: ctx.id.toString(),
    clock,
    waitUntil: (work) => ctx.waitUntil(work),
    deed: shelf.deed,
    revision: (session) => shelf.revision(one.name.key, session),
    onPaid: () => void follow(),
  });

  function changed(): void {
    void follow();
    publish();
  }

  one.listen(changed);
  return {
    ...one,
    asked: () => publish(true),
    changed,
    follow,
    async wake() {
      // A record that cannot be opened or written now is tried again at the next start.
      await reseal(one, parts).catch(() => {});
      await engine.look();
      publish();
      // Last, so that a reset before this leaves the platform's own retry in place.
      await arm();
    },
  };
}

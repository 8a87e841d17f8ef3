/** One object's one session: opened when it is asked for, and at each start and alarm. */
import { systemClock } from "../refresh/clock.ts";
import { LOOK_AGAIN, setAlarm } from "./alarm.ts";
import { openOwned, type OwnerSettings, renamed } from "./owned.ts";
import { demand } from "./set-up.ts";
import { type ObjectContext, openShelf, type Shelf } from "./shelf.ts";
import { tend, type Tended } from "./tend.ts";
import type { SessionName } from "./wire.ts";

export interface Upkeep {
  readonly shelf: Shelf;
  /** The session that a Worker asks for; made once. Throws where this object owns another. */
  open(name: SessionName): Tended;
  /** Does the work that the record shows to be due. An alarm that fires too often or too late does no harm. */
  alarm(): Promise<void>;
}

export function createUpkeep(ctx: ObjectContext, settings: OwnerSettings): Upkeep {
  const { clock = systemClock, keys, providers } = settings;
  const shelf = openShelf(ctx, () => clock.now());
  const { deed } = shelf;
  let opened: Tended | undefined;

  function make(name: SessionName): Tended {
    const one = openOwned(ctx, settings, { shelf, name });
    return tend(one, { ctx, shelf, clock, newestKey: () => keys.newest() });
  }

  function open(name: SessionName): Tended {
    const known = opened?.name ?? deed.read();
    demand(
      !known || known.key === name.key,
      "this object keeps another session",
      "Use its binding for TokenVault only",
    );
    opened ??= make(name);
    // The provider was renamed: the deed follows.
    if (known && !Object.hasOwn(providers, known.provider)) deed.claim(name);
    return opened;
  }

  /** A deploy may lack a provider, and the next one have it again (F96). */
  async function alarm(): Promise<void> {
    const known = deed.read();
    if (!known) return;
    try {
      await open(renamed(known, providers)).wake();
    } catch {
      await setAlarm(ctx.storage, LOOK_AGAIN);
    }
  }

  // An alarm that was lost in a reset is set again (F35).
  if (deed.read()) ctx.waitUntil(alarm().catch(() => {}));

  return { shelf, open, alarm };
}

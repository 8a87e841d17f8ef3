/** How a session begins in an object: by a sign-in, or with tokens from elsewhere. */
import { VaultError } from "../errors.ts";
import { systemClock } from "../refresh/clock.ts";
import type { OwnerSettings } from "./owned.ts";
import type { Shelf } from "./shelf.ts";
import { createStarts } from "./starts.ts";
import type { Tended } from "./tend.ts";
import type { SessionStart } from "./wire.ts";

/** One way to begin; `asked` tells which questions are the same. */
export interface Beginning {
  readonly asked: unknown;
  readonly start: () => Promise<void>;
}

export type Begin = (one: Tended, options: SessionStart, beginning: Beginning) => Promise<void>;

export function createBegin({ deed, sealed }: Shelf, settings: OwnerSettings): Begin {
  const { clock = systemClock, keys, patience = 20_000 } = settings;
  const starts = createStarts(clock, patience);

  /** Tells KV that the session before the new one has ended, even where KV may never have had that session. */
  async function replace(one: Tended, start: () => Promise<void>): Promise<void> {
    const { key } = one.name;
    const before = one.cache && (await sealed.head(key));
    await start();
    if (!before || before.tombstone) return;
    const after = await sealed.head(key);
    if (after?.sessionId === before.sessionId) return;
    deed.owe(one.name, before.sessionId);
    one.changed();
  }

  return async (one, { unlessSignedIn }, { asked, start }) => {
    // Keys may have to be fetched: wrong ones are told here, and no session begins that nobody can seal.
    await keys.newest();
    if (!unlessSignedIn) return replace(one, start);
    await starts(asked, async () => {
      if (!(await isSignedIn(one))) await replace(one, start);
    });
  };
}

/** Rejects where nobody can tell: a session that cannot be opened now is a session (F94). */
async function isSignedIn({ name, engine, store }: Tended): Promise<boolean> {
  await engine.look();
  const { status } = engine.state();
  if (status === "signed-in") return true;
  if (status === "signed-out" || status === "sign-in-required") return false;
  // The store's own error says why.
  await store.read(name.key);
  throw new VaultError("store_unavailable");
}

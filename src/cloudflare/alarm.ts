/** When an object has something to do although nobody calls. */
import { isRenewable } from "../refresh/decide.ts";
import type { EngineState } from "../refresh/contract.ts";
import { nextLook } from "../refresh/timing.ts";
import type { Renewal, Session } from "../types.ts";

/** How long KV is left alone before a sign-out is put there once more. */
const TELL_AGAIN = 60_000;
/** How soon an object wakes again where it cannot tell what is to be done. */
export const LOOK_AGAIN = 3_600_000;
/** How soon an object goes on with an earlier instance's attempt: a dead instance's request may still travel. */
const LOOK_SOON = 10_000;
/** How far off a set alarm may be before it is set anew, which costs a row. */
const CLOSE_ENOUGH = 1_000;

/** The facts on which an alarm's time depends. */
export interface AlarmSight extends Pick<EngineState, "session" | "status"> {
  readonly renewal: Renewal | undefined;
  /** Whether KV has still to hear of a sign-out. */
  readonly owes: boolean;
  readonly now: number;
}

/** In how many milliseconds the object is to be woken; `undefined` for never. */
export function nextAlarm(sight: AlarmSight): number | undefined {
  const { session, status, owes } = sight;
  const waits = [
    ...(owes ? [TELL_AGAIN] : []),
    ...(session ? [nextRenewal(session, sight)] : []),
    // Storage or keys cannot be had: perhaps there is a session that wants refreshing.
    ...(!session && status !== "signed-out" ? [LOOK_AGAIN] : []),
  ];
  const wait = Math.min(...waits, Infinity);
  return wait === Infinity ? undefined : wait;
}

function nextRenewal(session: Session, { renewal, now }: AlarmSight): number {
  if (!isRenewable(session, renewal)) return Infinity;
  const { refreshAt = Infinity, intent, coolDown, tokenSet } = session;
  const next = nextLook(session, now);
  if (refreshAt > now) return next;
  const isOpen = intent && (intent.ended || now > intent.deadline);
  if (!isOpen) return Math.min(next, LOOK_AGAIN);
  // Nothing is spent again before the token's end: the outcome is unknown, and rotation is strict.
  const isGood = now < (tokenSet.expiresAt ?? Infinity);
  if (isGood && renewal.rotation === "strict" && !renewal.reuseWindow) return next;
  return (coolDown?.until ?? 0) > now ? next : Math.min(next, LOOK_SOON);
}

/** The part of an object's storage that is used. */
export interface AlarmStorage {
  getAlarm(): Promise<number | null>;
  setAlarm(time: number): Promise<void>;
  deleteAlarm(): Promise<void>;
}

/** Sets the one alarm that an object has, by the wall clock of the platform. */
export async function setAlarm(storage: AlarmStorage, wait: number | undefined): Promise<void> {
  const armed = await storage.getAlarm();
  if (wait === undefined) {
    if (armed !== null) await storage.deleteAlarm();
    return;
  }
  const time = Math.ceil(Date.now() + wait);
  if (armed === null || Math.abs(armed - time) > CLOSE_ENOUGH) await storage.setAlarm(time);
}

/** Operations on a server that may be away for a moment. */
import { type Cause, inTime } from "./stored.ts";

/** Between two tries, milliseconds: at once, because a pool's idle connection may just have died, then slower. */
const pauseAfter = (tries: number): number =>
  Math.min(10 * 2 ** tries, 200) * (0.5 + Math.random() / 2);

/**
 * As `inTime`, but a task whose connection has failed is begun again until the deadline, so that a server's restart
 * fails nobody. The task has to know by itself what an earlier try has done.
 */
export const insist = <T>(
  ms: number,
  task: (late: Promise<never>) => Promise<T>,
  how: {
    /** Whether another try may bring an answer. */
    readonly isLost: (error: unknown) => boolean;
    readonly explain: (error: unknown) => Cause;
  },
): Promise<T> => {
  let loss: unknown;
  return inTime(
    ms,
    async (late) => {
      for (let tries = 0; ; tries++) {
        try {
          return await task(late);
        } catch (error) {
          if (!how.isLost(error)) throw error;
          loss = error;
          const pause = new Promise((resolve) => setTimeout(resolve, pauseAfter(tries)));
          await Promise.race([late, pause]);
        }
      }
    },
    // The deadline itself rejects without an error.
    (error) => how.explain(error ?? loss),
  );
};

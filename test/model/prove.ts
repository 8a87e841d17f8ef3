/** Runs a family's schedules from a seed, and shrinks what fails to a small script. */
import fc from "fast-check";
import type { Family } from "./family.ts";
import { type Run, simulate } from "./simulation.ts";

export interface Share {
  readonly runs: number;
  readonly seed: number;
  /** Where in the shrunk tree the failure was, as fast-check printed it. */
  readonly path?: string | undefined;
  /** How long a failing schedule is shrunk, in milliseconds; as long as it takes by default. */
  readonly shrinkFor?: number;
}

/** Throws fast-check's report, with seed, path and the smallest schedule that fails. */
export async function prove({ schedules, judge }: Family, share: Share): Promise<void> {
  const { runs, seed, path, shrinkFor = Infinity } = share;
  let failedAt = Infinity;
  await fc.assert(
    fc.asyncProperty(schedules, async (drawn) => {
      // Whatever is smaller still passes, so that shrinking ends here.
      if (performance.now() - failedAt > shrinkFor) return;
      try {
        const run: Run = await simulate(drawn);
        judge?.(run, drawn);
      } catch (error) {
        failedAt = Math.min(failedAt, performance.now());
        throw error;
      }
    }),
    { numRuns: runs, seed, ...(path !== undefined && { path }) },
  );
}

const weight = ({ share = 1 }: Family): number => share;

/** How many of `total` schedules each family gets, none less than `least`. */
export function dealt(
  families: readonly Family[],
  total: number,
  least: number,
): readonly { readonly family: Family; readonly runs: number }[] {
  const all = families.reduce((sum, family) => sum + weight(family), 0);
  return families.map((family) => ({
    family,
    runs: Math.max(least, Math.ceil((total * weight(family)) / all)),
  }));
}

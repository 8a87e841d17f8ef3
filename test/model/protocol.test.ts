/**
 * The refresh protocol under random interleavings: the engine that ships, in a simulated world. Each
 * title names what its family of schedules provokes; the invariants are judged in all.
 *
 * `TOKENKEEP_SCHEDULES=1000000` runs more; `TOKENKEEP_SEED=…` and `TOKENKEEP_PATH=…` replay what a
 * failure prints. `npm run proof` deals a million schedules to all cores.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { families } from "./families.ts";
import { dealt, prove } from "./prove.ts";
import { calm, LIFE, scenario } from "./scenarios.ts";
import { simulate } from "./simulation.ts";

const SCHEDULES = Number(process.env["TOKENKEEP_SCHEDULES"] ?? 10_000);
/** New schedules each time. In CI the same ones, so that a change and not luck turns a test red. */
const SEED = Number(
  process.env["TOKENKEEP_SEED"] ?? (process.env["CI"] && SCHEDULES <= 10_000 ? 1 : Date.now() | 0),
);
console.log(`${SCHEDULES} schedules, TOKENKEEP_SEED=${SEED}`);
const EXCUSED = process.env["TOKENKEEP_EXCUSE"];
if (EXCUSED) console.log(`Excused, so that this proves less: ${EXCUSED}`);
const PATH = process.env["TOKENKEEP_PATH"];

describe("the refresh protocol", { timeout: 24 * 3_600_000 }, () => {
  for (const { family, runs } of dealt(families, SCHEDULES, 1))
    it(`${family.title}`, () => prove(family, { runs, seed: SEED, path: PATH }));

  it("clients that signed in together do not refresh in step [P18]", async () => {
    const times = new Set<number>();
    const clients = 40;
    for (let seed = 1; seed <= clients; seed++) {
      const [drawn] = fc.sample(scenario({ ...calm, refreshAhead: true, contexts: 2 }, []), {
        numRuns: 1,
        seed,
      });
      if (!drawn) throw new Error("nothing was drawn");
      const { tokenCalls } = await simulate({
        ...drawn,
        seed,
        script: [{ after: LIFE * 0.81, command: { type: "online" } }],
      });
      expect(tokenCalls).toHaveLength(1);
      times.add(Math.round((tokenCalls[0]?.at ?? 0) / 60_000));
    }
    // Spread over the 72 minutes between 75 and 80 percent of a day.
    expect(times.size).toBeGreaterThan(clients / 2);
  });
});

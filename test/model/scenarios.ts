/** Where schedules come from: families of scenarios, drawn by fast-check so that they shrink. */
import fc from "fast-check";
import type { Command, Network, Scenario } from "./simulation.ts";
import type { Faults } from "./world.ts";

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

export const LIFE = 24 * HOUR;
export const NO_FAULTS: Faults = {
  crash: 0,
  freeze: 0,
  storeFail: 0,
  storeLost: 0,
  lockLost: 0,
  slow: 0,
};
export const NO_TROUBLE: Network = {
  lostBefore: 0,
  lostAfter: 0,
  late: 0,
  status500: 0,
  status503: 0,
  status429: 0,
  portal: 0,
  doubled: 0,
};

const share = (most: number): fc.Arbitrary<number> =>
  fc.oneof(fc.constant(0), fc.double({ min: 0, max: most, noNaN: true }));

const place = fc.nat({ max: 5 });

/** Pauses around everything that matters: awaits, deadlines, soft time, expiry. */
const after = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 10 }) },
  { weight: 3, arbitrary: fc.nat({ max: 25_000 }) },
  { weight: 1, arbitrary: fc.nat({ max: 120_000 }) },
  { weight: 2, arbitrary: fc.constantFrom(0.76, 0.81, 0.9999, 1.001).map((part) => part * LIFE) },
);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("call" as const),
      place,
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("abort" as const), place }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "crash" as const,
        "freeze" as const,
        "resume" as const,
        "reload" as const,
      ),
      place,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom("store-down" as const, "store-up" as const),
      place,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom("sign-in" as const, "sign-out" as const), place }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom(
        "evict" as const,
        "expire" as const,
        "offline" as const,
        "online" as const,
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("clock" as const),
      place,
      by: fc.oneof(
        fc.integer({ min: -10 * YEAR, max: 10 * YEAR }),
        fc.integer({ min: -60_000, max: 60_000 }),
        fc.constantFrom(-LIFE, LIFE, -10 * YEAR, 10 * YEAR),
      ),
    }),
  },
);

/** No store may do this: only a family of its own meets it. */
const goBack: fc.Arbitrary<Command> = fc.record({ type: fc.constant("go-back" as const) });

/** Everything at once. Families narrow it by overriding parts. */
export function scenario(
  fixed: Partial<Scenario> = {},
  commands: readonly Command["type"][] | "all" = "all",
): fc.Arbitrary<Scenario> {
  return fc
    .record({
      seed: fc.nat({ max: 2 ** 31 - 1 }),
      contexts: fc.integer({ min: 2, max: 6 }),
      rotation: fc.constantFrom(
        "strict" as const,
        "strict" as const,
        "window" as const,
        "none" as const,
      ),
      reuseWindow: fc.constantFrom(10_000, 60_000),
      life: fc.constant(LIFE),
      killsOld: fc.boolean(),
      showsDate: fc.boolean(),
      always401: fc.constant(false),
      locks: fc.boolean(),
      channel: fc.boolean(),
      refreshAhead: fc.boolean(),
      faults: fc.record({
        crash: share(0.01),
        freeze: share(0.02),
        storeFail: share(0.1),
        storeLost: share(0.1),
        lockLost: share(0.5),
        slow: share(0.3),
      }),
      network: fc.record({
        lostBefore: share(0.3),
        lostAfter: share(0.3),
        late: share(0.3),
        status500: share(0.3),
        status503: share(0.3),
        status429: share(0.3),
        portal: share(0.2),
        doubled: share(0.1),
      }),
      script: fc.array(
        fc.record({
          after,
          command:
            commands === "all"
              ? command
              : fc
                  .oneof(command, ...(commands.includes("go-back") ? [goBack] : []))
                  .filter(({ type }) => commands.includes(type)),
        }),
        // A family without commands brings a script of its own.
        commands.length ? { minLength: 2, maxLength: 14 } : { maxLength: 0 },
      ),
    })
    .map((drawn) => ({ ...drawn, ...fixed }));
}

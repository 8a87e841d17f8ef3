/** How schedules are drawn, by fast-check, so that they shrink. Families narrow them. */
import fc from "fast-check";
import type { Command, Network, Scenario } from "./scenario.ts";
import type { StoreRules } from "./stores.ts";
import type { Faults } from "./world.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;

export const LIFE = 24 * HOUR;
export const NO_FAULTS: Faults = {
  crash: 0,
  freeze: 0,
  storeFail: 0,
  storeLost: 0,
  lockLost: 0,
  garbage: 0,
  slow: 0,
};
export const NO_TROUBLE: Network = {
  lostBefore: 0,
  lostAfter: 0,
  late: 0,
  deaf: 0,
  status500: 0,
  status503: 0,
  status429: 0,
  portal: 0,
  doubled: 0,
  apiTrouble: 0,
};
export const STORE: StoreRules = {
  isAtomic: true,
  shared: "origin",
  hasScope: true,
  pace: undefined,
  over: 0,
  lag: 0,
};

export const calm = { faults: NO_FAULTS, network: NO_TROUBLE };

const share = (most: number): fc.Arbitrary<number> =>
  fc.oneof(fc.constant(0), fc.double({ min: 0, max: most, noNaN: true }));

const place = fc.nat({ max: 5 });

/** Pauses around everything that matters: awaits, deadlines, soft time, expiry. */
const pauseOf = (life: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.nat({ max: 10 }) },
    { weight: 3, arbitrary: fc.nat({ max: 25_000 }) },
    { weight: 1, arbitrary: fc.nat({ max: 120_000 }) },
    { weight: 2, arbitrary: fc.constantFrom(0.76, 0.81, 0.9999, 1.001).map((part) => part * life) },
  );

type Happening = Command["type"];

const onPlace = <Type extends Exclude<Happening, "call" | "clock">>(
  ...types: Type[]
): fc.Arbitrary<Command> =>
  fc.record({ type: fc.constantFrom(...types), place }) as fc.Arbitrary<Command>;

const onWorld = <Type extends Happening>(...types: Type[]): fc.Arbitrary<Command> =>
  fc.record({ type: fc.constantFrom(...types) }) as fc.Arbitrary<Command>;

/** Commands by weight. Those with `isExtra` happen only where a family names them. */
const COMMANDS: readonly {
  readonly weight: number;
  readonly types: readonly Happening[];
  readonly isExtra?: boolean;
  readonly make: (types: readonly Happening[]) => fc.Arbitrary<Command>;
}[] = [
  {
    weight: 8,
    types: ["call"],
    make: () =>
      fc.record({
        type: fc.constant("call" as const),
        place,
        times: fc.integer({ min: 1, max: 4 }),
        endpoint: fc.nat({ max: 3 }),
      }),
  },
  { weight: 1, types: ["abort"], make: () => onPlace("abort") },
  {
    weight: 3,
    types: ["crash", "freeze", "resume", "reload"],
    make: (types) => onPlace(...(types as "crash"[])),
  },
  {
    weight: 2,
    types: ["store-down", "store-up"],
    make: (types) => onPlace(...(types as "store-up"[])),
  },
  {
    weight: 1,
    types: ["sign-in", "sign-out"],
    make: (types) => onPlace(...(types as "sign-in"[])),
  },
  {
    weight: 3,
    types: ["evict", "expire", "offline", "online"],
    make: (types) => onWorld(...types),
  },
  {
    weight: 1,
    types: ["clock"],
    make: () =>
      fc.record({
        type: fc.constant("clock" as const),
        place,
        by: fc.oneof(
          fc.integer({ min: -10 * YEAR, max: 10 * YEAR }),
          fc.integer({ min: -60_000, max: 60_000 }),
          fc.constantFrom(-LIFE, LIFE, -10 * YEAR, 10 * YEAR),
        ),
      }),
  },
  // No store may do this: only a family of its own meets it.
  { weight: 1, isExtra: true, types: ["go-back"], make: () => onWorld("go-back") },
  {
    weight: 2,
    isExtra: true,
    types: ["adopt", "close", "remove", "find", "list"],
    make: (types) => onPlace(...(types as "adopt"[])),
  },
  {
    weight: 2,
    isExtra: true,
    types: ["store-refuses", "store-accepts"],
    make: (types) => onPlace(...(types as "store-refuses"[])),
  },
  {
    weight: 2,
    isExtra: true,
    types: ["token-down", "token-up", "crash-holder", "outside"],
    make: (types) => onWorld(...types),
  },
];

function commandsOf(wanted: readonly Happening[] | "all"): fc.Arbitrary<Command> {
  const chosen = COMMANDS.flatMap(({ weight, types, isExtra, make }) => {
    const some =
      wanted === "all" ? (isExtra ? [] : types) : types.filter((type) => wanted.includes(type));
    return some.length ? [{ weight, arbitrary: make(some) }] : [];
  });
  return fc.oneof(...chosen);
}

/** Everything at once that the protocol met at first. Families narrow it by overriding parts. */
export function scenario(
  fixed: Partial<Scenario> = {},
  commands: readonly Happening[] | "all" = "all",
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
      killsOld: fc.boolean(),
      showsDate: fc.boolean(),
      locks: fc.constantFrom(
        "none" as const,
        "unsaid" as const,
        "common" as const,
        "apart" as const,
      ),
      channel: fc.constantFrom("none" as const, "open" as const, "open" as const, "deaf" as const),
      refreshAhead: fc.boolean(),
      faults: fc.record({
        crash: share(0.01),
        freeze: share(0.02),
        storeFail: share(0.1),
        storeLost: share(0.1),
        lockLost: share(0.5),
        garbage: share(0.2),
        slow: share(0.3),
      }),
      network: fc.record({
        lostBefore: share(0.3),
        lostAfter: share(0.3),
        late: share(0.3),
        deaf: fc.constant(0),
        status500: share(0.3),
        status503: share(0.3),
        status429: share(0.3),
        portal: share(0.2),
        doubled: share(0.1),
        apiTrouble: fc.constant(0),
      }),
      script: fc.array(
        fc.record({
          after: pauseOf(fixed.life ?? LIFE),
          // A family without commands brings a script of its own.
          command: commands.length
            ? commandsOf(commands)
            : fc.constant({ type: "online" as const }),
        }),
        commands.length ? { minLength: 2, maxLength: 14 } : { maxLength: 0 },
      ),
    })
    .map((drawn) => ({
      proxies: 0,
      accounts: 1,
      devices: 1,
      offsets: [],
      provider: "vmcloud",
      hasLogout: true,
      life: LIFE,
      told: "right",
      idleEnd: Infinity,
      isStateless: false,
      endpoints: [{ kind: "good" }],
      tokenTime: undefined,
      retryAfter: 0,
      safe503: false,
      store: STORE,
      online: "right",
      ...drawn,
      ...fixed,
    }));
}

/** One call, or several, in each context. */
export const calls = (after: number, times = 3, endpoint = 0): Scenario["script"] =>
  [0, 1, 2, 3, 4, 5].map((place, index) => ({
    after: index === 0 ? after : 0,
    command: { type: "call" as const, place, times, endpoint },
  }));

/** The same again and again. */
export const repeat = (times: number, script: Scenario["script"]): Scenario["script"] =>
  Array.from({ length: times }, () => script).flat();

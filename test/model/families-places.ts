/** Families about where it runs: slow stores, clocks, locks, accounts, proxies, closing, other providers. */
import fc from "fast-check";
import { type Family, must, mustServe, mustSpend } from "./family.ts";
import type { Command, Scenario } from "./scenario.ts";
import type { Run } from "./simulation.ts";
import { calls, calm, LIFE, MINUTE, NO_FAULTS, NO_TROUBLE, scenario, STORE } from "./scenarios.ts";

const MOST: readonly Command["type"][] = [
  "call",
  "abort",
  "crash",
  "freeze",
  "resume",
  "reload",
  "store-down",
  "store-up",
  "sign-in",
  "sign-out",
  "adopt",
  "close",
  "remove",
  "expire",
  "offline",
  "online",
  "token-down",
  "token-up",
  "crash-holder",
];

/** A window's last harmless moment came before a commit that took seconds: another context sent once more. */
function isRepeatedInWindow({ tokenCalls }: Run, { rotation, reuseWindow }: Scenario): boolean {
  const [first, second] = tokenCalls;
  if (rotation !== "window" || !first || !second || tokenCalls.length > 2) return false;
  const isSame = first.token === second.token && first.place !== second.place;
  return isSame && second.at - first.at < reuseWindow / 2;
}

/** As Workers KV is by itself. */
const LAGGING = { ...STORE, isAtomic: false, hasScope: false, shared: "everywhere" as const };

const stores: Family[] = [
  {
    title:
      "a store that needs more than a second each time: one call, and everybody is served [F44]",
    schedules: scenario({ ...calm, refreshAhead: false }, []).map((drawn) => ({
      ...drawn,
      store: { ...STORE, pace: [1_001, 1_300] as const },
      script: [...calls(LIFE * 1.01, 2), ...calls(30_000, 1)],
    })),
    judge(run) {
      mustSpend(run, 1);
      mustServe(run);
    },
  },
  {
    title: "a store of seconds: one call for each end, and the next calls are served [P1 P8 F44]",
    schedules: scenario({ ...calm, refreshAhead: false }, []).map((drawn) => ({
      ...drawn,
      store: { ...STORE, pace: [200, 4_500] as const },
      script: [...calls(LIFE * 1.01, 1), ...calls(MINUTE, 1), ...calls(30_000, 1)],
    })),
    judge(run, scenario) {
      mustSpend(run, isRepeatedInWindow(run, scenario) ? 2 : 1);
      // The first twelve may have spent their patience on the store.
      mustServe({ calls: run.calls.slice(12) });
    },
  },
  {
    title: "a store of seconds: what was read before a sign-in says nothing after it [P16 P19 F58]",
    share: 0.5,
    schedules: scenario({ ...calm, provider: "password", contexts: 2 }, []).map((drawn) => ({
      ...drawn,
      store: { ...STORE, pace: [200, 2_000] as const },
      script: [
        { after: 0, command: { type: "expire" as const } },
        ...calls(drawn.seed % 100, 1),
        { after: 20_000, command: { type: "sign-in" as const, place: 0 } },
        { after: (drawn.seed >> 8) % 6_000, command: { type: "expire" as const } },
        ...calls((drawn.seed >> 4) % 6_000, 1),
      ],
    })),
  },
  {
    title: "slow stores, all the time, some past anybody's patience [P2 P8 P10 P16 F44 F59]",
    share: 3,
    schedules: fc
      .record({
        drawn: scenario({}, MOST),
        over: fc.constantFrom(0, 0.05, 0.2),
        least: fc.constantFrom(0, 200, 1_001),
        most: fc.constantFrom(1_100, 2_500, 4_500),
      })
      .map(({ drawn, over, least, most }) => ({
        ...drawn,
        store: { ...STORE, over, pace: [least, most] as const },
      })),
  },
  {
    title: "a store that never answers in time keeps nobody from a good token in memory [P16 F59]",
    share: 0.5,
    schedules: scenario({ ...calm, contexts: 1, refreshAhead: false }, []).map((drawn) => ({
      ...drawn,
      store: { ...STORE, over: 1 },
      script: Array.from({ length: 10 }, (_, index) => ({
        after: index * 20_000 + (drawn.seed % 20_000),
        command: { type: "call" as const, place: 0, times: 2, endpoint: 0 },
      })),
    })),
    judge(run) {
      mustServe(run);
      const late = run.calls.filter(
        ({ settledAt = Infinity, startedAt }) => settledAt - startedAt > 5_500,
      );
      must(!late.length, `${late.length} calls waited for the store`);
    },
  },
  {
    title: "a store that always answers no makes no loop [P15 P16 F54]",
    schedules: scenario({ network: NO_TROUBLE }, [
      "call",
      "store-refuses",
      "store-accepts",
      "expire",
      "sign-in",
      "sign-out",
      "adopt",
      "reload",
    ]),
  },
  {
    title: "a store that neither compares and sets nor shows what is new [P10 P17 F33 F58]",
    share: 2,
    schedules: fc
      .record({
        drawn: scenario({ rotation: "none", locks: "none", channel: "none" }, [
          "call",
          "expire",
          "reload",
          "freeze",
          "resume",
          "sign-in",
        ]),
        lag: fc.constantFrom(0, 1_000, 60_000),
      })
      .map(({ drawn, lag }) => ({ ...drawn, store: { ...LAGGING, lag } })),
  },
  {
    title: "such a store, with every lock and channel, and all that users do [P10 P11 P16 F103]",
    schedules: fc
      .record({
        // Two contexts may both refresh: what ends the earlier token would end the other's.
        drawn: scenario({ rotation: "none", killsOld: false }, [
          "call",
          "expire",
          "reload",
          "close",
          "sign-in",
          "sign-out",
          "adopt",
          "store-down",
          "store-up",
        ]),
        provider: fc.constantFrom("vmcloud" as const, "password" as const, "mint" as const),
        lag: fc.constantFrom(0, 1_000, 60_000),
      })
      .map(({ drawn, provider, lag }) => ({ ...drawn, provider, store: { ...LAGGING, lag } })),
  },
];

const ends: Family[] = [
  {
    title:
      "sign-ins, adoptions, sign-outs and removals race, and none is lost [P19 P20 F40 F41 F46 F49]",
    share: 4,
    schedules: scenario({ provider: "password", network: NO_TROUBLE }, [
      "call",
      "sign-in",
      "sign-out",
      "adopt",
      "remove",
      "store-down",
      "store-up",
      "expire",
      "reload",
    ]),
  },
  {
    title: "a sign-out ends every session that its context has had [P4 P19]",
    share: 2,
    schedules: scenario(
      {
        provider: "password",
        contexts: 2,
        network: NO_TROUBLE,
        faults: { ...NO_FAULTS, storeFail: 0.2, storeLost: 0.4, slow: 0.1 },
      },
      ["call", "sign-in", "adopt", "sign-out", "store-down", "store-up"],
    ),
  },
  {
    title: "a refresh and a sign-in end at once: who signed in is served [P19 F40]",
    schedules: scenario({ ...calm, provider: "password", contexts: 2 }, []).map((drawn) => ({
      ...drawn,
      faults: { ...NO_FAULTS, slow: drawn.seed % 3 ? 0 : 0.2 },
      script: [
        ...calls(LIFE * 1.01, 1),
        { after: drawn.seed % 12, command: { type: "sign-in" as const, place: 0 } },
        { after: (drawn.seed >> 4) % 12, command: { type: "sign-in" as const, place: 1 } },
        ...calls(drawn.seed % 40, 2),
      ],
    })),
  },
  {
    title: "a closed vault begins nothing and finishes what is under way [P20 P21 F44 F47 F50]",
    share: 2,
    schedules: scenario({ provider: "password" }, [
      "call",
      "close",
      "sign-in",
      "adopt",
      "expire",
      "freeze",
      "resume",
      "store-down",
      "store-up",
    ]),
  },
  {
    title: "a vault that is closed before its request leaves no intent behind [P10 P21]",
    share: 2,
    schedules: scenario({ ...calm, refreshAhead: false, contexts: 2 }, []).map((drawn) => ({
      ...drawn,
      store: { ...STORE, pace: [1, 40] as const },
      script: [
        // Past the soft time for some, past the end for others.
        {
          after: LIFE * (drawn.seed % 2 ? 0.9 : 1.01),
          command: { type: "call" as const, place: 0, times: 1 },
        },
        { after: (drawn.seed >> 1) % 200, command: { type: "close" as const, place: 0 } },
      ],
    })),
  },
  {
    title: "two accounts in one store share nothing [P4 S11 F49]",
    share: 2,
    schedules: scenario({ accounts: 2, provider: "password" }, MOST),
  },
];

const places: Family[] = [
  {
    title: "machines whose clocks differ: a living exchange is not taken for over [P2 P15 F60]",
    share: 3,
    schedules: fc
      .record({
        drawn: scenario({ tokenTime: [500, 9_000] }, [
          "call",
          "expire",
          "reload",
          "crash",
          "freeze",
          "resume",
        ]),
        offsets: fc.array(fc.integer({ min: -8_000, max: 8_000 }), { minLength: 6, maxLength: 6 }),
      })
      .map(({ drawn, offsets }) => ({
        ...drawn,
        offsets,
        store: { ...STORE, shared: "everywhere" as const },
      })),
  },
  {
    title: "a reuse window is judged by running time, whatever clocks and stores do [P2 F38]",
    share: 2,
    schedules: fc
      .record({
        drawn: scenario({ rotation: "window", faults: { ...NO_FAULTS, freeze: 0.01 } }, [
          "call",
          "clock",
          "expire",
          "reload",
          "crash-holder",
          "freeze",
          "resume",
        ]),
        lostAfter: fc.constantFrom(0.3, 0.7),
        pace: fc.constantFrom(undefined, [200, 4_500] as const),
      })
      .map(({ drawn, lostAfter, pace }) => ({
        ...drawn,
        network: { ...NO_TROUBLE, lostAfter },
        store: { ...STORE, pace },
      })),
  },
  {
    title: "a clock that is set back opens no reuse window again [P2]",
    schedules: fc
      .record({
        drawn: scenario(
          { ...calm, rotation: "window", refreshAhead: false, killsOld: false, contexts: 2 },
          [],
        ),
        by: fc.integer({ min: -90_000, max: -15_000 }),
        pause: fc.integer({ min: 6_000, max: 30_000 }),
      })
      .map(({ drawn, by, pause }) => ({
        ...drawn,
        reuseWindow: 10_000,
        network: { ...NO_TROUBLE, lostAfter: 1 },
        script: [
          ...calls(1_000, 1),
          ...calls(LIFE * 0.81, 1),
          { after: drawn.seed % 5_000, command: { type: "clock" as const, place: 0, by } },
          ...calls(pause, 1),
          ...calls(pause, 1),
          ...calls(pause, 1),
        ],
      })),
  },
  {
    title: "where an attempt's own lock shows that it is dead, nobody waits for its deadline [F57]",
    schedules: fc
      .record({
        drawn: scenario(
          { ...calm, killsOld: false, refreshAhead: false, locks: "common", contexts: 4 },
          [],
        ),
        rotation: fc.constantFrom("none" as const, "window" as const, "strict" as const),
        channel: fc.constantFrom("none" as const, "open" as const),
      })
      .map(({ drawn, rotation, channel }) => ({
        ...drawn,
        rotation,
        channel,
        reuseWindow: 60_000,
        tokenTime: [3_000, 4_000] as const,
        script: [
          ...calls(LIFE * 1.01, 1),
          { after: 50 + (drawn.seed % 2_500), command: { type: "crash-holder" as const } },
          ...calls(drawn.seed % 300, 1),
        ],
      })),
    judge({ calls, invariants }, { rotation }) {
      must(
        invariants.facts.world.places.some(({ isCrashed }) => isCrashed),
        "nobody crashed",
      );
      // Two exchanges and a moment; a strict token waits for what may still be travelling, and for peers.
      // So does one with a window that nobody who lives knows to be open: by the last look before the intent.
      const { intentAt, world } = invariants.facts;
      const [[attemptId, begunAt] = ["", 0]] = intentAt;
      const isOpen = world.places.some(
        ({ isCrashed, notBefore }) =>
          !isCrashed && begunAt - (notBefore.get(attemptId) ?? -Infinity) < 20_000,
      );
      const most = rotation === "none" || (rotation === "window" && isOpen) ? 9_000 : 14_000;
      const late = calls.filter(
        ({ place, settledAt = Infinity, startedAt }) =>
          !place.isCrashed && settledAt - startedAt > most,
      );
      must(!late.length, `${late.length} of ${calls.length} calls waited for the deadline`);
    },
  },
  {
    title: "proxies in front of an owner: one call for each end, and everybody is served [P1 P12]",
    schedules: fc
      .record({
        drawn: scenario({ ...calm, contexts: 6, refreshAhead: false }, []),
        proxies: fc.integer({ min: 1, max: 5 }),
      })
      .map(({ drawn, proxies }) => ({
        ...drawn,
        proxies,
        script: [
          ...calls(LIFE * 1.01, 1),
          { after: MINUTE + (drawn.seed % MINUTE), command: { type: "expire" as const } },
          ...calls(drawn.seed % 100, 2),
        ],
      })),
    judge(run) {
      mustSpend(run, 2);
      mustServe(run);
    },
  },
  {
    title: "proxies in front of an owner, everything at once [P2 P12 P14 F103]",
    share: 2,
    schedules: fc
      .record({
        drawn: scenario({ contexts: 6, provider: "password" }, MOST),
        proxies: fc.integer({ min: 1, max: 4 }),
      })
      .map(({ drawn, proxies }) => ({
        ...drawn,
        proxies,
        endpoints: [{ kind: "good" as const }, { kind: "bad" as const }],
      })),
  },
  {
    title: "tokens that are minted anew, everything at once [P10 P16 P17]",
    share: 2,
    schedules: scenario({ provider: "mint", rotation: "none" }, MOST),
  },
  {
    title: "tokens that are signed here, by clocks that differ [P10 P17 F64]",
    schedules: fc
      .record({
        drawn: scenario({ provider: "self-signed", rotation: "none", life: 60 * MINUTE }, MOST),
        offsets: fc.array(fc.integer({ min: -10 * MINUTE, max: 10 * MINUTE }), {
          minLength: 6,
          maxLength: 6,
        }),
      })
      .map(({ drawn, offsets }) => ({ ...drawn, offsets })),
  },
];

const whole: Family[] = [
  {
    title: "the wider world, everything at once [P2 P3 P4 P5 P6 P7 P8 P9 P18]",
    share: 6,
    schedules: fc
      .record({
        drawn: scenario({}, [...MOST, "evict", "clock", "store-refuses", "store-accepts"]),
        provider: fc.constantFrom("vmcloud" as const, "password" as const),
        accounts: fc.constantFrom(1 as const, 2 as const),
        proxies: fc.nat({ max: 2 }),
        retryAfter: fc.constantFrom(0, 30),
        over: fc.constantFrom(0, 0, 0.05),
        pace: fc.constantFrom(undefined, [200, 2_000] as const),
        // Both together may use up an exchange's deadline, which costs a session that rotates strictly.
        tokenTime: fc.constantFrom(undefined, [500, 8_000] as const),
        apiTrouble: fc.constantFrom(0, 0.2),
        isStateless: fc.boolean(),
        lag: fc.nat({ max: 8_000 }),
      })
      .map(({ drawn, over, pace, tokenTime, apiTrouble, lag, ...parts }) => ({
        ...drawn,
        ...parts,
        tokenTime: pace ? undefined : tokenTime,
        store: { ...STORE, over, pace },
        network: { ...drawn.network, apiTrouble },
        endpoints: [
          { kind: "good" as const },
          { kind: "good" as const },
          { kind: "bad" as const },
          { kind: "lagging" as const, lag },
        ],
      })),
  },
];

export const placeFamilies: readonly Family[] = [...stores, ...ends, ...places, ...whole];

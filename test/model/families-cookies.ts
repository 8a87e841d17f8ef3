/** Families about a refresh token that lies in a cookie: one jar for all contexts of a browser. */
import { type Family, must, mustServe, mustSpend } from "./family.ts";
import type { Scenario } from "./scenario.ts";
import { calls, calm, LIFE, NO_FAULTS, NO_TROUBLE, scenario, STORE } from "./scenarios.ts";

const byCookie = { provider: "cookie" } as const;

/** What begins and ends sessions, and takes off the list what has ended. */
const COMINGS = [
  "call",
  "sign-in",
  "sign-out",
  "reload",
  "list",
  "find",
  "expire",
  "offline",
  "online",
] as const;

/** Somebody signs out, and a day later the tombstone goes. */
const leftForADay = (seed: number): Scenario["script"] => [
  { after: 30_000, command: { type: "sign-out", place: seed % 6 } },
  { after: LIFE * 1.001, command: { type: "list", place: seed % 5 } },
  { after: 1_000, command: { type: "reload", place: seed % 4 } },
  ...calls(seed % 40, 1),
];

/** Two sign in at once, while a logout is still owed. */
const rushed = (seed: number): Scenario["script"] => [
  { after: 60_000, command: { type: "offline" } },
  { after: 0, command: { type: "sign-out", place: seed % 6 } },
  { after: 2_000, command: { type: "online" } },
  { after: 0, command: { type: "sign-in", place: 0 } },
  { after: seed % 1_000, command: { type: "sign-in", place: 1 } },
];

export const cookieFamilies: readonly Family[] = [
  {
    title:
      "a cookie that rotates: one token call per expiry, for all contexts of a browser [P1 F1]",
    schedules: scenario({ ...calm, ...byCookie, refreshAhead: false }, []).map((drawn) => ({
      ...drawn,
      script: [...calls(LIFE * 1.01), ...calls(LIFE * 1.01)],
    })),
    judge(run) {
      mustSpend(run, 2);
      must(run.server.reuses() === 0, "a cookie was reused");
      mustServe(run);
    },
  },
  {
    title:
      "an empty database: one refresh finds the cookie, and all contexts are signed in [P1 F29]",
    schedules: scenario({ ...calm, ...byCookie }, []).map((drawn) => ({
      ...drawn,
      script: [
        { after: 10_000, command: { type: "evict" as const } },
        // The first one each time: what is opened anew stands last.
        ...Array.from({ length: drawn.contexts }, () => ({
          after: 0,
          command: { type: "reload" as const, place: 0 },
        })),
        ...calls(drawn.seed % 40, 1),
      ],
    })),
    judge(run) {
      mustSpend(run, 1);
      mustServe(run);
    },
  },
  {
    title:
      "a cookie is spent like any refresh token, though contexts crash and freeze [P2 P5 P6 P8]",
    share: 2,
    schedules: scenario(byCookie, ["call", "crash", "freeze", "resume", "reload", "expire"]),
  },
  {
    title:
      "sign-ins, refreshes and sign-outs of one jar never overlap, and no user gets another's [P4 P19 P20 F103]",
    share: 3,
    schedules: scenario({ ...byCookie, faults: { ...NO_FAULTS, crash: 0.01, slow: 0.2 } }, [
      "call",
      "sign-in",
      "sign-out",
      "find",
      "reload",
      "crash",
      "expire",
      "offline",
      "online",
    ]),
  },
  {
    title:
      "who has signed out is signed in again by no look, with and without a logout [P4 S14 S11]",
    share: 3,
    schedules: scenario(
      { ...byCookie, faults: { ...NO_FAULTS, crash: 0.01, slow: 0.2 } },
      COMINGS,
    ).map((drawn) => ({
      ...drawn,
      script: [...drawn.script, ...leftForADay(drawn.seed)],
      hasLogout: drawn.seed % 2 === 0,
      accounts: drawn.seed % 3 === 0 ? (2 as const) : (1 as const),
    })),
  },
  {
    title:
      "a slow token endpoint and a late store: visits to the jar follow each other [P3 P10 F103]",
    share: 2,
    schedules: scenario(
      {
        ...byCookie,
        faults: { ...NO_FAULTS, crash: 0.005 },
        network: NO_TROUBLE,
        tokenTime: [500, 14_000],
        store: { ...STORE, over: 0.02 },
      },
      COMINGS,
    ).map((drawn) => ({ ...drawn, script: [...drawn.script, ...rushed(drawn.seed)] })),
  },
  {
    title: "logins beside the vault: a session ends before it serves another user's token [P6 P10]",
    share: 2,
    schedules: scenario({ ...byCookie, network: { ...NO_TROUBLE, late: 0.3, lostAfter: 0.2 } }, [
      "call",
      "outside",
      "sign-in",
      "sign-out",
      "find",
      "reload",
      "freeze",
      "resume",
      "store-down",
      "store-up",
      "close",
      "expire",
    ]),
  },
];

/** The families that the protocol was first proved by: one API, one account, one good endpoint. */
import { type Family, must, mustServe, mustSpend } from "./family.ts";
import { calls, calm, LIFE, NO_FAULTS, NO_TROUBLE, repeat, scenario } from "./scenarios.ts";

const once: Family[] = [
  {
    title: "without faults, one token call per expiry, and every caller gets the new token [P1 F1]",
    share: 2,
    schedules: scenario({ ...calm, refreshAhead: false }, []).map((drawn) => ({
      ...drawn,
      script: [...calls(LIFE * 1.01), ...calls(LIFE * 1.01)],
    })),
    judge(run) {
      mustSpend(run, 2);
      must(run.server.reuses() === 0, "a token was reused");
      mustServe(run);
    },
  },
  {
    title: "past the soft time one call is served at once, and one refresh runs behind it [P1 F8]",
    schedules: scenario({ ...calm, refreshAhead: false, killsOld: false }, []).map((drawn) => ({
      ...drawn,
      script: [...calls(LIFE * 0.81, 1), ...calls(60_000, 1)],
    })),
    judge(run) {
      mustSpend(run, 1);
      mustServe(run);
      must(
        run.calls.every(({ bodies }) => bodies.length === 1),
        "a call was sent twice",
      );
    },
  },
  {
    title:
      "a 401 for an older generation resends with the current one and makes no token call [P12]",
    schedules: scenario({ ...calm, refreshAhead: false, killsOld: true }, []).map((drawn) => ({
      ...drawn,
      // The first calls refresh; the others' 401s come while, and after, that happens.
      script: [
        { after: LIFE * 0.3, command: { type: "expire" as const } },
        ...calls(0, 2),
        ...calls(drawn.seed % 15, 2),
        ...calls(200, 2),
      ],
    })),
    judge(run) {
      mustSpend(run, 1);
      mustServe(run);
    },
  },
  {
    title: "a server that always answers 401 makes a bounded number of refreshes [P13 F18]",
    share: 0.1,
    schedules: scenario(
      { ...calm, endpoints: [{ kind: "bad" }], rotation: "none", refreshAhead: false },
      [],
    ).map((drawn) => ({
      ...drawn,
      script: repeat(60 / (1 + (drawn.seed % 3)), calls(20_000 * (1 + (drawn.seed % 3)), 1)),
    })),
    // Twenty minutes of calls every 20, 40 or 60 s: after 0, 1, 2, 4, 8, 16 minutes at the most.
    judge({ tokenCalls }) {
      must(
        tokenCalls.length > 1 && tokenCalls.length <= 7,
        `${tokenCalls.length} token calls in twenty minutes`,
      );
    },
  },
  {
    title: "an abort changes nothing for the others, nor the number of token calls [P14 F11]",
    schedules: scenario({ ...calm, refreshAhead: false }, []).map((drawn) => ({
      ...drawn,
      script: [
        ...calls(LIFE * 1.01),
        { after: drawn.seed % 12, command: { type: "abort" as const, place: 0 } },
        { after: 0, command: { type: "abort" as const, place: 1 } },
      ],
    })),
    judge(run) {
      mustSpend(run, 1);
      const aborted = run.calls.filter(({ code }) => code === "AbortError");
      must(aborted.length <= 2, `${aborted.length} calls were aborted by two`);
      mustServe({ calls: run.calls.filter((call) => !aborted.includes(call)) });
    },
  },
];

const random: Family[] = [
  {
    title:
      "everything at once: no refresh token is replayed while that could cost the session [P2]",
    share: 6,
    schedules: scenario(),
  },
  {
    title: "strict rotation: crashes and freezes at every await [P2 P5 P8 F39]",
    share: 4,
    schedules: scenario({ rotation: "strict" }, [
      "call",
      "crash",
      "freeze",
      "resume",
      "reload",
      "expire",
    ]),
  },
  {
    title: "generations and revisions only grow, though writes fail, get lost and are evicted [P3]",
    share: 2,
    schedules: scenario({ network: NO_TROUBLE }, [
      "call",
      "store-down",
      "store-up",
      "evict",
      "expire",
      "sign-in",
    ]),
  },
  {
    title: "sign-outs and sign-ins race with refreshes, and no ended session comes back [P4 F24]",
    share: 3,
    schedules: scenario({}, [
      "call",
      "sign-in",
      "sign-out",
      "freeze",
      "resume",
      "reload",
      "expire",
    ]),
  },
  {
    title: "an intent stands until a commit, a refusal or a reply that proves nothing [P5 P18 F14]",
    schedules: scenario(
      {
        faults: NO_FAULTS,
        network: { ...NO_TROUBLE, status429: 0.4, status503: 0.3, status500: 0.2 },
      },
      ["call", "expire", "crash"],
    ),
  },
  {
    title: "tokens of one grant stay together, though replies come late, twice or not at all [P6]",
    schedules: scenario(
      {
        network: { ...NO_TROUBLE, late: 0.6, lostAfter: 0.2, doubled: 0.2 },
        faults: { ...NO_FAULTS, freeze: 0.03, slow: 0.3 },
      },
      ["call", "freeze", "resume", "expire"],
    ),
  },
  {
    title:
      "waiters get a token after its commit, or marked unpersisted when commits fail [P7 F9 F22]",
    schedules: scenario(
      {
        network: { ...NO_TROUBLE, late: 0.2 },
        faults: { ...NO_FAULTS, storeFail: 0.2, storeLost: 0.2, freeze: 0.02, slow: 0.2 },
      },
      ["call", "freeze", "resume", "store-down", "store-up", "expire"],
    ),
  },
  {
    title: "locks that are frozen, taken away or missing change nothing but the waiting [P8 F3 F7]",
    share: 2,
    schedules: scenario(
      { faults: { ...NO_FAULTS, lockLost: 0.5, freeze: 0.03, crash: 0.01, slow: 0.2 } },
      ["call", "freeze", "resume", "crash", "expire"],
    ),
  },
  {
    title: "a refusal asks for one sign-in, and the access token serves on to its end [P9 F36]",
    schedules: scenario({ rotation: "strict", killsOld: false, isStateless: true }, [
      "call",
      "reload",
      "freeze",
      "resume",
    ]),
  },
  {
    title: "every call settles, whatever is frozen, slow or gone [P10 F2 F4 F38]",
    share: 2,
    schedules: scenario({
      faults: {
        crash: 0.01,
        freeze: 0.05,
        storeFail: 0.1,
        storeLost: 0.1,
        lockLost: 0.3,
        garbage: 0.1,
        slow: 0.5,
      },
    }),
  },
  {
    title:
      "a call is sent at most twice, with the same bytes, never with a rejected token [P11 F19]",
    schedules: scenario({ faults: NO_FAULTS }, ["call", "expire", "online"]),
  },
  {
    title: "no clock makes a refresh loop or an overflow [P15 F15 F16]",
    share: 2,
    schedules: scenario({ network: NO_TROUBLE, faults: NO_FAULTS }, [
      "call",
      "clock",
      "freeze",
      "resume",
    ]),
    judge({ invariants }, { script }) {
      const steps = script.filter(({ command }) => command.type === "clock").length;
      const time = script.reduce((sum, { after }) => sum + after, 0);
      const { length } = invariants.facts.commits;
      // A clock that is half a day off may take a day's life for a tenth of it, never for less.
      must(length <= time / (LIFE * 0.074) + steps + 3, `${length} refreshes`);
    },
  },
  {
    title:
      "a store that fails signs nobody out, and nobody refreshes a shared session without it [P16 F22]",
    share: 2,
    schedules: scenario({ network: NO_TROUBLE }, [
      "call",
      "store-down",
      "store-up",
      "expire",
      "sign-in",
      "reload",
    ]),
  },
  {
    title: "failures that are no refusal never end a session [P17 F13]",
    share: 2,
    schedules: scenario(
      {
        rotation: "none",
        network: {
          lostBefore: 0.3,
          lostAfter: 0.3,
          late: 0.2,
          deaf: 0,
          status500: 0.3,
          status503: 0.2,
          status429: 0.2,
          portal: 0.2,
          doubled: 0.1,
          apiTrouble: 0,
        },
      },
      ["call", "expire", "offline", "online", "crash", "reload", "store-down", "store-up"],
    ),
    judge: ({ server }) => must(server.refusals() === 0, "the server refused"),
  },
  {
    title:
      "a store that goes back to an earlier record hangs nobody, and without rotation costs no session [P10 P15 P17 F33]",
    share: 2,
    schedules: scenario({}, ["call", "go-back", "expire", "freeze", "resume", "reload"]),
  },
];

export const firstFamilies: readonly Family[] = [...once, ...random];

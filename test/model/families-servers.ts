/** Families about what servers do: bad endpoints, lives told wrongly, slow token endpoints, throttling. */
import fc from "fast-check";
import { type Family, must, mustServe, mustSpend } from "./family.ts";
import type { Scenario } from "./scenario.ts";
import {
  calls,
  calm,
  HOUR,
  LIFE,
  MINUTE,
  NO_FAULTS,
  NO_TROUBLE,
  repeat,
  scenario,
  STORE,
} from "./scenarios.ts";
import type { Endpoint, Granted } from "./server.ts";
import type { Run } from "./simulation.ts";

/** Longer than two requests and two operations of a quick store take. */
const AT_ONCE = 500;

const call = (after: number, place: number, endpoint = 0): Scenario["script"][number] => ({
  after,
  command: { type: "call", place, times: 1, endpoint },
});

/** Calls of the good endpoint, without those that a context makes when it has never looked. */
const AT_LEAST = MINUTE;

/** Calls whose last token had lived long enough: servers may end what a rotation has replaced (P13). */
const ordinaryCalls = ({ calls, server }: Run): Run["calls"] =>
  calls.filter(({ accesses }) => {
    const { at = 0, deadAt = Infinity } = server.byAccess.get(accesses.at(-1) ?? "") ?? {};
    return deadAt - at >= AT_LEAST;
  });

const goodCalls = ({ calls }: Pick<Run, "calls">): Run["calls"] =>
  calls.filter(({ endpoint }) => endpoint === 0);

function mustBeAtOnce(some: Run["calls"]): void {
  const late = some.filter(
    ({ settledAt = Infinity, startedAt }) => settledAt - startedAt > AT_ONCE,
  );
  must(!late.length, `${late.length} of ${some.length} calls waited`);
}

/** What a bad endpoint may cost: at once, and after 1, 2, 4 … minutes, up to an hour. */
const refreshesBy401 = (time: number): number => 2 + Math.ceil(Math.log2(1 + time / MINUTE));

function mustBeBounded({ tokenCalls }: Run, { script, life, endpoints }: Scenario, more = 0): void {
  const time = script.reduce((sum, { after }) => sum + after, 0);
  const bad = endpoints.filter(({ kind }) => kind !== "good").length;
  const most = bad * refreshesBy401(time) + Math.ceil(time / (0.7 * life)) + 1 + more;
  must(tokenCalls.length <= most, `${tokenCalls.length} token calls, at most ${most}`);
}

const bads = (count: number): Endpoint[] => [
  { kind: "good" },
  ...Array.from({ length: count }, () => ({ kind: "bad" as const })),
];

/** Without calls that were sent with two tokens which were both revoked: they have had their one resend (P11). */
const unlessResent = (calls: Run["calls"]): Run["calls"] =>
  calls.filter(({ status, bodies }) => status === 200 || bodies.length < 2);

/** Once a context has seen an endpoint let a token through, that is an ordinary endpoint to it. */
function mustStayHealed(run: Run): void {
  const { calls } = run;
  const ordinary = new Set(ordinaryCalls(run));
  for (const place of new Set(calls.map((one) => one.place))) {
    const own = calls.filter((one) => one.place === place && one.endpoint !== 0);
    const first = own.find(({ status }) => status === 200);
    must(!!first, "an endpoint never healed");
    const later = own.filter((one) => ordinary.has(one) && one.startedAt > (first?.settledAt ?? 0));
    mustServe({ calls: unlessResent(later) });
  }
}

interface Beat {
  /** How many endpoints are bad. */
  readonly count: number;
  /** How much more slowly all is asked. */
  readonly beat: number;
}

/** Two contexts ask a good endpoint and bad ones, for as many times 20 s. */
const besides = (times: number, { count, beat }: Beat): Scenario["script"] =>
  repeat(Math.ceil(times / beat), [
    call(9_000 * beat, 0),
    call(1_000 * beat, 1, 1),
    call(1_000 * beat, 0, Math.min(2, count)),
    call(5_000 * beat, 1),
    call(4_000 * beat, 0, count),
  ]);

const besideBad = fc.record({
  drawn: scenario({ ...calm, killsOld: false, tokenTime: [1_000, 3_000], contexts: 2 }, []),
  life: fc.constantFrom(15, 30, 45, 60),
  count: fc.integer({ min: 1, max: 3 }),
  beat: fc.constantFrom(1, 3, 5),
});

const beside: Family[] = [
  {
    title: "endpoints that always answer 401 neither fail nor delay others' requests [P13 F42]",
    share: 0.5,
    schedules: besideBad.map(({ drawn, life, count, beat }) => ({
      ...drawn,
      life: life * MINUTE,
      endpoints: bads(count),
      script: besides(2.2 * life, { count, beat }),
    })),
    judge(run, drawn) {
      mustServe({ calls: goodCalls(run) });
      mustBeAtOnce(goodCalls(run).slice(2));
      mustBeBounded(run, drawn);
    },
  },
  {
    title:
      "they cost others nothing though the good one's token is revoked now and then [P13 F42 F43]",
    share: 0.5,
    schedules: besideBad.map(({ drawn, life, count, beat }) => ({
      ...drawn,
      life: life * MINUTE,
      endpoints: bads(count),
      script: repeat(3, [
        ...besides(7, { count, beat }),
        { after: drawn.seed % 7_000, command: { type: "expire" as const } },
        ...besides(7 + (drawn.seed % 9), { count, beat }),
      ]),
    })),
    judge(run, drawn) {
      mustServe({ calls: goodCalls(run) });
      mustBeBounded(run, drawn, 3);
    },
  },
  {
    title: "they cost others nothing while the token endpoint is down and the token is good [P13]",
    share: 0.3,
    schedules: besideBad.map(({ drawn, count, beat }) => ({
      ...drawn,
      life: 2 * HOUR,
      endpoints: bads(count),
      script: [
        ...besides(3, { count, beat }),
        { after: 0, command: { type: "token-down" as const } },
        // From two minutes to a quarter of an hour.
        ...besides(6 + (drawn.seed % 40), { count, beat }),
        { after: 0, command: { type: "token-up" as const } },
        ...besides(6, { count, beat }),
      ],
    })),
    judge(run) {
      mustServe({ calls: goodCalls(run) });
      mustBeAtOnce(goodCalls(run).slice(2));
    },
  },
  {
    title:
      "an endpoint that heals late is refreshed for again, from its first success on [P13 F42]",
    share: 0.5,
    schedules: fc
      .record({
        drawn: scenario({ ...calm, killsOld: false, tokenTime: [300, 2_000], contexts: 2 }, []),
        // Less than the first pause, and more than the fifth.
        minutes: fc.integer({ min: 1, max: 40 }),
        beat: fc.constantFrom(1, 3),
      })
      .map(({ drawn, minutes, beat }) => ({
        ...drawn,
        life: HOUR,
        endpoints: [{ kind: "good" as const }, { kind: "ill" as const, until: minutes * MINUTE }],
        script: [
          ...besides(3 * minutes, { count: 1, beat }),
          ...repeat(4, [
            ...besides(1, { count: 1, beat: 1 }),
            ...besides(drawn.seed % 12, { count: 1, beat }),
            { after: drawn.seed % 7_000, command: { type: "expire" as const } },
            ...besides(2, { count: 1, beat: 1 }),
          ]),
        ],
      })),
    judge(run) {
      mustServe({ calls: unlessResent(goodCalls(run)) });
      mustStayHealed(run);
    },
  },
  {
    title: "replicas that lag behind a rotation cost a bounded number of refreshes [P13]",
    share: 0.5,
    schedules: fc
      .record({
        drawn: scenario({ ...calm, contexts: 3, tokenTime: [100, 1_000] }, []),
        lags: fc.array(fc.nat({ max: 8_000 }), { minLength: 1, maxLength: 3 }),
        life: fc.constantFrom(5, 15, 60),
      })
      .map(({ drawn, lags, life }) => ({
        ...drawn,
        life: life * MINUTE,
        endpoints: [
          { kind: "good" as const },
          ...lags.map((lag) => ({ kind: "lagging" as const, lag })),
        ],
        // Soft times lie between 75 and 80 % of a life, so that most rounds begin with a refresh.
        script: repeat(6, [
          call(0.85 * life * MINUTE, 0),
          ...repeat(4, [
            call(drawn.seed % 3_000, 1, 1),
            call(100, 2, 2 % (lags.length + 1)),
            call(7_000, 1),
          ]),
        ]),
      })),
    judge(run, drawn) {
      mustServe({ calls: goodCalls({ calls: ordinaryCalls(run) }) });
      must(run.tokenCalls.length > 2, "next to nothing was rotated");
      mustBeBounded(run, drawn);
    },
  },
];

const lives: Family[] = [
  {
    title: "tokens that end before anybody was told fail no call [P13 F43]",
    share: 0.5,
    schedules: fc
      .record({
        drawn: scenario({ ...calm, contexts: 2, rotation: "none", provider: "password" }, []),
        told: fc.constantFrom("absent" as const, "milliseconds" as const, "a day" as const),
        provider: fc.constantFrom("password" as const, "mint" as const),
        minutes: fc.constantFrom(2, 15, 30),
      })
      .map(({ drawn, minutes, told, provider }) => ({
        ...drawn,
        provider,
        told,
        life: minutes * MINUTE,
        script: repeat(60, [call(20_000 * Math.sqrt(minutes), 0), call(30_000, 1)]),
      })),
    judge: mustServe,
  },
  {
    title: "sessions that end when they are idle fail no call [P13 F43]",
    share: 0.5,
    schedules: scenario(
      { ...calm, contexts: 2, provider: "password", told: "a day", idleEnd: 30 * MINUTE },
      [],
    ).map((drawn) => ({
      ...drawn,
      script: repeat(10, [
        call(31 * MINUTE, 0),
        call(drawn.seed % 10_000, 1),
        call(45 * MINUTE, 1),
        call(5 * MINUTE, 0),
      ]),
    })),
    judge: mustServe,
  },
  {
    title: "lives of minutes: everything at once [P15]",
    share: 3,
    schedules: fc
      .integer({ min: 2, max: 15 })
      .chain((minutes) => scenario({ life: minutes * MINUTE })),
  },
  {
    title: "devices that end each other's sessions cost a bounded number of refreshes [P13]",
    share: 0.3,
    schedules: scenario(
      { ...calm, devices: 2, contexts: 4, provider: "password", rotation: "none" },
      [],
    ).map((drawn) => ({
      ...drawn,
      script: repeat(40, [
        call(2_000 + (drawn.seed % 8_000), 0),
        call(3_000, 1),
        call(drawn.seed % 3_000, 2),
        call(1_000, 3),
      ]),
    })),
    judge({ tokenCalls, contexts: { all }, server }) {
      const isEnded = ({ deadAt }: Granted): boolean => deadAt < Infinity;
      for (const device of [0, 1]) {
        const given = [...server.byAccess.values()].filter(
          ({ grants }) => grants.device === device,
        );
        must(given.filter(isEnded).length > 2, "the other device has ended next to nothing");
      }
      // Within ten minutes: eleven of each context, then one after each pause of one, two and four minutes.
      for (const { place } of all) {
        const own = tokenCalls.filter((one) => one.place === place);
        const isCrowd = own.some(
          ({ at }, index) => (own[index + 14]?.at ?? Infinity) - at < 10 * MINUTE,
        );
        must(!isCrowd, `${own.length} token calls of one of ${all.length} contexts`);
      }
    },
  },
];

const endpoints: Family[] = [
  {
    title: "a token endpoint that needs seconds is asked once [P1 F45]",
    schedules: fc
      .record({
        drawn: scenario({ ...calm, killsOld: false, refreshAhead: false, reuseWindow: 30_000 }, []),
        rotation: fc.constantFrom("none" as const, "window" as const, "strict" as const),
        locks: fc.constantFrom("none" as const, "apart" as const),
        channel: fc.constantFrom("none" as const, "deaf" as const),
      })
      .map(({ drawn, ...parts }) => ({
        ...drawn,
        ...parts,
        tokenTime: [5_000, 6_000] as const,
        script: [...calls(LIFE * 1.01, 2), ...calls(drawn.seed % 4_000, 1), ...calls(30_000, 1)],
      })),
    judge(run) {
      mustSpend(run, 1);
      mustServe(run);
    },
  },
  {
    title: "token endpoints of seconds, with crashes and freezes [P2 F45]",
    share: 2,
    schedules: scenario(
      { tokenTime: [500, 12_000], faults: { ...NO_FAULTS, crash: 0.005, freeze: 0.01 } },
      ["call", "expire", "reload", "freeze", "resume", "crash-holder"],
    ),
  },
  {
    title:
      "throttling: `Retry-After` is kept, and what proves nothing was spent is believed [P18 F14]",
    schedules: fc
      .record({
        drawn: scenario(
          {
            faults: { ...NO_FAULTS, slow: 0.1 },
            network: { ...NO_TROUBLE, status429: 0.4, status503: 0.3, lostAfter: 0.1 },
            provider: "password",
            retryAfter: 400,
          },
          ["call", "expire", "reload", "token-down", "token-up"],
        ),
        safe503: fc.boolean(),
      })
      .map(({ drawn, safe503 }) => ({ ...drawn, safe503 })),
  },
  {
    title: "replies that come when their exchange has ended: none is dropped [P4 P19 P20 P21]",
    share: 2,
    schedules: fc
      .record({
        drawn: scenario({}, [
          "call",
          "freeze",
          "reload",
          "resume",
          "close",
          "sign-in",
          "sign-out",
          "expire",
          "store-down",
          "store-up",
        ]),
        provider: fc.constantFrom("password" as const, "mint" as const, "vmcloud" as const),
        late: fc.constantFrom(0.3, 0.7),
        deaf: fc.constantFrom(0.5, 1),
        pace: fc.constantFrom(undefined, undefined, [200, 2_000] as const),
        over: fc.constantFrom(0, 0, 0.05),
      })
      .map(({ drawn, provider, late, deaf, pace, over }) => ({
        ...drawn,
        provider,
        store: { ...STORE, pace, over },
        rotation: provider === "mint" ? "none" : drawn.rotation,
        network: { ...drawn.network, late, deaf },
      })),
  },
  {
    title: "the first call of a context is served a good token at once [P13 F98]",
    share: 0.5,
    schedules: scenario({ ...calm, killsOld: false, tokenTime: [13_000, 14_500] }, []).map(
      (drawn) => ({
        ...drawn,
        script: [
          { after: LIFE * 0.85, command: { type: "reload" as const, place: 0 } },
          ...calls(drawn.seed % 20, 1),
        ],
      }),
    ),
    judge: (run) => mustBeAtOnce(run.calls.filter(({ startedAt }) => startedAt < LIFE)),
  },
  {
    title:
      "a runtime that says it is offline, or cannot say it, is not believed by who waits [F55]",
    share: 0.5,
    schedules: fc
      .record({
        drawn: scenario({ ...calm, refreshAhead: false }, []),
        online: fc.constantFrom("never" as const, "throws" as const),
      })
      .map(({ drawn, online }) => ({ ...drawn, online, script: calls(LIFE * 1.01, 2) })),
    judge(run) {
      mustServe(run);
      mustSpend(run, 1);
    },
  },
];

export const serverFamilies: readonly Family[] = [...beside, ...lives, ...endpoints];

/**
 * The refresh protocol under random interleavings: the engine that ships, in a simulated world. Each
 * title names the invariants that its family of schedules provokes; all are checked in all.
 *
 * `TOKENKEEP_SCHEDULES=1000000` runs more; `TOKENKEEP_SEED=…` and `TOKENKEEP_PATH=…` replay what a
 * failure prints.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIFE, NO_FAULTS, NO_TROUBLE, scenario } from "./scenarios.ts";
import { type Scenario, simulate } from "./simulation.ts";

const SCHEDULES = Number(process.env["TOKENKEEP_SCHEDULES"] ?? 10_000);
/** New schedules each time. In CI the same ones, so that a change and not luck turns a test red. */
const SEED = Number(
  process.env["TOKENKEEP_SEED"] ?? (process.env["CI"] && SCHEDULES <= 10_000 ? 1 : Date.now() | 0),
);
console.log(`${SCHEDULES} schedules, TOKENKEEP_SEED=${SEED}`);
const PATH = process.env["TOKENKEEP_PATH"];
/** How many equal shares the schedules are dealt in. */
const SHARES = 32;

type Run = Awaited<ReturnType<typeof simulate>>;

/** Runs some shares of the schedules, each with its own seed, shrinking what fails. */
async function prove(
  schedules: fc.Arbitrary<Scenario>,
  more: (run: Run, scenario: Scenario) => void = () => {},
  shares = 1,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(schedules, async (drawn) => {
      more(await simulate(drawn), drawn);
    }),
    {
      numRuns: Math.ceil((SCHEDULES * shares) / SHARES),
      seed: SEED,
      ...(PATH !== undefined && { path: PATH }),
    },
  );
}

const calls = (after: number, times = 3) =>
  [0, 1, 2, 3, 4, 5].map((place, index) => ({
    after: index === 0 ? after : 0,
    command: { type: "call" as const, place, times },
  }));

const calm = { faults: NO_FAULTS, network: NO_TROUBLE };

describe("the refresh protocol", { timeout: 24 * 3_600_000 }, () => {
  it("P1 F1 without faults, one token call per expiry, and every caller gets the new token", () =>
    prove(
      scenario({ ...calm, refreshAhead: false, always401: false }, []).map((drawn) => ({
        ...drawn,
        script: [...calls(LIFE * 1.01), ...calls(LIFE * 1.01)],
      })),
      ({ tokenCalls, calls: made, server }) => {
        expect(tokenCalls).toHaveLength(2);
        expect(server.reuses()).toBe(0);
        expect(made.every(({ status }) => status === 200)).toBe(true);
      },
      2,
    ));

  it("P1 F8 past the soft time one call is served at once, and one refresh runs behind it", () =>
    prove(
      scenario({ ...calm, refreshAhead: false, killsOld: false }, []).map((drawn) => ({
        ...drawn,
        script: [...calls(LIFE * 0.81, 1), ...calls(60_000, 1)],
      })),
      ({ tokenCalls, calls: made }) => {
        expect(tokenCalls).toHaveLength(1);
        expect(made.every(({ status, bodies }) => status === 200 && bodies.length === 1)).toBe(
          true,
        );
      },
    ));

  it("P2 everything at once: no refresh token is replayed while that could cost the session", () =>
    prove(scenario(), undefined, 6));

  it("P2 P5 P8 F39 strict rotation: crashes and freezes at every await", () =>
    prove(
      scenario({ rotation: "strict" }, ["call", "crash", "freeze", "resume", "reload", "expire"]),
      undefined,
      4,
    ));

  it("P3 generations and revisions only grow, though writes fail, get lost and are evicted", () =>
    prove(
      scenario({ network: NO_TROUBLE }, [
        "call",
        "store-down",
        "store-up",
        "evict",
        "expire",
        "sign-in",
      ]),
      undefined,
      2,
    ));

  it("P4 F24 sign-outs and sign-ins race with refreshes, and no ended session comes back", () =>
    prove(
      scenario({}, ["call", "sign-in", "sign-out", "freeze", "resume", "reload", "expire"]),
      undefined,
      3,
    ));

  it("P5 P18 F14 an intent stands until a commit, a refusal or a reply that proves nothing", () =>
    prove(
      scenario(
        {
          faults: NO_FAULTS,
          network: { ...NO_TROUBLE, status429: 0.4, status503: 0.3, status500: 0.2 },
        },
        ["call", "expire", "crash"],
      ),
    ));

  it("P6 tokens of one grant stay together, though replies come late, twice or not at all", () =>
    prove(
      scenario(
        {
          network: { ...NO_TROUBLE, late: 0.6, lostAfter: 0.2, doubled: 0.2 },
          faults: { ...NO_FAULTS, freeze: 0.03, slow: 0.3 },
        },
        ["call", "freeze", "resume", "expire"],
      ),
    ));

  it("P7 F9 F22 waiters get a token after its commit, or marked unpersisted when commits fail", () =>
    prove(
      scenario(
        {
          network: { ...NO_TROUBLE, late: 0.2 },
          faults: { ...NO_FAULTS, storeFail: 0.2, storeLost: 0.2, freeze: 0.02, slow: 0.2 },
        },
        ["call", "freeze", "resume", "store-down", "store-up", "expire"],
      ),
    ));

  it("P8 F3 F7 locks that are frozen, taken away or missing change nothing but the waiting", () =>
    prove(
      scenario({ faults: { ...NO_FAULTS, lockLost: 0.5, freeze: 0.03, crash: 0.01, slow: 0.2 } }, [
        "call",
        "freeze",
        "resume",
        "crash",
        "expire",
      ]),
      undefined,
      2,
    ));

  it("P9 F36 a refusal asks for one sign-in, and the access token serves on to its end", () =>
    prove(
      scenario({ rotation: "strict", killsOld: false }, ["call", "reload", "freeze", "resume"]),
    ));

  it("P10 F2 F4 F38 every call settles, whatever is frozen, slow or gone", () =>
    prove(
      scenario({
        faults: {
          crash: 0.01,
          freeze: 0.05,
          storeFail: 0.1,
          storeLost: 0.1,
          lockLost: 0.3,
          slow: 0.5,
        },
      }),
      undefined,
      2,
    ));

  it("P11 F19 a call is sent at most twice, with the same bytes, never with a rejected token", () =>
    prove(scenario({ faults: NO_FAULTS }, ["call", "expire", "online"])));

  it("P12 a 401 for an older generation resends with the current one and makes no token call", () =>
    prove(
      scenario({ ...calm, refreshAhead: false, killsOld: true }, []).map((drawn) => ({
        ...drawn,
        // The first calls refresh; the others' 401s come while, and after, that happens.
        script: [
          { after: LIFE * 0.3, command: { type: "expire" as const } },
          ...calls(0, 2),
          ...calls(drawn.seed % 15, 2),
          ...calls(200, 2),
        ],
      })),
      ({ tokenCalls, calls: made }) => {
        expect(tokenCalls).toHaveLength(1);
        expect(made.every(({ status }) => status === 200)).toBe(true);
      },
    ));

  it("P13 F18 a server that always answers 401 makes a bounded number of refreshes", () =>
    prove(
      scenario({ ...calm, always401: true, rotation: "none", refreshAhead: false }, []).map(
        (drawn) => ({
          ...drawn,
          script: Array.from({ length: 60 }, () => calls(20_000, 1)).flat(),
        }),
      ),
      // Twenty minutes of calls every 20 s: after 0, 1, 2, 4, 8, 16 minutes at the most.
      ({ tokenCalls }) => {
        expect(tokenCalls.length).toBeGreaterThan(1);
        expect(tokenCalls.length).toBeLessThanOrEqual(7);
      },
      0.1,
    ));

  it("P14 F11 an abort changes nothing for the others, nor the number of token calls", () =>
    prove(
      scenario({ ...calm, refreshAhead: false }, []).map((drawn) => ({
        ...drawn,
        script: [
          ...calls(LIFE * 1.01),
          { after: drawn.seed % 12, command: { type: "abort" as const, place: 0 } },
          { after: 0, command: { type: "abort" as const, place: 1 } },
        ],
      })),
      ({ tokenCalls, calls: made }) => {
        expect(tokenCalls).toHaveLength(1);
        const aborted = made.filter(({ code }) => code === "AbortError");
        expect(aborted.length).toBeLessThanOrEqual(2);
        expect(made.filter(({ status }) => status === 200)).toHaveLength(
          made.length - aborted.length,
        );
      },
    ));

  it("P15 F15 F16 no clock makes a refresh loop or an overflow", () =>
    prove(
      scenario({ network: NO_TROUBLE, faults: NO_FAULTS }, ["call", "clock", "freeze", "resume"]),
      ({ invariants }, { script }) => {
        const steps = script.filter(({ command }) => command.type === "clock").length;
        const time = script.reduce((sum, { after }) => sum + after, 0);
        // A clock that is half a day off may take a day's life for a tenth of it, never for less.
        expect(invariants.commits.length).toBeLessThanOrEqual(time / (LIFE * 0.074) + steps + 3);
      },
      2,
    ));

  it("P16 F22 a store that fails signs nobody out, and nobody refreshes a shared session without it", () =>
    prove(
      scenario({ network: NO_TROUBLE }, [
        "call",
        "store-down",
        "store-up",
        "expire",
        "sign-in",
        "reload",
      ]),
      undefined,
      2,
    ));

  it("P17 F13 failures that are no refusal never end a session", () =>
    prove(
      scenario(
        {
          rotation: "none",
          network: {
            lostBefore: 0.3,
            lostAfter: 0.3,
            late: 0.2,
            status500: 0.3,
            status503: 0.2,
            status429: 0.2,
            portal: 0.2,
            doubled: 0.1,
          },
        },
        ["call", "expire", "offline", "online", "crash", "reload", "store-down", "store-up"],
      ),
      ({ server }) => expect(server.refusals()).toBe(0),
      2,
    ));

  it("P10 P15 P17 F33 a store that goes back to an earlier record hangs nobody, and without rotation costs no session", () =>
    prove(scenario({}, ["call", "go-back", "expire", "freeze", "resume", "reload"]), undefined, 2));

  it("P18 clients that signed in together do not refresh in step", async () => {
    const times = new Set<number>();
    const clients = 40;
    for (let seed = 1; seed <= clients; seed++) {
      const { tokenCalls } = await simulate({
        ...fc.sample(scenario({ ...calm, refreshAhead: true, contexts: 2 }, []), {
          numRuns: 1,
          seed,
        })[0]!,
        seed,
        script: [{ after: LIFE * 0.81, command: { type: "online" } }],
      });
      expect(tokenCalls).toHaveLength(1);
      times.add(Math.round(tokenCalls[0]!.at / 60_000));
    }
    // Spread over the 72 minutes between 75 and 80 percent of a day.
    expect(times.size).toBeGreaterThan(clients / 2);
  });
});

/** Servers whose tokens end before anybody expected it, over hours: that is ordinary, and no call fails. */
import { describe, expect, it } from "vitest";
import { createVault, type Vault } from "../../../src/index.ts";
import { artos, type ArtosCredentials } from "../../../src/providers/artos.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { ORIGIN } from "../../support/fake-api.ts";
import { closedAfter } from "../../support/vault.ts";
import {
  afterPauses,
  BAD,
  expectGood,
  expectSound,
  failures,
  GOOD,
  type Lapsing,
  lapsing,
  type LapsingOptions,
  note,
  noTraffic,
  scene,
  timeTable,
  trafficOf,
} from "./hours-of-calls.ts";
import { HOUR, MINUTE, SECOND } from "./faulty-parts.ts";

interface Minting {
  readonly clock: ManualClock;
  readonly server: Lapsing;
  readonly vault: Vault<ArtosCredentials | void>;
}

describe("tokens that end before anybody expected it", () => {
  const quarter = 15 * MINUTE;
  const ways: readonly [string, LapsingOptions][] = [
    ["life is not told", { life: quarter }],
    ["milliseconds are told for seconds", { life: quarter, told: quarter }],
    ["a day is told", { life: quarter, told: 86_400 }],
    ["what is told makes no sense", { life: quarter, told: "soon" }],
  ];
  /** A session that ends when nobody uses it. */
  const resting: LapsingOptions = { life: 24 * HOUR, told: 86_400, idle: 30 * MINUTE };
  /** Ten minutes of work, half an hour and more of rest. */
  const isAtWork = (at: number): boolean => at % (45 * MINUTE) < 10 * MINUTE;

  it.each(ways)(
    "fail no call in 12 hours, one a minute, where %s [F43 P13]",
    async (_, options) => {
      const made = await scene(options);
      const { vault, clock, server } = made;
      const traffic = await trafficOf(clock, 12 * HOUR, {
        every: MINUTE,
        calls: () => [vault.fetch(GOOD)],
      });
      expectGood(traffic);
      expect(server.refreshes).toBeLessThanOrEqual((12 * HOUR) / quarter + 1);
      expectSound(made);
    },
  );

  it.each(ways)(
    "fail no call on a path that is new each time, where %s [F43 P13]",
    async (_, options) => {
      const made = await scene(options);
      const { vault, clock } = made;
      const traffic = await trafficOf(clock, 12 * HOUR, {
        every: MINUTE,
        calls: (at) => [vault.fetch(`${GOOD}/${at}`)],
      });
      expectGood(traffic);
      expectSound(made);
    },
  );

  it.each(ways)("fail none of twenty calls at once, where %s [F43 P13]", async (_, options) => {
    const made = await scene(options);
    const { vault, clock, server } = made;
    const twenty = Array.from({ length: 20 }, (_, one) => `${GOOD}/${one}`);
    const traffic = await trafficOf(clock, 6 * HOUR, {
      every: MINUTE,
      calls: () => twenty.map((url) => vault.fetch(url)),
    });
    expectGood(traffic);
    expect(server.refreshes).toBeLessThanOrEqual((6 * HOUR) / quarter + 1);
    expectSound(made);
  });

  it("fail no call, where a day is told and a session dead after half an hour's rest [F43 P13]", async () => {
    const made = await scene(resting);
    const { vault, clock, server } = made;
    const traffic = await trafficOf(clock, 12 * HOUR, {
      every: MINUTE,
      calls: (at) => (isAtWork(at) ? [vault.fetch(GOOD)] : []),
    });
    expectGood(traffic);
    expect(server.refreshes).toBeLessThanOrEqual(17);
    expectSound(made);
  });

  it.each([61, 70, 90])(
    "fail no call, where they live %i seconds and nobody tells [F43 P13]",
    async (seconds) => {
      const made = await scene({ life: seconds * SECOND });
      const { vault, clock } = made;
      const traffic = await trafficOf(clock, 2 * HOUR, {
        every: 5 * SECOND,
        calls: () => [vault.fetch(GOOD)],
      });
      expectGood(traffic);
      expectSound(made);
    },
  );

  it("fail no call beside an endpoint that always says 401 [F42 F43 P13]", async () => {
    const made = await scene({ life: quarter });
    const { vault, clock, server } = made;
    const good = noTraffic();
    const bad = noTraffic();
    await timeTable(clock, 12 * HOUR, {
      every: 15 * SECOND,
      each() {
        void note(good, clock, () => vault.fetch(GOOD));
        void note(bad, clock, () => vault.fetch(BAD));
      },
    });
    expect(failures(good)).toEqual([0]);
    expect(good.longest).toBeLessThanOrEqual(6 * SECOND);
    expect(server.refreshes).toBeLessThan((12 * HOUR) / quarter + 2 * afterPauses(12 * HOUR));
    expectSound(made);
  });

  it("fail no call of two contexts that share a store [F43 P13]", async () => {
    const made = await scene({ life: quarter });
    const { vault, clock, server, another } = made;
    const other = another();
    const traffic = await trafficOf(clock, 12 * HOUR, {
      every: 30 * SECOND,
      calls: (at) => [(at % MINUTE ? vault : other).fetch(GOOD)],
    });
    expectGood(traffic);
    expect(server.refreshes).toBeLessThanOrEqual((12 * HOUR) / quarter + 1);
    expectSound(made);
  });

  /** A vault of artos, which mints its own tokens. */
  async function minting(options: LapsingOptions): Promise<Minting> {
    const clock = manualClock();
    const server = lapsing(clock, options);
    const vault = closedAfter(
      createVault({
        provider: artos({ baseURL: ORIGIN }),
        store: memoryStore(),
        fetch: server.fetch,
        random: () => 0.5,
        clock,
      }),
    );
    await vault.signIn({ userId: "usr_secret" });
    return { clock, server, vault };
  }

  it.each(ways)(
    "fail no call of artos, which mints its own, where %s [F43 P13]",
    async (_, options) => {
      const { clock, server, vault } = await minting(options);
      const traffic = await trafficOf(clock, 12 * HOUR, {
        every: MINUTE,
        calls: () => [vault.fetch(GOOD)],
      });
      expectGood(traffic);
      expect(server.refreshes).toBeLessThanOrEqual((12 * HOUR) / quarter + 1);
      expect(vault.snapshot()).toMatchObject({ status: "signed-in", persisted: true });
    },
  );

  it("fail no call of artos, where a day is told and a session dead after half an hour's rest [F43 P13]", async () => {
    const { clock, server, vault } = await minting(resting);
    const traffic = await trafficOf(clock, 12 * HOUR, {
      every: MINUTE,
      calls: (at) => (isAtWork(at) ? [vault.fetch(GOOD)] : []),
    });
    expectGood(traffic);
    expect(server.refreshes).toBeLessThanOrEqual(17);
    expect(server.refreshes).toBeGreaterThan(10);
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", persisted: true });
  });
});

/**
 * Refreshes that a 401 demands, over hours: endpoints that always say 401 beside good ones, and servers
 * whose tokens end before anybody expected it.
 */
import { afterEach, describe, expect, it } from "vitest";
import { createVault, type Vault, type VaultOptions } from "../../../src/index.ts";
import { artos } from "../../../src/providers/artos.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { credentials } from "../../support/fake-api.ts";
import {
  acme,
  failures,
  HOUR,
  lapsing,
  type Lapsing,
  type LapsingOptions,
  MINUTE,
  note,
  noTraffic,
  ORIGIN,
  SECOND,
  timeTable,
  type Traffic,
} from "./stage.ts";

const GOOD = `${ORIGIN}/v1/good`;
const BAD = `${ORIGIN}/v1/bad`;

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

interface Scene {
  readonly vault: Vault<typeof credentials>;
  readonly server: Lapsing;
  readonly clock: ManualClock;
  /** Another context of the same store. */
  another(): Vault<typeof credentials>;
}

async function scene(
  options: LapsingOptions,
  rest: Partial<VaultOptions<typeof credentials>> = {},
): Promise<Scene> {
  const clock = manualClock();
  const server = lapsing(clock, options);
  const store = memoryStore();
  const another = (): Vault<typeof credentials> => {
    const made = createVault({
      provider: acme(),
      store,
      fetch: server.fetch,
      random: () => 0.5,
      clock,
      ...rest,
    });
    open.push(made);
    return made;
  };
  const vault = another();
  await vault.signIn(credentials);
  return { vault, server, clock, another };
}

/** A pause doubles from a minute to an hour, so that a bad endpoint costs so many refreshes at most. */
const afterPauses = (total: number): number => 12 + Math.ceil(total / HOUR);

const timely = (total: number, life: number): number => Math.ceil(total / (life * 0.7)) + 1;

/** The good ones never failed, and none of them had to wait. */
function expectGood(traffic: Traffic): void {
  expect(failures(traffic)).toEqual([0]);
  expect(traffic.calls).toBeGreaterThan(100);
  expect(traffic.delayed).toBe(0);
}

/** Whatever else: one refresh token was never sent twice, and nobody was signed out. */
function expectSound({ server, vault }: Scene): void {
  expect(server.reuses).toBe(0);
  expect(vault.snapshot().status).toBe("signed-in");
}

describe("an endpoint that always says 401", () => {
  it.each([15, 30, 45, 60])(
    "fails no other one in 24 hours, where tokens live %i minutes [F42 P13 P15]",
    async (minutes) => {
      const life = minutes * MINUTE;
      const made = await scene({ life, told: life / SECOND });
      const { vault, server, clock } = made;
      const good = noTraffic();
      const bad = noTraffic();
      await timeTable(clock, 24 * HOUR, {
        every: 5 * SECOND,
        each() {
          void note(good, clock, () => vault.fetch(GOOD));
          void note(bad, clock, () => vault.fetch(BAD));
        },
      });
      expectGood(good);
      expect(bad.calls).toBe(good.calls);
      expect(new Set(bad.failed.map((what) => what.slice(0, 3)))).toEqual(new Set(["401"]));
      expect(server.refreshes).toBeLessThan(timely(24 * HOUR, life) + afterPauses(24 * HOUR));
      expectSound(made);
    },
  );

  it("fails no other one, where there are forty of them, asked in turn [F42 P13]", async () => {
    const life = 30 * MINUTE;
    const made = await scene({ life, told: life / SECOND });
    const { vault, server, clock } = made;
    const good = noTraffic();
    const bad = noTraffic();
    await timeTable(clock, 6 * HOUR, {
      every: 5 * SECOND,
      each(at) {
        void note(good, clock, () => vault.fetch(GOOD));
        for (let one = 0; one < 4; one++)
          void note(bad, clock, () => vault.fetch(`${BAD}/${((at / 5_000) * 4 + one) % 40}`));
      },
    });
    expectGood(good);
    expect(bad.failed).toHaveLength(bad.calls);
    expect(server.refreshes).toBeLessThan(timely(6 * HOUR, life) + 40 * afterPauses(6 * HOUR));
    expectSound(made);
  });

  it("fails no other one, where there are forty of them, asked at once [F42 P13]", async () => {
    const life = 30 * MINUTE;
    const made = await scene({ life, told: life / SECOND });
    const { vault, clock } = made;
    const good = noTraffic();
    const bad = noTraffic();
    await timeTable(clock, 3 * HOUR, {
      every: 5 * SECOND,
      each(at) {
        void note(good, clock, () => vault.fetch(GOOD));
        if (at % (2 * MINUTE) === 0)
          for (let one = 0; one < 40; one++)
            void note(bad, clock, () => vault.fetch(`${BAD}/${one}`));
      },
    });
    expectGood(good);
    expect(bad.failed).toHaveLength(bad.calls);
    expect(bad.longest).toBeLessThanOrEqual(20 * SECOND);
    expectSound(made);
  });

  it("has cost a bounded number of refreshes after 300 of them, and signs nobody out [P13]", async () => {
    const life = 60 * MINUTE;
    const made = await scene({ life, told: life / SECOND });
    const { vault, server, clock } = made;
    const good = noTraffic();
    const bad = noTraffic();
    await timeTable(clock, 2 * HOUR, {
      every: 5 * SECOND,
      each(at) {
        void note(good, clock, () => vault.fetch(GOOD));
        void note(bad, clock, () => vault.fetch(`${BAD}/${(at / 5_000) % 300}`));
      },
    });
    expectGood(good);
    expect(bad.failed).toHaveLength(bad.calls);
    // None begins within five seconds of a commit.
    expect(server.refreshes).toBeLessThanOrEqual((2 * HOUR) / (5 * SECOND));
    expectSound(made);
  });

  it.each([15, 60])(
    "fails no other one, whose tokens of %i minutes are revoked unannounced now and then [F42 P13]",
    async (minutes) => {
      const life = minutes * MINUTE;
      const made = await scene({ life, told: life / SECOND });
      const { vault, server, clock } = made;
      const good = noTraffic();
      const bad = noTraffic();
      let revocations = 0;
      await timeTable(clock, 24 * HOUR, {
        every: 5 * SECOND,
        each(at) {
          // At odd moments: close to a refresh, and far from one.
          if (at > 0 && at % (37 * MINUTE + 5 * SECOND) === 0) {
            server.revokeAll();
            revocations += 1;
          }
          void note(good, clock, () => vault.fetch(GOOD));
          void note(bad, clock, () => vault.fetch(BAD));
        },
      });
      expect(revocations).toBeGreaterThan(30);
      expect(failures(good)).toEqual([0]);
      // A 401 waits until five seconds have passed since the last commit.
      expect(good.longest).toBeLessThanOrEqual(6 * SECOND);
      expect(server.refreshes).toBeLessThan(
        timely(24 * HOUR, life) + afterPauses(24 * HOUR) + 2 * revocations,
      );
      expectSound(made);
    },
  );

  it.each([
    [0, "at once"],
    [20 * MINUTE, "later"],
  ])(
    "fails no other one while the token endpoint is down for an hour, from %i ms on [F42 P13]",
    async (from) => {
      const life = 4 * HOUR;
      const made = await scene({ life, told: life / SECOND });
      const { vault, server, clock } = made;
      const good = noTraffic();
      const bad = noTraffic();
      await timeTable(clock, 3 * HOUR, {
        every: 5 * SECOND,
        each(at) {
          server.isDown = at >= from && at < from + HOUR;
          void note(good, clock, () => vault.fetch(GOOD));
          void note(bad, clock, () => vault.fetch(BAD));
        },
      });
      expectGood(good);
      expect(bad.longest).toBeLessThanOrEqual(20 * SECOND);
      expectSound(made);
    },
  );

  it("in one context fails no other one in another context of the store [F42 P13]", async () => {
    const life = 30 * MINUTE;
    const made = await scene({ life, told: life / SECOND });
    const { vault, clock, server, another } = made;
    const other = another();
    const good = noTraffic();
    const bad = noTraffic();
    await timeTable(clock, 12 * HOUR, {
      every: 5 * SECOND,
      each() {
        void note(good, clock, () => other.fetch(GOOD));
        void note(bad, clock, () => vault.fetch(BAD));
      },
    });
    expect(failures(good)).toEqual([0]);
    expect(server.refreshes).toBeLessThan(timely(12 * HOUR, life) + 2 * afterPauses(12 * HOUR));
    expectSound(made);
  });

  it("that becomes good is healed by its own success, and is refreshed for again [F42 P13]", async () => {
    const life = 60 * MINUTE;
    const made = await scene({ life, told: life / SECOND });
    const { vault, clock, server } = made;
    const bad = noTraffic();
    const call = (traffic: Traffic) => (): void =>
      void note(traffic, clock, () => vault.fetch(BAD));
    await timeTable(clock, 8 * MINUTE, { every: 5 * SECOND, each: call(bad) });
    expect(bad.failed).toHaveLength(bad.calls);
    server.isBad = () => false;
    const later = noTraffic();
    await timeTable(clock, 2 * MINUTE, { every: 5 * SECOND, each: call(later) });
    for (let times = 0; times < 3; times++) {
      server.revokeAll();
      await timeTable(clock, 3 * MINUTE, { every: 5 * SECOND, each: call(later) });
    }
    expect(failures(later)).toEqual([0]);
    expect(later.longest).toBeLessThanOrEqual(6 * SECOND);
    expectSound(made);
  });
});

describe("tokens that end before anybody expected it", () => {
  const quarter = 15 * MINUTE;
  const ways: readonly [string, LapsingOptions][] = [
    ["life is not told", { life: quarter }],
    ["milliseconds are told for seconds", { life: quarter, told: quarter }],
    ["a day is told", { life: quarter, told: 86_400 }],
    ["what is told makes no sense", { life: quarter, told: "soon" }],
  ];

  it.each(ways)(
    "fail no call in 12 hours, one a minute, where %s [F43 P13]",
    async (_, options) => {
      const made = await scene(options);
      const { vault, clock, server } = made;
      const traffic = noTraffic();
      await timeTable(clock, 12 * HOUR, {
        every: MINUTE,
        each: () => void note(traffic, clock, () => vault.fetch(GOOD)),
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
      const traffic = noTraffic();
      await timeTable(clock, 12 * HOUR, {
        every: MINUTE,
        each: (at) => void note(traffic, clock, () => vault.fetch(`${GOOD}/${at}`)),
      });
      expectGood(traffic);
      expectSound(made);
    },
  );

  it.each(ways)("fail none of twenty calls at once, where %s [F43 P13]", async (_, options) => {
    const made = await scene(options);
    const { vault, clock, server } = made;
    const traffic = noTraffic();
    await timeTable(clock, 6 * HOUR, {
      every: MINUTE,
      each() {
        for (let one = 0; one < 20; one++)
          void note(traffic, clock, () => vault.fetch(`${GOOD}/${one}`));
      },
    });
    expectGood(traffic);
    expect(server.refreshes).toBeLessThanOrEqual((6 * HOUR) / quarter + 1);
    expectSound(made);
  });

  it("fail no call, where a day is told and a session dead after half an hour's rest [F43 P13]", async () => {
    const made = await scene({ life: 24 * HOUR, told: 86_400, idle: 30 * MINUTE });
    const { vault, clock, server } = made;
    const traffic = noTraffic();
    await timeTable(clock, 12 * HOUR, {
      every: MINUTE,
      each(at) {
        // Ten minutes of work, half an hour and more of rest.
        if (at % (45 * MINUTE) < 10 * MINUTE) void note(traffic, clock, () => vault.fetch(GOOD));
      },
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
      const traffic = noTraffic();
      await timeTable(clock, 2 * HOUR, {
        every: 5 * SECOND,
        each: () => void note(traffic, clock, () => vault.fetch(GOOD)),
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
    const traffic = noTraffic();
    await timeTable(clock, 12 * HOUR, {
      every: 30 * SECOND,
      each(at) {
        const one = at % MINUTE ? vault : other;
        void note(traffic, clock, () => one.fetch(GOOD));
      },
    });
    expectGood(traffic);
    expect(server.refreshes).toBeLessThanOrEqual((12 * HOUR) / quarter + 1);
    expectSound(made);
  });

  it.each(ways)(
    "fail no call of artos, which mints its own, where %s [F43 P13]",
    async (_, options) => {
      const clock = manualClock();
      const server = lapsing(clock, options);
      const vault = createVault({
        provider: artos({ baseURL: ORIGIN }),
        store: memoryStore(),
        fetch: server.fetch,
        random: () => 0.5,
        clock,
      });
      open.push(vault);
      await vault.signIn({ userId: "usr_secret" });
      const traffic = noTraffic();
      await timeTable(clock, 12 * HOUR, {
        every: MINUTE,
        each: () => void note(traffic, clock, () => vault.fetch(GOOD)),
      });
      expectGood(traffic);
      expect(server.refreshes).toBeLessThanOrEqual((12 * HOUR) / quarter + 1);
    },
  );
});

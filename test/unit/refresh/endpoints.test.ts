/** Refreshes that a 401 demands, over hours: endpoints that always say 401 beside good ones. */
import { describe, expect, it } from "vitest";
import {
  afterPauses,
  BAD,
  callBoth,
  expectGood,
  expectSound,
  failures,
  GOOD,
  note,
  noTraffic,
  scene,
  timely,
  timeTable,
  type Traffic,
} from "./hours-of-calls.ts";
import { HOUR, MINUTE, SECOND } from "./faulty-parts.ts";

describe("an endpoint that always says 401", () => {
  it.each([15, 30, 45, 60])(
    "fails no other one in 24 hours, where tokens live %i minutes [F42 P13 P15]",
    async (minutes) => {
      const life = minutes * MINUTE;
      const made = await scene({ life, told: life / SECOND });
      const { server } = made;
      const { good, bad } = await callBoth(made, 24 * HOUR, () => [BAD]);
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
    const { server } = made;
    const { good, bad } = await callBoth(made, 6 * HOUR, (at) =>
      [0, 1, 2, 3].map((one) => `${BAD}/${((at / 5_000) * 4 + one) % 40}`),
    );
    expectGood(good);
    expect(bad.failed).toHaveLength(bad.calls);
    expect(server.refreshes).toBeLessThan(timely(6 * HOUR, life) + 40 * afterPauses(6 * HOUR));
    expectSound(made);
  });

  it("fails no other one, where there are forty of them, asked at once [F42 P13]", async () => {
    const life = 30 * MINUTE;
    const made = await scene({ life, told: life / SECOND });
    const forty = Array.from({ length: 40 }, (_, one) => `${BAD}/${one}`);
    const { good, bad } = await callBoth(made, 3 * HOUR, (at) =>
      at % (2 * MINUTE) === 0 ? forty : [],
    );
    expectGood(good);
    expect(bad.failed).toHaveLength(bad.calls);
    expect(bad.longest).toBeLessThanOrEqual(20 * SECOND);
    expectSound(made);
  });

  it("has cost a bounded number of refreshes after 300 of them, and signs nobody out [P13]", async () => {
    const life = 60 * MINUTE;
    const made = await scene({ life, told: life / SECOND });
    const { server } = made;
    const { good, bad } = await callBoth(made, 2 * HOUR, (at) => [`${BAD}/${(at / 5_000) % 300}`]);
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
      const { server } = made;
      let revocations = 0;
      const { good } = await callBoth(made, 24 * HOUR, (at) => {
        // At odd moments: close to a refresh, and far from one.
        if (at > 0 && at % (37 * MINUTE + 5 * SECOND) === 0) {
          server.revokeAll();
          revocations += 1;
        }
        return [BAD];
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
      const { server } = made;
      const { good, bad } = await callBoth(made, 3 * HOUR, (at) => {
        server.isDown = at >= from && at < from + HOUR;
        return [BAD];
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

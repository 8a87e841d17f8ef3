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

/** The names of so many bad endpoints. */
const badOnes = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, one) => `${BAD}/${one}`);

/** Four of forty at each step, in turn. */
const inTurn = (at: number, every: number): readonly string[] =>
  [0, 1, 2, 3].map((one) => `${BAD}/${((at / every) * 4 + one) % 40}`);

describe("an endpoint that always says 401", () => {
  it.each([15, 30, 45, 60, 24 * 60])(
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

  it.each([
    [15, 6],
    [30, 6],
    [45, 6],
    [60, 6],
    [15, 24],
    [30, 24],
    [45, 24],
    [60, 24],
    [24 * 60, 24],
  ])(
    "fails no other one, where there are forty of them, asked in turn, and tokens live %i minutes, in %i hours [F42 P13]",
    async (minutes, hours) => {
      const life = minutes * MINUTE;
      const total = hours * HOUR;
      const every = (hours > 6 ? 60 : 15) * SECOND;
      const made = await scene({ life, told: life / SECOND });
      const { server } = made;
      const { good, bad } = await callBoth({ ...made, every }, total, (at) => inTurn(at, every));
      expectGood(good);
      expect(bad.failed).toHaveLength(bad.calls);
      expect(server.refreshes).toBeGreaterThanOrEqual(Math.floor(total / life));
      expect(server.refreshes).toBeLessThan(timely(total, life) + 40 * afterPauses(total));
      expectSound(made);
    },
  );

  it("fails no other one, where there are forty of them, asked at once [F42 P13]", async () => {
    const life = 30 * MINUTE;
    const made = await scene({ life, told: life / SECOND });
    const { good, bad } = await callBoth(made, 3 * HOUR, (at) =>
      at % (2 * MINUTE) === 0 ? badOnes(40) : [],
    );
    expectGood(good);
    expect(bad.failed).toHaveLength(bad.calls);
    expect(bad.longest).toBeLessThanOrEqual(20 * SECOND);
    expectSound(made);
  });

  it("costs one refresh, and one more after its pause, where there are 256 of them at once [P13]", async () => {
    const life = 60 * MINUTE;
    const made = await scene({ life, told: life / SECOND });
    const { server } = made;
    const { good, bad } = await callBoth({ ...made, every: 10 * SECOND }, 20 * MINUTE, (at) =>
      at % (10 * MINUTE) === 0 ? badOnes(256) : [],
    );
    expectGood(good);
    expect(bad.failed).toHaveLength(bad.calls);
    expect(server.refreshes).toBe(2);
    expectSound(made);
  });

  it("costs one refresh a minute, beyond 256 of them, whatever their number, and signs nobody out [P13]", async () => {
    const life = 4 * HOUR;
    const made = await scene({ life, told: life / SECOND });
    const { server } = made;
    let before = 0;
    const { good, bad } = await callBoth(made, 20 * MINUTE, (at) => {
      if (at === 0) return badOnes(256);
      if (at === MINUTE) before = server.refreshes;
      // These were never seen before, one every five seconds, and then again.
      return at < MINUTE ? [] : [`${BAD}/beyond/${(at / (5 * SECOND)) % 44}`];
    });
    expectGood(good);
    expect(bad.failed).toHaveLength(bad.calls);
    expect(before).toBe(1);
    expect(server.refreshes - before).toBeGreaterThan(15);
    expect(server.refreshes - before).toBeLessThanOrEqual(20);
    expectSound(made);
  });

  it("costs a refresh of its own for each, as long as they are fewer than 256 [P13]", async () => {
    const life = 4 * HOUR;
    const made = await scene({ life, told: life / SECOND });
    const { server } = made;
    const { good } = await callBoth(made, 10 * MINUTE, (at) => {
      if (at === 0) return badOnes(200);
      return at < MINUTE || at >= MINUTE + 44 * 5 * SECOND ? [] : [`${BAD}/more/${at}`];
    });
    expectGood(good);
    expect(server.refreshes).toBe(1 + 44);
    expectSound(made);
  });

  interface Revoked {
    readonly minutes: number;
    readonly every: number;
    readonly hours: number;
    readonly count: number;
    /** Which are called. */
    readonly bad: (at: number) => readonly string[];
  }
  const forty = (at: number): readonly string[] => inTurn(at, 20 * SECOND);
  const revoked: readonly Revoked[] = [
    { minutes: 15, every: 5 * SECOND, hours: 24, count: 1, bad: () => [BAD] },
    { minutes: 30, every: 5 * SECOND, hours: 12, count: 1, bad: () => [BAD] },
    { minutes: 45, every: 5 * SECOND, hours: 12, count: 1, bad: () => [BAD] },
    { minutes: 60, every: 5 * SECOND, hours: 24, count: 1, bad: () => [BAD] },
    { minutes: 15, every: 20 * SECOND, hours: 12, count: 40, bad: forty },
    { minutes: 30, every: 20 * SECOND, hours: 12, count: 40, bad: forty },
    { minutes: 45, every: 20 * SECOND, hours: 12, count: 40, bad: forty },
    { minutes: 24 * 60, every: 20 * SECOND, hours: 12, count: 40, bad: forty },
  ];

  it.each(revoked)(
    "fails no other one, where there are $count of them, and tokens of $minutes minutes are revoked unannounced now and then [F42 P13]",
    async ({ minutes, every, hours, count, bad }) => {
      const life = minutes * MINUTE;
      const total = hours * HOUR;
      const made = await scene({ life, told: life / SECOND });
      const { server } = made;
      let revocations = 0;
      const { good } = await callBoth({ ...made, every }, total, (at) => {
        // At odd moments: close to a refresh, and far from one.
        if (at > 0 && at % (37 * MINUTE + every) === 0) {
          server.revokeAll();
          revocations += 1;
        }
        return bad(at);
      });
      expect(revocations).toBeGreaterThan(hours);
      expect(failures(good)).toEqual([0]);
      // A 401 waits until five seconds have passed since the last commit.
      expect(good.longest).toBeLessThanOrEqual(6 * SECOND);
      expect(server.refreshes).toBeLessThan(
        timely(total, life) + count * afterPauses(total) + 2 * revocations,
      );
      expectSound(made);
    },
  );

  it.each([
    { from: 0, when: "at once", what: "answers 503", fails: "isDown" },
    { from: 20 * MINUTE, when: "later", what: "answers 503", fails: "isDown" },
    { from: 0, when: "at once", what: "cannot be reached", fails: "isGone" },
    { from: 20 * MINUTE, when: "later", what: "cannot be reached", fails: "isGone" },
  ] as const)(
    "fails no other one while the token endpoint $what for an hour, $when [F42 P13]",
    async ({ from, fails }) => {
      const life = 4 * HOUR;
      const made = await scene({ life, told: life / SECOND });
      const { server } = made;
      const { good, bad } = await callBoth(made, 3 * HOUR, (at) => {
        server[fails] = at >= from && at < from + HOUR;
        return [BAD];
      });
      expectGood(good);
      expect(bad.failed).toHaveLength(bad.calls);
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

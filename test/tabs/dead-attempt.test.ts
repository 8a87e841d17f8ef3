/**
 * What refreshes is gone in flight, and the token has expired (F57). The clocks of all tabs and workers
 * stand still, so that nobody's deadline can pass: only a sign of life tells the others that they need
 * not wait. The server's log shows who asked when.
 */
import { describe, expect, it } from "vitest";
import { all, fetchAll } from "./tab-calls.ts";
import {
  begin,
  beginAt,
  nobodyBegins,
  isKnownToBeGone,
  killOwner,
  pass,
  refreshesOf,
  type RunBy,
} from "./held-attempt.ts";
import { freezableContext, freeze } from "./freeze.ts";
import { useBrowser } from "./real-tabs.ts";
import { killWorker } from "./tabs-and-workers.ts";

useBrowser(["worker-script"]);

/** More than a replay waits for a request that may still be travelling, far less than a deadline. */
const A_WHILE = 6_000;
/** An attempt's deadline, its margin, and some more. */
const DEADLINE = 20_000;

/** Who lives and can be asked says so, and a frozen tab may be able to: here nobody can be asked. */
const mute = { channel: false } as const;

const runners: readonly RunBy[] = ["page", "shared", "service"];
const deadAndOver = ["1 arrived", "1 held", "1 left", "2 arrived", "2 over"];

describe.each(runners)("ten tabs, the vault run by: %s, which is gone in flight", (runBy) => {
  it("inside a reuse window the others go on, the first reply still held [F57 F39 P2 P10]", async () => {
    const scene = await begin({ runBy, rotation: "window" });
    const calls = fetchAll(scene.others);
    await killOwner(scene);

    expect(await calls).toEqual(all(scene.others, "200"));
    expect(refreshesOf(scene)).toEqual(deadAndOver);
    expect(scene.api.counters()).toMatchObject({ refreshed: 2, reuseDetections: 0 });
  });

  it("under strict rotation the last chance is taken before any deadline, once for all [F57 F39 P2 P10]", async () => {
    const scene = await begin({ runBy });
    const calls = fetchAll(scene.others);
    await killOwner(scene);
    await isKnownToBeGone(scene);
    await pass(scene, A_WHILE);

    expect(await calls).toEqual(all(scene.others, "sign_in_required"));
    expect(refreshesOf(scene)).toEqual(deadAndOver);
    expect(scene.api.counters()).toMatchObject({ refreshed: 1, reuseDetections: 1 });
  });
});

describe("a tab that is frozen in flight lives", () => {
  it.each([
    ["strict", "before", "without", mute],
    ["strict", "after", "without", mute],
    ["strict", "after", "with", {}],
    ["window", "after", "without", mute],
    ["window", "after", "with", {}],
  ] as const)(
    "rotation %s, held %s it, %s a channel: nobody asks again, after the thaw all are served [F57 P2 P8]",
    async (rotation, when, _, config) => {
      const context = await freezableContext();
      const scene = await begin({ runBy: "page", rotation, when, tabs: 4, context, config });
      const { api, first, others, gate } = scene;
      const thaw = await freeze(first);
      const calls = fetchAll(others);
      await nobodyBegins(scene);
      await pass(scene, A_WHILE);
      await nobodyBegins(scene);
      expect(refreshesOf(scene)).toEqual(["1 arrived", "1 held"]);
      // The reply comes to a tab that does not hear it yet.
      gate.release();
      await nobodyBegins(scene);
      // By its own clock it was away for long: what arrived meanwhile is heard before its deadline.
      await first.evaluate(() => window.kit.jump(60_000));
      await thaw();

      expect(await calls).toEqual(all(others, "200"));
      expect(await fetchAll([first, ...others])).toEqual(all([first, ...others], "200"));
      expect(refreshesOf(scene)).toEqual(["1 arrived", "1 held", "1 let go", "1 over"]);
      expect(api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    },
  );
});

describe("a service worker is killed while its request travels", () => {
  it("under strict rotation nobody asks again before it must have arrived [F57 P2]", async () => {
    const scene = await begin({ runBy: "service", when: "before", tabs: 4 });
    const { api, others, gate } = scene;
    const calls = fetchAll(others);
    await killOwner(scene);
    await isKnownToBeGone(scene);
    await nobodyBegins(scene);
    expect(refreshesOf(scene)).toEqual(["1 arrived", "1 held", "1 left"]);
    // It arrives: had somebody been faster, it would be the one that was punished as a reuse.
    gate.release();
    await expect.poll(() => api.counters().refreshed).toBe(1);
    await pass(scene, A_WHILE);

    expect(await calls).toEqual(all(others, "sign_in_required"));
    expect(refreshesOf(scene)).toEqual([
      ...["1 arrived", "1 held", "1 left", "1 let go", "1 over"],
      ...["2 arrived", "2 over"],
    ]);
    expect(api.counters()).toMatchObject({ refreshed: 1, reuseDetections: 1 });
  });

  it("inside a reuse window it may be overtaken, and harms nobody when it arrives [F57 P2]", async () => {
    const scene = await begin({ runBy: "service", when: "before", rotation: "window", tabs: 4 });
    const { api, others, gate } = scene;
    const calls = fetchAll(others);
    await killOwner(scene);
    expect(await calls).toEqual(all(others, "200"));
    gate.release();
    await expect.poll(() => api.counters().refreshed).toBe(2);
    expect(await fetchAll(others)).toEqual(all(others, "200"));
    expect(api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 0, familiesRevoked: 0 });
  });
});

describe.each(["shared", "service"] as const)(
  "a %s worker dies with its intent written",
  (runBy) => {
    it.each(["intent written", "fence answered"])(
      "at phase '%s': the next one asks before any deadline, and all are served [F57 P2 P5 P10]",
      async (phase) => {
        const scene = await beginAt(runBy, phase);
        const { api, others } = scene;
        const calls = fetchAll(others);
        await killWorker(scene, `${runBy}_worker`);
        await isKnownToBeGone(scene);
        expect(refreshesOf(scene)).toEqual([]);
        // The next worker stands before that phase as well, because no time passes for it.
        await scene.letThrough();
        await pass(scene, A_WHILE);

        expect(await calls).toEqual(all(others, "200"));
        expect(refreshesOf(scene)).toEqual(["1 arrived", "1 over"]);
        expect(api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
      },
    );
  },
);

describe("pages without locks beside pages with locks", () => {
  const without = { locks: false } as const;

  it.each([
    ["without", { first: without }],
    ["with", { others: without }],
  ])(
    "the refreshing one, %s locks, lives: nobody takes it for dead [F57 F6 P2]",
    async (_, config) => {
      const scene = await begin({ runBy: "page", tabs: 4, config: mute, ...config });
      const { api, first, others, gate } = scene;
      const calls = fetchAll(others);
      await nobodyBegins(scene);
      await pass(scene, A_WHILE);
      await nobodyBegins(scene);
      expect(refreshesOf(scene)).toEqual(["1 arrived", "1 held"]);
      gate.release();

      expect(await calls).toEqual(all(others, "200"));
      expect(await fetchAll([first])).toEqual(["200"]);
      expect(api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    },
  );

  it.each([
    ["without", { first: without }],
    ["with", { others: without }],
  ])(
    "the refreshing one, %s locks, is closed: nobody can tell, and its deadline is waited for [F57 F6 P2 P10]",
    async (_, config) => {
      const scene = await begin({ runBy: "page", tabs: 4, ...config });
      const { api, others } = scene;
      const calls = fetchAll(others);
      await killOwner(scene);
      await pass(scene, A_WHILE);
      await nobodyBegins(scene);
      expect(refreshesOf(scene)).toEqual(["1 arrived", "1 held", "1 left"]);
      await pass(scene, DEADLINE - A_WHILE);

      expect(await calls).toEqual(all(others, "sign_in_required"));
      expect(refreshesOf(scene)).toEqual(deadAndOver);
      expect(api.counters()).toMatchObject({ refreshed: 1, reuseDetections: 1 });
    },
  );
});

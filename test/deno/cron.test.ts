/** Refreshing ahead by the real `Deno.cron`, which fires at whole minutes: this waits for one. */
import { afterEach, expect, inject, it, vi } from "vitest";
import { createVault } from "../../src/deno.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { spawnApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { KEYS, openKv } from "./kv-databases.ts";
import { clockAhead } from "../support/clock.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const DAY = 86_400_000;
const MINUTE = 60_000;

it(
  "Deno.cron fires in two vaults at once: with nobody calling, one of them refreshes [P1 P18]",
  async () => {
    const api = await spawnApi(inject("control"), { rotation: "strict" });
    const kv = await openKv();
    let passed = 0;
    const schedules: Promise<void>[] = [];
    const [one, two] = ["one", "two"].map((name) => {
      const vault = createVault({
        provider: vmcloud({ baseURL: api.url }),
        kv,
        keys: KEYS,
        cron: (refresh, signal) =>
          schedules.push(Deno.cron(`tokens of ${name}`, "* * * * *", { signal }, refresh)),
        // Nothing but the schedule may do it.
        refreshAhead: false,
        dangerouslyAllowLoopbackHttp: true,
        clock: clockAhead(() => passed),
      });
      open.push(vault);
      return vault;
    });
    await one!.signIn(ada);
    await two!.getToken();
    passed = DAY * 0.81;
    await api.set({ clockOffset: passed });
    const generations = (): unknown[] => [one, two].map((vault) => vault!.snapshot().generation);
    expect(generations()).toEqual([1, 1]);

    // A look that finds the other one at it comes again with the next minute.
    await vi.waitFor(() => expect(generations()).toEqual([2, 2]), {
      timeout: 2.2 * MINUTE,
      interval: 100,
    });

    expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, reuseDetections: 0 });
    one!.close();
    two!.close();
    // Both schedules end with their vaults.
    await Promise.all(schedules);
    await api.close();
  },
  2.5 * MINUTE,
);

/** The first caller of a context: served as soon as the record has been read. */
import { describe, expect, it } from "vitest";
import { manualClock, settle } from "../../support/clock.ts";
import { never } from "../../support/fake-api.ts";
import {
  type Bench,
  bench,
  type BenchOptions,
  refreshes,
  signedIn,
  VMS,
} from "../../support/vault.ts";
import { HOUR, MINUTE, oddStore, outcome, SECOND, within } from "./faulty-parts.ts";

/** A fresh vault on a store whose session is `age` old; its token lives an hour. */
async function cold(
  age: number,
  options: BenchOptions = {},
): Promise<Bench & { delay(ms: number): void }> {
  const clock = manualClock();
  const store = oddStore(clock);
  const { vault, api } = await signedIn({ store, clock });
  vault.close();
  await clock.advance(age);
  api.refresh = never;
  const made = bench({ api, clock, store, ...options });
  return { ...made, delay: (ms) => void (store.delay = ms) };
}

describe("a fresh vault on a store whose token is in its soft window", () => {
  it.each([2_800, 3_000, 3_400])(
    "serves its first fetch at once, though the token endpoint hangs (%i s old) [F98]",
    async (age) => {
      const { vault, api, clock } = await cold(age * SECOND);
      const from = clock.running();
      expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
      expect(clock.running() - from).toBe(0);
      await settle();
      expect(refreshes({ api })).toBe(1);
    },
  );

  it("serves everybody who comes at first, and refreshes once [F98 P1]", async () => {
    const { vault, api, clock } = await cold(2_800 * SECOND);
    const from = clock.running();
    const calls = Array.from({ length: 20 }, () => vault.fetch(VMS));
    const replies = await within(clock, MINUTE, Promise.all(calls));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(clock.running() - from).toBe(0);
    await settle();
    expect(refreshes({ api })).toBe(1);
  });

  it("takes no longer than one look at a slow store [F98]", async () => {
    const { vault, clock, delay } = await cold(2_800 * SECOND);
    delay(100);
    const from = clock.running();
    expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-1-secret");
    expect(clock.running() - from).toBeLessThanOrEqual(200);
  });

  it("serves who comes while the first refresh of this context is under way [F98]", async () => {
    const { vault, clock } = await cold(2_800 * SECOND, { refreshAhead: true });
    await clock.advance(SECOND);
    const from = clock.running();
    expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-1-secret");
    expect(clock.running() - from).toBe(0);
  });

  it("serves while somebody else has the lock [F98]", async () => {
    const lock = {
      run: <T>(_: string, __: () => Promise<T>, signal: AbortSignal): Promise<T> =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    };
    const { vault, clock } = await cold(2_800 * SECOND, { lock });
    const from = clock.running();
    expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-1-secret");
    expect(clock.running() - from).toBe(0);
  });

  it("serves while another context's intent stands in the record [F98]", async () => {
    const clock = manualClock();
    const one = await signedIn({ clock });
    const { api, store } = one;
    await clock.advance(2_800 * SECOND);
    api.refresh = never;
    await one.vault.fetch(VMS);
    await settle();
    expect(refreshes({ api })).toBe(1);
    const other = bench({ api, clock, store });
    const from = clock.running();
    expect(await within(clock, MINUTE, outcome(other.vault.getToken()))).toBe("access-1-secret");
    expect(clock.running() - from).toBe(0);
    expect(refreshes({ api })).toBe(1);
  });

  it("does not serve a token that has ended [P15]", async () => {
    const { vault, api, clock } = await cold(HOUR);
    expect(await within(clock, MINUTE, outcome(vault.fetch(VMS)))).toBe("refresh_failed");
    expect(api.to("/v1/vms")).toHaveLength(0);
  });
});

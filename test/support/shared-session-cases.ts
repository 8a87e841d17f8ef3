/** What processes that share a session must hold, whatever they share it by. The server's counters are the verdict. */
import { expect, it } from "vitest";
import type { SpawnedApi } from "../apis/client.ts";
import { DAY, every, HOUR } from "./member-processes.ts";
import type { Results } from "./obeying-process.ts";

export interface SharedSession {
  readonly api: SpawnedApi;
  pass(ms: number): Promise<void>;
  /** Each of the processes calls three times. */
  all(): Promise<Results>;
}

/** `size` processes that `open` starts, all of them signed in. */
export function expiredSessionCase(size: number, open: () => Promise<SharedSession>): void {
  it("an expired session: one refresh, and all are served [P1 F1 F45]", async () => {
    const { api, pass, all } = await open();
    await pass(DAY);
    expect(await all()).toEqual(every(3 * size, 200));
    expect(await api.counters()).toMatchObject({
      tokenCalls: 1,
      signIns: 1,
      reuseDetections: 0,
      unauthorized: 0,
    });
  });
}

/** `size` processes that `open` starts, all of them signed in. */
export function rejectedTokenCase(size: number, open: () => Promise<SharedSession>): void {
  it("a token that the server rejects: one refresh, and every request is healed [P1 P12]", async () => {
    const { api, pass, all } = await open();
    await pass(HOUR);
    await api.expireAccessTokens();
    expect(await all()).toEqual(every(3 * size, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });
}

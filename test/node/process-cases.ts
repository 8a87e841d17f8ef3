/** What a family of processes must hold, whichever runtimes they are of. The server's counters are the verdict. */
import { expect, it, vi } from "vitest";
import {
  expiredSessionCase,
  rejectedTokenCase,
  type SharedSession,
} from "../support/shared-session-cases.ts";
import { all, DAY, every, family, HOUR, type Member } from "./folder-family.ts";

/** `keys`: what seals the sessions, where some of them have no key file. */
export function processCases(runtimes: readonly string[], keys?: string): void {
  const size = runtimes.length;

  const open = async (): Promise<SharedSession> => {
    const { api, members, pass } = await family(runtimes, { keys });
    return { api, pass, all: () => all(members) };
  };
  expiredSessionCase(size, open);
  rejectedTokenCase(size, open);

  it("401s that come after the refresh: one call, and every request is healed [P1 P12]", async () => {
    const { api, members, pass } = await family(runtimes, { keys });
    const [first, ...others] = members as [Member, ...Member[]];
    await pass(HOUR);
    await api.expireAccessTokens();
    const asked = async (): Promise<number> => (await api.counters()).byPath["GET /v1/vms"] ?? 0;
    const before = await asked();
    const held = await api.gate("api", "after", others.length);
    const late = Promise.all(others.map((member) => member.fetch("/v1/vms")));
    await vi.waitFor(async () => expect(await asked()).toBe(before + others.length), 20_000);
    expect(await first.fetch("/v1/vms")).toEqual([200]);
    await held.release();
    expect(await late).toEqual(others.map(() => [200]));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("the first refresh gets a 503: two calls, and all are served [P1 P2 P17 F14]", async () => {
    const { api, members, pass } = await family(runtimes, { keys });
    await api.fault("refresh", { status: 503, times: 1 });
    await pass(DAY);
    expect(await all(members)).toEqual(every(3 * size, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 0 });
  });

  it("at the soft time one of them refreshes and stays for it, the others do not [P1 P18 F8]", async () => {
    const { api, members, pass } = await family(runtimes, { keys });
    const [first, ...others] = members as [Member, ...Member[]];
    const gate = await api.gate("refresh", "before");
    await pass(DAY * 0.81);
    const staying = first.fetch("/v1/vms");
    await gate.arrived;
    expect(await all(others)).toEqual(every(3 * others.length, 200));
    expect((await api.counters()).tokenCalls).toBe(1);
    const still = await Promise.race([staying, first.generation()]);
    expect(still).toEqual([1, "true"]);
    await gate.release();
    expect(await staying).toEqual([200]);
    expect(await first.generation()).toEqual([2, "true"]);
    expect(await all(members)).toEqual(every(3 * size, 200));
    // Deno's vault has neither lock nor channel here: it hears of a refresh when its token has come to its end.
    const hearing = members.filter((_, at) => !/deno/.test(runtimes[at] ?? ""));
    const heard = async (some: readonly Member[]): Promise<void> => {
      const generations = await Promise.all(some.map((member) => member.generation()));
      expect(generations).toEqual(some.map(() => [2, "true"]));
    };
    await vi.waitFor(() => heard(hearing), 20_000);
    await pass(DAY * 0.2);
    expect(await all(members)).toEqual(every(3 * size, 200));
    await heard(members);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("what one process ends is ended for all [P4 S14]", async () => {
    const { api, members, pass } = await family(runtimes, { keys });
    const [first, ...others] = members as [Member, ...Member[]];
    await first.signOut();
    await pass(DAY);
    expect(await all(others)).toEqual(every(3 * others.length, "no_session"));
    expect((await api.counters()).tokenCalls).toBe(0);
  });
}

/** Deno processes on one database file, against a server that ends a session at the first reuse. */
import { describe, expect, it, vi } from "vitest";
import { DAY, every, HOUR } from "../support/member-processes.ts";
import {
  expiredSessionCase,
  rejectedTokenCase,
  type SharedSession,
} from "../support/shared-session-cases.ts";
import { family, type Member } from "./kv-family.ts";

const SIZE = 8;

const all = async (members: readonly Member[], times = 3): Promise<(number | string)[]> =>
  (await Promise.all(members.map((member) => member.fetch("/v1/vms", times)))).flat();

describe("eight processes", () => {
  const open = async (): Promise<SharedSession> => {
    const { api, members, pass } = await family(SIZE);
    return { api, pass, all: () => all(members) };
  };
  expiredSessionCase(SIZE, open);
  rejectedTokenCase(SIZE, open);

  it("at the soft time one of them refreshes, and nobody waits for it [P1 P18 F8]", async () => {
    const { api, members, pass } = await family(SIZE);
    const gate = await api.gate("refresh", "before");
    await pass(DAY * 0.81);
    expect(await all(members)).toEqual(every(3 * SIZE, 200));
    await gate.arrived;
    await gate.release();
    await vi.waitFor(
      async () => {
        const generations = await Promise.all(members.map((member) => member.generation()));
        expect(generations.flat()).toContain(2);
      },
      { timeout: 10_000 },
    );
    await pass(DAY * 0.2);
    expect(await all(members)).toEqual(every(3 * SIZE, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });
});

describe("one is killed while its refresh is in flight", () => {
  it("the server has rotated: the access token serves to its end, then a sign-in is due [P2 P10 F39]", async () => {
    const { api, members, pass } = await family(SIZE);
    const [victim, ...others] = members as [Member, ...Member[]];
    const gate = await api.gate("refresh", "after");
    await pass(DAY * 0.81);
    await victim.fetch("/v1/vms");
    await gate.arrived;
    await victim.kill();
    // The server has seen it die: nobody takes the reply.
    await gate.left;
    await gate.release();

    // Long after the attempt's deadline nobody spends the token once more while this one is good.
    await pass(HOUR, others);
    expect(await all(others)).toEqual(every(3 * others.length, 200));
    expect((await api.counters()).tokenCalls).toBe(1);

    await pass(DAY * 0.2, others);
    expect(await all(others)).toEqual(every(3 * others.length, "sign_in_required"));
    // One of them has tried the last chance for all.
    expect(await api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 1 });
    await others[0]!.signIn();
    expect(await all(others)).toEqual(every(3 * others.length, 200));
  });

  it("the request was lost: the last chance brings all of them through [P2 P10 F39]", async () => {
    const { api, members, pass } = await family(SIZE);
    const [victim, ...others] = members as [Member, ...Member[]];
    await api.fault("refresh", { dropReply: "before" });
    const gate = await api.gate("refresh", "before");
    await pass(DAY);
    const lost = victim.fetch("/v1/vms").catch(() => "killed");
    await gate.arrived;
    // They wait for the victim, and are still waiting when it is gone.
    const served = all(others);
    await victim.kill();
    // The server has seen it die: nobody takes the reply.
    await gate.left;
    await gate.release();
    await pass(20_000, others);
    expect(await served).toEqual(every(3 * others.length, 200));
    expect(await lost).toBe("killed");
    expect(await api.counters()).toMatchObject({
      tokenCalls: 2,
      refreshed: 1,
      reuseDetections: 0,
    });
  });
});

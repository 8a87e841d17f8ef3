/** Eight Node processes on one server, by each package, against a token server that ends a session at the first reuse. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { DAY, every, HOUR } from "../support/member-processes.ts";
import { expiredSessionCase } from "../support/shared-session-cases.ts";
import { describeEach, type Family, family, type Member, startFor } from "./server-family.ts";
import { KINDS } from "./packages.ts";
import type { Server } from "./own-server.ts";

const SIZE = 8;
const soon = { timeout: 15_000, interval: 50 };

const all = async (members: readonly Member[], times = 3): Promise<(number | string)[]> =>
  (await Promise.all(members.map((member) => member.fetch(times)))).flat();

describeEach(KINDS, "eight processes by %s", (kind) => {
  let server: Server;
  let them: Family;
  beforeAll(async () => {
    server = await startFor(kind);
    them = await family(kind, server);
  });
  afterAll(async () => {
    await them.close();
    await server.close();
  });

  expiredSessionCase(SIZE, async () => {
    const { api, members, pass } = await them.scene(SIZE);
    return { api, pass, all: () => all(members) };
  });

  it("a token that the server rejects, and 401s that come after the refresh: one call [P1 P12]", async () => {
    const { api, members, pass } = await them.scene(SIZE);
    const [first, ...others] = members as [Member, ...Member[]];
    await pass(HOUR);
    await api.expireAccessTokens();
    const held = await api.gate("api", "after", others.length);
    const late = all(others, 1);
    await vi.waitFor(async () => {
      const { byPath } = await api.counters();
      expect(byPath["GET /v1/vms"]).toBe(SIZE + others.length);
    }, soon);
    expect(await first.fetch(3)).toEqual([200, 200, 200]);
    await held.release();
    expect(await late).toEqual(every(others.length, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("the first refresh is answered with 503: a second one, and all are served [P1 P17]", async () => {
    const { api, members, pass } = await them.scene(SIZE);
    await api.fault("refresh", { status: 503, headers: { "retry-after": "1" } });
    await pass(DAY);
    const served = all(members);
    await vi.waitFor(async () => expect((await api.counters()).tokenCalls).toBe(1), soon);
    expect(await served).toEqual(every(3 * SIZE, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 0 });
  });

  it("at the soft time one of them refreshes, and nobody waits for it [P1 P18 F8]", async () => {
    const { api, members, pass } = await them.scene(SIZE);
    const gate = await api.gate("refresh", "before");
    await pass(DAY * 0.81);
    expect(await all(members)).toEqual(every(3 * SIZE, 200));
    await gate.arrived;
    await gate.release();
    await vi.waitFor(async () => {
      const generations = await Promise.all(members.map((member) => member.generation()));
      expect(generations.flat()).toContain(2);
    }, soon);
    await pass(DAY * 0.2);
    expect(await all(members)).toEqual(every(3 * SIZE, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });
});

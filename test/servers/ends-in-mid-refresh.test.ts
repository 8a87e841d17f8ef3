/**
 * Processes that die or stand still in mid-refresh, and a server that does: killed, read only, cut off, full.
 * The strict token server's counters are the verdict.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { DAY, every } from "../support/member-processes.ts";
import { COMMIT, type Door, INTENT, openDoor } from "./tcp-proxy.ts";
import {
  describeEach,
  type Family,
  family,
  type Member,
  type Scene,
  startFor,
} from "./server-family.ts";
import { isPool, type Kind, KINDS } from "./packages.ts";
import { openPool } from "./postgres.ts";
import { openClient } from "./redis.ts";
import type { Server } from "./own-server.ts";

const SIZE = 8;
/** Where somebody is not to be served, nobody has to wait long for that: twice a store's time and some more. */
const PATIENCE = 8000;
const soon = { timeout: 30_000, interval: 50 };

const all = async (members: readonly Member[]): Promise<(number | string)[]> =>
  (await Promise.all(members.map((member) => member.fetch()))).flat();

/** Does something to the server by a client of its own, as its administrator. */
async function administer(kind: Kind, { url }: Server, ...commands: string[]): Promise<void> {
  if (isPool(kind)) {
    const pool = openPool(kind, url, 1);
    for (const command of commands) await pool.query(command);
    await pool.end();
  } else {
    const client = await openClient(kind, url);
    for (const command of commands) await client.send(...command.split(" "));
    client.end();
  }
}

/** What a server is told, by what it is. */
const ORDERS = {
  "read only": {
    sql: [
      "ALTER SYSTEM SET default_transaction_read_only = on",
      "SELECT pg_reload_conf()",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename IS NOT NULL",
    ],
    redis: ["CONFIG SET min-replicas-to-write 1"],
  },
  "writable again": {
    sql: [
      "SET default_transaction_read_only = off",
      "ALTER SYSTEM SET default_transaction_read_only = off",
      "SELECT pg_reload_conf()",
    ],
    redis: ["CONFIG SET min-replicas-to-write 0"],
  },
  "without connections": {
    sql: [
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename IS NOT NULL",
    ],
    redis: ["CLIENT KILL TYPE normal SKIPME yes"],
  },
} as const;

const order = (kind: Kind, server: Server, what: keyof typeof ORDERS): Promise<void> =>
  administer(kind, server, ...ORDERS[what][isPool(kind) ? "sql" : "redis"]);

/** The first one's refresh stands at the token server, and all others wait for it. */
async function inMidRefresh({ api, members, pass }: Scene): Promise<{
  readonly served: Promise<(number | string)[]>;
  readonly gate: Awaited<ReturnType<Scene["api"]["gate"]>>;
}> {
  const gate = await api.gate("refresh", "after");
  await pass(DAY);
  const served = all(members);
  await gate.arrived;
  return { served, gate };
}

describeEach(KINDS, "by %s", (kind) => {
  let server: Server;
  let door: Door;
  let them: Family;
  beforeAll(async () => {
    server = await startFor(kind);
    door = await openDoor(server);
    them = await family(kind, server, door.url);
  });
  afterAll(async () => {
    await them.close();
    await door.close();
    await server.close();
  });

  // What a package does itself when a connection fails is asked of each below.
  describe.runIf(kind === "redis" || kind === "pg")("a process is killed in mid-refresh", () => {
    it("when the request was lost: the last chance brings the others through [P2 P10 F39]", async () => {
      const { api, members, pass, outlast } = await them.scene(SIZE);
      const [victim, ...others] = members as [Member, ...Member[]];
      await api.fault("refresh", { dropReply: "before" });
      const gate = await api.gate("refresh", "before");
      await pass(DAY);
      const lost = victim.fetch().catch(() => "killed");
      await gate.arrived;
      const served = all(others);
      await victim.kill();
      await gate.left;
      await gate.release();
      expect(await outlast(served, others)).toEqual(every(others.length, 200));
      expect(await lost).toBe("killed");
      expect(await api.counters()).toMatchObject({
        tokenCalls: 2,
        refreshed: 1,
        reuseDetections: 0,
      });
    });

    it("when the server has rotated: one of the others tries, a sign-in is due, and it helps [P2 F39]", async () => {
      const { api, members, pass, outlast } = await them.scene(SIZE);
      const [victim, ...others] = members as [Member, ...Member[]];
      const gate = await api.gate("refresh", "after");
      await pass(DAY);
      const lost = victim.fetch().catch(() => "killed");
      await gate.arrived;
      const served = all(others);
      await victim.kill();
      await gate.left;
      await gate.release();
      const answers = await outlast(served, others);
      expect(answers.map((answer) => String(answer).split(":")[0])).toEqual(
        every(others.length, "sign_in_required"),
      );
      expect(await lost).toBe("killed");
      expect(await api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 1 });
      await others[0]!.signIn();
      expect(await all(others)).toEqual(every(others.length, 200));
    });

    it("when its intent is on the way: the intent lands, nobody spends for it, and one call is made [P2 P5 F57]", async () => {
      const { api, members, pass, outlast } = await them.scene(SIZE);
      const [victim, ...others] = members as [Member, ...Member[]];
      await pass(DAY);
      const held = door.hold(INTENT);
      const lost = victim.fetch().catch(() => "killed");
      await held.arrived;
      await victim.kill();
      held.release();
      expect(await lost).toBe("killed");
      const served = all(others);
      expect(await outlast(served, others)).toEqual(every(others.length, 200));
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    });

    it("when its commit is on the way: the server takes it, and no token is spent again [P2 P6 P20]", async () => {
      const { api, members, pass } = await them.scene(SIZE);
      const [victim, ...others] = members as [Member, ...Member[]];
      await pass(DAY);
      const held = door.hold(COMMIT);
      const lost = victim.fetch().catch(() => "killed");
      await held.arrived;
      const served = all(others);
      await victim.kill();
      held.release();
      expect(await lost).toBe("killed");
      expect(await served).toEqual(every(others.length, 200));
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    });
  });

  describe.runIf(kind === "redis" || kind === "pg")("a process stands still in mid-refresh", () => {
    it("while its reply comes: the others wait, and it commits when it goes on [P8]", async () => {
      const { api, members, pass } = await them.scene(SIZE);
      const [sleeper, ...others] = members as [Member, ...Member[]];
      const gate = await api.gate("refresh", "after");
      await pass(DAY);
      const its = sleeper.fetch();
      await gate.arrived;
      const served = all(others);
      sleeper.pause();
      await gate.release();
      await vi.waitFor(async () => {
        const log = await api.log();
        expect(log.some(({ kind, what }) => kind === "refresh" && what === "over")).toBe(true);
      }, soon);
      sleeper.resume();
      expect(await its).toEqual([200]);
      expect(await served).toEqual(every(others.length, 200));
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    });

    it("before it sends, and others have taken its place: it sends nothing [P2 P8]", async () => {
      const { api, members, pass, outlast } = await them.scene(SIZE);
      const [sleeper, ...others] = members as [Member, ...Member[]];
      await pass(DAY);
      const held = door.hold(INTENT);
      const its = sleeper.fetch();
      await held.arrived;
      sleeper.pause();
      held.release();
      const served = all(others);
      expect(await outlast(served, others)).toEqual(every(others.length, 200));
      sleeper.resume();
      expect(await its).toEqual([200]);
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    });
  });

  describe("the server fails in mid-refresh", () => {
    const isServed = async ({ api, members }: Scene): Promise<void> => {
      expect(await all(members)).toEqual(every(members.length, 200));
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    };

    it("killed, and started again: one call, and nothing is lost [P16 P20 F22]", async () => {
      const scene = await them.scene(SIZE);
      const { served, gate } = await inMidRefresh(scene);
      await server.kill();
      const refused = door.refused();
      await gate.release();
      await refused;
      await server.start();
      expect(await served).toEqual(every(SIZE, 200));
      await isServed(scene);
    });

    it("read only: one call, and nothing is lost [P16 P20 F22]", async () => {
      const scene = await them.scene(SIZE);
      const { served, gate } = await inMidRefresh(scene);
      await order(kind, server, "read only");
      const tried = door.seen(COMMIT);
      await gate.release();
      await tried;
      await order(kind, server, "writable again");
      expect(await served).toEqual(every(SIZE, 200));
      await isServed(scene);
    });

    it("without connections: one call, and nothing is lost [P16 P20 F22]", async () => {
      const scene = await them.scene(SIZE);
      const { served, gate } = await inMidRefresh(scene);
      await order(kind, server, "without connections");
      await gate.release();
      expect(await served).toEqual(every(SIZE, 200));
      await isServed(scene);
    });

    it("silent: typed errors within their patience, nobody is signed out, and it goes on [P10 P16 F59]", async () => {
      const scene = await them.scene(SIZE, PATIENCE);
      const { served, gate } = await inMidRefresh(scene);
      const unmute = door.mute();
      await gate.release();
      const answers = await served;
      for (const answer of answers) expect(String(answer)).toMatch(/^(200$|store_unavailable: )/);
      // One has got the token and serves it from memory; nobody else can know it.
      expect(answers.filter((answer) => answer === 200)).toEqual([200]);
      unmute();
      await isServed(scene);
    });
  });
});

/** What a server cannot help: a failover to a replica that is behind, and a disk without room. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { DAY, every } from "../support/member-processes.ts";
import { openDoor } from "./tcp-proxy.ts";
import { describeEach, type Family, family, type Member, startFor } from "./server-family.ts";
import { isPool, type Kind } from "./packages.ts";
import { openPool } from "./postgres.ts";
import { openClient } from "./redis.ts";
import { type Server, startRedis } from "./own-server.ts";

const SIZE = 8;
/** Where nobody is to be served, nobody has to wait long for that. */
const PATIENCE = 8000;
const soon = { timeout: 30_000, interval: 50 };

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const all = async (members: readonly Member[]): Promise<(number | string)[]> =>
  (await Promise.all(members.map((member) => member.fetch()))).flat();

async function begin(kind: Kind, server: Server, door?: string): Promise<Family> {
  const them = await family(kind, server, door);
  ends.push(() => them.close());
  return them;
}

describeEach(["redis", "ioredis"], "Redis by %s", (kind) => {
  it("fails over to a replica that is behind: typed errors and no hang, and a sign-in helps [P10]", async () => {
    const primary = await startRedis();
    ends.push(() => primary.close());
    const replica = await startRedis(["--replicaof", "127.0.0.1", String(primary.port)]);
    ends.push(() => replica.close());
    const door = await openDoor(primary);
    ends.push(() => door.close());
    const { api, members, pass } = await (
      await begin(kind, primary, door.url)
    ).scene(SIZE, PATIENCE);
    const admin = await openClient("ioredis", primary.url);
    expect(await admin.send("WAIT", "1", "10000")).toBe(1);
    // From here on it hears nothing more.
    replica.pause();
    await pass(DAY);
    expect(await all(members)).toEqual(every(SIZE, 200));
    admin.end();
    await primary.kill();
    replica.resume();
    const heir = await openClient("ioredis", replica.url);
    await heir.send("REPLICAOF", "NO", "ONE");
    heir.end();
    door.lead(replica.port);

    await pass(DAY);
    for (const answer of await all(members))
      expect(String(answer)).toMatch(
        /^(200$|(sign_in_required|store_unavailable|refresh_failed): )/,
      );
    // The replica's older token was spent before: the server may have ended the session, and nothing else.
    expect((await api.counters()).reuseDetections).toBeLessThanOrEqual(1);
    await members[0]!.signIn();
    await vi.waitFor(async () => expect(await all(members)).toEqual(every(SIZE, 200)), soon);
  });
});

/** A small file system in memory, or `undefined` where this user may not make one. */
function smallDisk(megabytes: number): string | undefined {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-disk-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const options = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder];
  if (spawnSync("mount", options).status !== 0) return undefined;
  ends.push(() => spawnSync("umount", ["--lazy", folder]));
  return path.join(folder, "server");
}

function fill(folder: string): () => void {
  const { bavail, bsize } = statfsSync(folder);
  const file = path.join(folder, "filler");
  writeFileSync(file, Buffer.alloc(bavail * bsize));
  return () => rmSync(file);
}

describeEach(["redis", "pg"], "the disk is full in mid-refresh, by %s", (kind) => {
  it("one call, typed errors at most, nobody is signed out, and with room it goes on [P10 P16 P20 F22]", async ({
    skip,
  }) => {
    const folder = smallDisk(isPool(kind) ? 96 : 4);
    if (!folder) return skip("this user may not mount a small disk");
    mkdirSync(folder);
    const server = await startFor(kind, [], folder);
    ends.push(() => server.close());
    const { api, members, pass } = await (await begin(kind, server)).scene(SIZE);
    const gate = await api.gate("refresh", "after");
    await pass(DAY);
    const served = all(members);
    await gate.arrived;
    const makeRoom = fill(folder);
    if (isPool(kind)) {
      // What comes next needs a new file.
      const pool = openPool(kind, server.url, 1);
      await pool.query("SELECT pg_switch_wal()").catch(() => {});
      await pool.end();
    }
    await gate.release();
    // Both servers end when they cannot keep what they would have to acknowledge.
    await server.ended();
    makeRoom();
    await server.start();
    for (const answer of await served)
      expect(String(answer)).toMatch(/^(200$|store_unavailable: )/);
    expect(await all(members)).toEqual(every(SIZE, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });
});

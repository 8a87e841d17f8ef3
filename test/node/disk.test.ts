/** The disk fills up, or is closed to writing, in mid-refresh. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { all, DAY, every, family, freshFolder } from "./folder-family.ts";

const SIZE = 3;
const three = Array.from({ length: SIZE }, () => process.execPath);

/** A small file system of its own, where this user may make one. */
const disk = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-disk-"));
const mount = (): boolean =>
  process.platform === "linux" &&
  spawnSync("mount", ["-t", "tmpfs", "-o", "size=400k,mode=700", "tokenkeep", disk]).status === 0;
const isMountable = mount();
if (isMountable) execFileSync("umount", [disk]);
else console.warn("Skipped: no small file system can be mounted here, so that no disk fills up.");
afterAll(() => rmSync(disk, { recursive: true, force: true }));

describe.runIf(isMountable)("a disk that is full", () => {
  beforeEach(() => void mount());
  afterEach(() => execFileSync("umount", ["--lazy", disk]));

  const filler = path.join(disk, "filler");
  /** Leaves nothing free. */
  function fill(): void {
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(filler, new Uint8Array(bavail * bsize));
    expect(statfsSync(disk).bavail).toBe(0);
  }
  const clear = (): void => rmSync(filler);

  it("before a refresh: nothing is spent, the token serves to its end, and with space again all is well [P5 P16 F22]", async () => {
    const { api, members, pass } = await family(three, { folder: path.join(disk, "sessions") });
    fill();
    await pass(DAY * 0.85);
    expect(await all(members)).toEqual(every(3 * SIZE, 200));
    await pass(DAY * 0.2);
    expect(await all(members, 1)).toEqual(every(SIZE, "store_unavailable"));
    expect((await api.counters()).tokenCalls).toBe(0);
    clear();
    expect(await all(members)).toEqual(every(3 * SIZE, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("between the request and its commit: the caller is served, the session is marked, and stored when there is space [P7 P20 F22]", async () => {
    const { api, members, pass } = await family(three, { folder: path.join(disk, "sessions") });
    const [first, ...others] = members;
    const gate = await api.gate("refresh", "after");
    await pass(DAY);
    const served = first!.fetch("/v1/vms");
    await gate.arrived;
    fill();
    await gate.release();
    expect(await served).toEqual([200]);
    expect(await first!.generation()).toEqual([2, "false"]);
    expect((await api.counters()).tokenCalls).toBe(1);
    clear();
    await vi.waitFor(async () => expect(await first!.generation()).toEqual([2, "true"]), 30_000);
    expect(await all(others)).toEqual(every(3 * others.length, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });
});

describe.runIf(process.platform !== "win32")("a folder that is made read-only", () => {
  /** For root no folder is read-only. */
  const user = process.geteuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;

  it("in mid-refresh: the refresh is stored, and all are served [P7 P16]", async () => {
    const folder = freshFolder();
    const { api, members, pass } = await family(three, { folder, ...(user && { user }) });
    const gate = await api.gate("refresh", "after");
    await pass(DAY);
    const served = all(members);
    await gate.arrived;
    for (const closed of [path.join(folder, "locks"), folder]) chmodSync(closed, 0o500);
    try {
      await gate.release();
      expect(await served).toEqual(every(3 * SIZE, 200));
      expect(await members[0]!.generation()).toEqual([2, "true"]);
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    } finally {
      chmodSync(folder, 0o700);
    }
  });

  it("before anything is in it: the sign-in lives in memory, and says so [P16 F27]", async () => {
    const folder = freshFolder();
    mkdirSync(folder, { recursive: true, mode: 0o500 });
    const { members } = await family([process.execPath], { folder, ...(user && { user }) });
    expect(await members[0]!.generation()).toEqual([1, "false"]);
  });
});

/** The lock between processes, as far as one process shows it. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { loadBuiltins } from "../../../src/node/builtins.ts";
import { processLock, type ProcessLockOptions } from "../../../src/node/lock.ts";
import { freshName, gate, hold, lockContract, never } from "../../contracts/lock.ts";

const builtins = loadBuiltins();
const root = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-lock-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const lockOf = (options: Partial<ProcessLockOptions> = {}) =>
  processLock(builtins, { folder: path.join(root, "locks"), ...options });

lockContract("SQLite's lock on a file", () => lockOf());

describe("two locks on one folder, as two processes have them", () => {
  it("exclude each other, and leave no file [P1]", async () => {
    const name = freshName();
    const holder = await hold(lockOf(), name);
    const waiting = gate();
    let ran = false;
    const second = lockOf({ onWait: () => waiting.open() }).run(
      name,
      async () => (ran = true),
      never(),
    );
    await waiting.opened;
    expect(ran).toBe(false);
    expect(readdirSync(path.join(root, "locks"))).toHaveLength(1);
    holder.release();
    await Promise.all([holder.done, second]);
    expect(ran).toBe(true);
    expect(readdirSync(path.join(root, "locks"))).toEqual([]);
  });

  it("one that waits leaves at once when it is aborted [P10 P14]", async () => {
    const name = freshName();
    const holder = await hold(lockOf(), name);
    const aborter = new AbortController();
    const lock = lockOf({ onWait: () => aborter.abort("gave up") });
    await expect(lock.run(name, async () => {}, aborter.signal)).rejects.toBe("gave up");
    holder.release();
    await holder.done;
  });

  it("one that waits goes on without the lock when another process has written [F2 F7]", async () => {
    const name = freshName();
    const holder = await hold(lockOf(), name);
    let version = 1;
    const lock = lockOf({ version: () => version, onWait: () => (version = 2) });
    expect(await lock.run(name, async () => "looked", never())).toBe("looked");
    holder.release();
    await holder.done;
  });

  it("one that nobody needs any more goes on, so that it keeps no process alive [F2]", async () => {
    const name = freshName();
    const holder = await hold(lockOf(), name);
    const lock = lockOf({ isNeeded: () => false });
    expect(await lock.run(name, async () => "over", never())).toBe("over");
    holder.release();
    await holder.done;
  });
});

describe("a file that cannot go while it is open, as on Windows", () => {
  /** As `builtins`, on a file system that keeps what somebody has open. */
  function keeping() {
    let open = 0;
    const counted: typeof builtins = {
      ...builtins,
      open(place) {
        const db = builtins.open(place);
        open += 1;
        return {
          ...db,
          exec: (sql) => db.exec(sql),
          close() {
            open -= 1;
            db.close();
          },
        };
      },
      files: {
        ...builtins.files,
        unlinkSync(place) {
          if (open > 0) throw Object.assign(new Error("busy"), { code: "EBUSY" });
          builtins.files.unlinkSync(place);
        },
      },
    };
    const folder = path.join(root, "kept");
    return { lock: processLock(counted, { folder }), left: () => readdirSync(folder) };
  }

  it("goes when it is closed: no attempt leaves one behind [F57]", async () => {
    const { lock, left } = keeping();
    const release = await lock.hold?.("an attempt's");
    expect(left()).toHaveLength(1);
    release?.();
    expect(left()).toEqual([]);
  });
});

describe("a sign of life", () => {
  it("is seen by others until it is let go, and a look is no hold [F57]", async () => {
    const [one, two] = [lockOf(), lockOf()];
    const name = freshName();
    expect(await two.isFree?.(name)).toBe(true);
    const release = await one.hold?.(name);
    expect(await two.isFree?.(name)).toBe(false);
    expect(await one.isFree?.(name)).toBe(false);
    expect(await two.hold?.(name)).toBeUndefined();
    const files = readdirSync(path.join(root, "locks"));
    expect(files.map((file) => statSync(path.join(root, "locks", file)).mode & 0o777)).toEqual([
      0o600,
    ]);
    release?.();
    expect(await Promise.all([1, 2, 3].map(() => two.isFree?.(name)))).toEqual([true, true, true]);
    expect(readdirSync(path.join(root, "locks"))).toEqual([]);
  });

  it("is none where no file can be made, and the task runs all the same [P10]", async () => {
    const file = path.join(root, "file");
    builtins.files.closeSync(builtins.files.openSync(file, "wx"));
    const lock = lockOf({ folder: path.join(file, "locks") });
    expect(await lock.hold?.(freshName())).toBeUndefined();
    expect(await lock.run(freshName(), async () => "ran", never())).toBe("ran");
  });

  it("says that it spans the processes of a machine", () => {
    expect(lockOf().spans).toBe("origin");
  });
});

/** The folder of a user's sessions: where it is, and what is refused in it. */
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Builtins, loadBuiltins } from "../../../src/node/builtins.ts";
import { keyFrom } from "../../../src/node/key-file.ts";
import {
  checkFile,
  givenFolder,
  makeFile,
  makeFolder,
  networkOf,
  stateFolder,
} from "../../../src/node/place.ts";

const real = loadBuiltins();
let root = "";
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-place-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const modeOf = (file: string): number => statSync(file).mode & 0o777;
const trouble = (message: RegExp): unknown =>
  expect.objectContaining({
    code: "store_unavailable",
    message: expect.stringMatching(message) as string,
  });

/** A process of another user, as far as anybody asks. */
const stranger: Builtins = { ...real, process: { ...real.process, geteuid: () => 4711 } };

describe("the state folder", () => {
  const at = (platform: string, env: Record<string, string>): string =>
    stateFolder({
      ...real,
      homedir: () => "/home/ada",
      process: { ...real.process, platform, env },
    });

  it.each([
    ["linux", {}, "/home/ada/.local/state/tokenkeep"],
    ["linux", { XDG_STATE_HOME: "/state" }, "/state/tokenkeep"],
    ["linux", { XDG_STATE_HOME: "/state/" }, "/state/tokenkeep"],
    ["linux", { XDG_STATE_HOME: "relative" }, "/home/ada/.local/state/tokenkeep"],
    ["linux", { XDG_STATE_HOME: "" }, "/home/ada/.local/state/tokenkeep"],
    ["darwin", {}, "/home/ada/Library/Application Support/tokenkeep"],
    ["win32", { LOCALAPPDATA: "/local" }, "/local/tokenkeep"],
    ["win32", {}, "/home/ada/AppData/Local/tokenkeep"],
  ])("on %s with %j is %s [S11]", (platform, env, expected) => {
    expect(at(platform, env as Record<string, string>)).toBe(expected);
  });
});

describe("a home folder", () => {
  it.each(["/home/ada/", "/home/./ada", "/home/bob/../ada"])(
    "may be spelled in any way: %s [S11]",
    (home) => {
      const process = { ...real.process, env: {}, platform: "linux" };
      const folder = stateFolder({ ...real, homedir: () => home, process });
      expect(folder).toBe("/home/ada/.local/state/tokenkeep");
    },
  );
});

describe("a path that is given", () => {
  it("may be relative, unless the working directory is gone [S17]", () => {
    expect(givenFolder(real, "state")).toBe(path.resolve("state"));
    const resolve = (): never => {
      throw Object.assign(new Error("uv_cwd"), { code: "ENOENT" });
    };
    const lost: Builtins = { ...real, paths: { ...real.paths, resolve } };
    expect(() => givenFolder(lost, "state")).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringContaining("path, absolute: the working directory is gone") as string,
      }) as object,
    );
  });
});

describe("a user without a home folder", () => {
  it.each([
    ["none that is known", (): string => expect.unreachable()],
    ["an empty one", () => ""],
    ["a relative one", () => "home"],
  ])("has to give a path: %s [S17]", (_, homedir) => {
    const builtins = { ...real, homedir, process: { ...real.process, env: {} } };
    const invalid = expect.objectContaining({
      code: "invalid_option",
      message: expect.stringMatching(/path/) as string,
    }) as object;
    expect(() => stateFolder(builtins)).toThrow(invalid);
    const given = { ...builtins.process, env: { XDG_STATE_HOME: "/state" }, platform: "linux" };
    expect(stateFolder({ ...builtins, process: given })).toBe("/state/tokenkeep");
  });
});

describe("the folder", () => {
  it("and its parents are made for the user alone [S8]", () => {
    const folder = path.join(root, "a/b");
    makeFolder(real, folder);
    expect([modeOf(path.join(root, "a")), modeOf(folder)]).toEqual([0o700, 0o700]);
    makeFolder(real, folder);
  });

  it("where none can be made is told, and nobody tries for ever [P10 P16]", () => {
    const refuses = (): never => {
      throw Object.assign(new Error("there is no such folder"), { code: "ENOENT" });
    };
    const builtins: Builtins = { ...real, files: { ...real.files, mkdirSync: refuses } };
    expect(() => makeFolder(builtins, path.join(root, "a/b"))).toThrow(
      trouble(/b cannot be made\. Make its parent writable, or give another path/),
    );
    if (process.platform === "linux")
      expect(() => makeFolder(real, "/proc/tokenkeep")).toThrow(trouble(/cannot be made/));
  });

  it("that another process has made meanwhile is taken [F28]", () => {
    const folder = path.join(root, "a/b");
    const raced: Builtins = {
      ...real,
      files: {
        ...real.files,
        mkdirSync(made, options) {
          real.files.mkdirSync(made, options);
          return real.files.mkdirSync(made, options);
        },
      },
    };
    makeFolder(raced, folder);
    expect(modeOf(folder)).toBe(0o700);
  });

  it("that others may write to is refused, with the command that helps [S8 P16]", () => {
    chmodSync(root, 0o777);
    expect(() => makeFolder(real, root)).toThrow(trouble(/chmod 700/));
    chmodSync(root, 0o755);
    makeFolder(real, root);
  });

  it("of another user is refused, with the command that helps [S8 P16]", () => {
    expect(() => makeFolder(stranger, root)).toThrow(trouble(/chown/));
  });

  it("that is a link or a file, or lies under one, is refused, and the message says which [S8 P16]", () => {
    const [link, file] = [path.join(root, "link"), path.join(root, "file")];
    const [dangling, circle] = [path.join(root, "dangling"), path.join(root, "circle")];
    symlinkSync(root, link);
    writeFileSync(file, "");
    symlinkSync(path.join(root, "nowhere"), dangling);
    symlinkSync(circle, circle);
    expect(() => makeFolder(real, link)).toThrow(
      trouble(/link is a symbolic link\. Give the folder that it leads to, or another path/),
    );
    for (const under of ["", "/a", "/a/b"])
      expect(() => makeFolder(real, file + under)).toThrow(
        trouble(/a file stands at \S+\/file, in .* Move that file away, or give another path/),
      );
    for (const end of [dangling, `${dangling}/a`, circle, `${circle}/a`])
      expect(() => makeFolder(real, end)).toThrow(
        trouble(/(dangling|circle) is a link that leads to no folder\. Mend the link, or give/),
      );
    // A folder above may be a link: that is how some keep their home folder.
    makeFolder(real, path.join(link, "a"));
    expect(modeOf(path.join(root, "a"))).toBe(0o700);
  });
});

describe("a file", () => {
  it("is made for the user alone, and left as it is where it exists [S8]", () => {
    const file = path.join(root, "sessions.db");
    makeFile(real, file);
    expect(modeOf(file)).toBe(0o600);
    writeFileSync(file, "kept");
    makeFile(real, file);
    expect(lstatSync(file).size).toBe(4);
    expect(() => makeFile(real, path.join(root, "none/x"))).toThrow(trouble(/x cannot be made/));
  });

  it("that others can read, that is another's, a link or a folder is refused [S8 P16]", () => {
    const file = path.join(root, "file");
    writeFileSync(file, "", { mode: 0o600 });
    expect(checkFile(real, file)?.size).toBe(0);
    expect(() => checkFile(stranger, file)).toThrow(trouble(/another user.*chown/));
    chmodSync(file, 0o640);
    expect(() => checkFile(real, file)).toThrow(trouble(/chmod 600/));
    const link = path.join(root, "link");
    symlinkSync(file, link);
    expect(() => checkFile(real, link)).toThrow(trouble(/no ordinary file/));
    expect(() => checkFile(real, root)).toThrow(trouble(/no ordinary file/));
    expect(checkFile(real, path.join(root, "none"))).toBeUndefined();
  });
});

describe("a network file system", () => {
  const on = (type: number, platform = "linux"): string | undefined =>
    networkOf(
      {
        ...real,
        files: { ...real.files, statfsSync: () => ({ type }) },
        process: { ...real.process, platform },
      },
      root,
    );

  it("is told by its number, also where that comes with a sign [P2]", () => {
    expect(on(0x6969)).toBe("NFS");
    expect(on(0xff534d42)).toBe("SMB");
    expect(on(0xff534d42 | 0)).toBe("SMB");
    expect(on(0xef53)).toBeUndefined();
    expect(on(0x6969, "darwin")).toBeUndefined();
  });
});

describe("the key file", () => {
  const keyFile = (): string => path.join(root, "key");

  it("is made once, for the user alone, and no draft stays [S8 F28]", () => {
    const first = keyFrom(real, root);
    expect(first).toMatch(/^file:[\w+/]{43}=$/);
    expect(keyFrom(real, root)).toBe(first);
    expect([modeOf(keyFile()), statSync(keyFile()).size]).toEqual([0o600, 32]);
    expect(real.files.lstatSync(keyFile(), { throwIfNoEntry: false })?.isFile()).toBe(true);
  });

  it("of another process that came first is read, not replaced [F28]", () => {
    const theirs = new Uint8Array(32).fill(7);
    let isFirst = true;
    const raced: Builtins = {
      ...real,
      files: {
        ...real.files,
        linkSync(from, to) {
          // Between the look and the link.
          if (isFirst) writeFileSync(to, theirs, { mode: 0o600 });
          isFirst = false;
          real.files.linkSync(from, to);
        },
      },
    };
    expect(keyFrom(raced, root)).toBe(`file:${Buffer.from(theirs).toString("base64")}`);
  });

  it("of the wrong length, another's, a link or open to others is refused, and stays as it is [S8 S20 P16]", () => {
    writeFileSync(keyFile(), "short", { mode: 0o600 });
    expect(() => keyFrom(real, root)).toThrow(trouble(/has not 32 bytes/));
    expect(statSync(keyFile()).size).toBe(5);
    writeFileSync(keyFile(), "");
    expect(() => keyFrom(real, root)).toThrow(trouble(/has not 32 bytes/));
    writeFileSync(keyFile(), new Uint8Array(32));
    expect(() => keyFrom(stranger, root)).toThrow(trouble(/another user/));
    chmodSync(keyFile(), 0o604);
    expect(() => keyFrom(real, root)).toThrow(trouble(/chmod 600/));
    rmSync(keyFile());
    symlinkSync("/etc/hostname", keyFile());
    expect(() => keyFrom(real, root)).toThrow(trouble(/no ordinary file/));
  });

  it("is synced before its name, and the folder after it [P5]", () => {
    const steps: string[] = [];
    const { files } = real;
    const noted: Builtins = {
      ...real,
      files: {
        ...files,
        fsyncSync(file) {
          steps.push("fsync");
          files.fsyncSync(file);
        },
        linkSync(from, to) {
          steps.push("link");
          files.linkSync(from, to);
        },
      },
    };
    keyFrom(noted, root);
    expect(steps).toEqual(["fsync", "link", "fsync"]);
  });

  /** The files of this machine, but for one of their methods. */
  const withFiles = (other: Partial<Builtins["files"]>): Builtins => ({
    ...real,
    files: { ...real.files, ...other },
  });
  const failing = (code: string) => (): never => {
    throw Object.assign(new Error("secret words"), { code });
  };

  const failures: readonly (readonly [string, Partial<Builtins["files"]>, RegExp])[] = [
    [
      "a full disk",
      { writeSync: failing("ENOSPC") },
      /the disk is full\. Free space, or pass keys/,
    ],
    ["a disk that takes a part of it", { writeSync: () => 7 }, /the disk is full\. Free space/],
    ["a disk that fails in the sync", { fsyncSync: failing("EIO") }, /cannot be made.*pass keys/],
    ["a folder that takes no file", { openSync: failing("EACCES") }, /cannot be made.*writable/],
    [
      "a disk without links",
      { linkSync: failing("EPERM") },
      /takes no links\. Pass keys, or give a path/,
    ],
  ];
  it.each(failures)(
    "that cannot be made says what to do, and leaves nothing behind: %s [P16]",
    (_, other, why) => {
      expect(() => keyFrom(withFiles(other), root)).toThrow(trouble(why));
      expect(readdirSync(root)).toEqual([]);
      // The next call tries anew.
      expect(keyFrom(real, root)).toMatch(/^file:/);
    },
  );

  it.each(["openSync", "writeSync", "fsyncSync", "closeSync", "linkSync", "unlinkSync"] as const)(
    "a process that dies in %s leaves no part of a key under its name [S8 F22]",
    (step) => {
      const dying = { ...real.files };
      const die = (): never => {
        // Nothing that follows is done any more, not even what clears up.
        for (const name of [
          "openSync",
          "writeSync",
          "fsyncSync",
          "linkSync",
          "unlinkSync",
        ] as const)
          dying[name] = die;
        throw new Error("dead");
      };
      dying[step] = die;
      expect(() => keyFrom({ ...real, files: dying }, root)).toThrow();
      const size = real.files.lstatSync(keyFile(), { throwIfNoEntry: false })?.size;
      expect([undefined, 32]).toContain(size);
      const key = keyFrom(real, root);
      expect(key).toMatch(/^file:[\w+/]{43}=$/);
      expect(keyFrom(real, root)).toBe(key);
    },
  );

  it("of nothing but zeros is what a power failure left, and never taken [S8 S20 P16]", () => {
    writeFileSync(keyFile(), new Uint8Array(32), { mode: 0o600 });
    expect(() => keyFrom(real, root)).toThrow(
      trouble(/zeros\. Restore it, or delete it and sign in/),
    );
  });

  it("that is being copied in is not taken in part: its size is looked at, and its bytes [S8 P16]", () => {
    writeFileSync(keyFile(), new Uint8Array(32).fill(1), { mode: 0o600 });
    const half = withFiles({ readFileSync: () => new Uint8Array(16).fill(1) });
    expect(() => keyFrom(half, root)).toThrow(trouble(/has not 32 bytes/));
    truncateSync(keyFile(), 2 ** 33);
    const unread = withFiles({ readFileSync: () => expect.unreachable("it is not read") });
    expect(() => keyFrom(unread, root)).toThrow(trouble(/has not 32 bytes/));
    truncateSync(keyFile(), 32);
    expect(keyFrom(real, root)).toBe(`file:${Buffer.alloc(32, 1).toString("base64")}`);
  });

  it("that cannot be read says so, and is not made anew [P16]", () => {
    writeFileSync(keyFile(), new Uint8Array(32).fill(1), { mode: 0o600 });
    const unreadable = withFiles({ readFileSync: failing("EACCES") });
    expect(() => keyFrom(unreadable, root)).toThrow(trouble(/cannot be read\. Run: chmod 600/));
    expect(keyFrom(real, root)).toBe(`file:${Buffer.alloc(32, 1).toString("base64")}`);
  });
});

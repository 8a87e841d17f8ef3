/** What the operating system says of a path, in words that help. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Builtins, loadBuiltins } from "../../../src/node/builtins.ts";
import { keyFrom } from "../../../src/node/key-file.ts";
import { checkFile, makeFile, makeFolder } from "../../../src/node/place.ts";

const real = loadBuiltins();
let root = "";
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-errno-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const trouble = (message: RegExp): unknown =>
  expect.objectContaining({
    code: "store_unavailable",
    message: expect.stringMatching(message) as string,
  });

describe("what the operating system says", () => {
  const failing = (code: string) => (): never => {
    throw Object.assign(new Error("secret words"), { code });
  };
  const failingIn = (name: keyof Builtins["files"], code: string): Builtins => ({
    ...real,
    files: { ...real.files, [name]: failing(code) },
  });

  it.each([
    ["EACCES", /: this user may not write there\. Make its folder writable, or give another path/],
    ["EPERM", /: this user may not write there\. Make its folder writable, or give another path/],
    ["EROFS", /: the disk is read-only\. Mount it writable, or give another path/],
    ["ENOSPC", /: the disk is full\. Free space, or give another path/],
    ["EDQUOT", /: this user's share of the disk is full\. Free space, or give another path/],
    ["EIO", /: the disk fails\. Check the disk, or give another path/],
    ["ENAMETOOLONG", /: the path is too long\. Give a shorter path\.$/],
    ["EMFILE", /: this process has too many open files\. Close .*raise the limit: ulimit -n\.$/],
    ["ENFILE", /: the system has too many open files\. End what keeps them open, or/],
    ["EWHATEVER", /cannot be made\. Make its (parent|folder) writable, .*or give another path/],
  ])("%s is told with what helps, and in no words but these [S4 P16]", (code, message) => {
    const [folder, file] = [path.join(root, "new"), path.join(root, "file")];
    expect(() => makeFolder(failingIn("mkdirSync", code), folder)).toThrow(trouble(message));
    expect(() => makeFile(failingIn("openSync", code), file)).toThrow(trouble(message));
    expect(() => makeFile(failingIn("openSync", code), file)).not.toThrow(/secret/);
  });

  it("of a path that cannot be looked at is told, too [P16]", () => {
    const look = (code: string) => () => checkFile(failingIn("lstatSync", code), root);
    expect(look("ELOOP")).toThrow(trouble(/reached: symbolic links lead in a circle\. Mend them/));
    expect(look("ENOTDIR")).toThrow(trouble(/: a file stands in .* Move that file away, or give/));
    expect(look("EWHATEVER")).toThrow(trouble(/cannot be reached\. Check the folders above it/));
  });

  it("of a key file is told with the way out of keys; a limit has no such way out [P16]", () => {
    const make = (code: string) => () => keyFrom(failingIn("openSync", code), root);
    expect(make("EROFS")).toThrow(
      trouble(/made: the disk is read-only\. Mount it .* or pass keys/),
    );
    expect(make("EMFILE")).toThrow(trouble(/too many open files\. Close .*: ulimit -n\.$/));
    writeFileSync(path.join(root, "key"), new Uint8Array(32).fill(1), { mode: 0o600 });
    const read = (code: string) => () => keyFrom(failingIn("readFileSync", code), root);
    expect(read("EMFILE")).toThrow(trouble(/cannot be read: this process has too many open files/));
    expect(read("EIO")).toThrow(trouble(/cannot be read: the disk fails\. Check the disk, or/));
  });
});

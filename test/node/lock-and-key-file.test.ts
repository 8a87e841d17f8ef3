/** The lock and the key file, between processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { loadBuiltins } from "../../src/node/builtins.ts";
import { takeShelf } from "../../src/node/database.ts";
import { processLock } from "../../src/node/lock.ts";
import { commandOf } from "../support/member-processes.ts";
import { freshFolder } from "./folder-family.ts";
import { bun } from "./runtimes.ts";

const script = path.join(import.meta.dirname, "lock-run.ts");
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

function run(runtime: string, ...words: string[]): ChildProcess {
  const [file = "", ...args] = commandOf(runtime);
  const child = spawn(file, [...args, script, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  return child;
}

async function outputOf(child: ChildProcess): Promise<string> {
  let output = "";
  child.stdout?.on("data", (chunk) => (output += chunk));
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  return output.trim();
}

const runtimes = [process.execPath, ...bun];

describe("eight processes under one lock", () => {
  it("never run at the same time, whichever runtimes they are of [P1 F3]", async () => {
    const folder = freshFolder();
    mkdirSync(path.dirname(folder), { recursive: true });
    const file = path.join(path.dirname(folder), "count");
    writeFileSync(file, "0");
    const eight = Array.from({ length: 8 }, (_, at) => runtimes[at % runtimes.length]!);
    await Promise.all(eight.map((runtime) => outputOf(run(runtime, "count", folder, file))));
    expect(readFileSync(file, "utf8")).toBe("40");
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe.each(runtimes)("a sign of life of another process (%s)", (runtime) => {
  it("is seen while that lives or is stopped, and ends with kill -9 [F57]", async () => {
    const folder = freshFolder();
    const lock = processLock(loadBuiltins(), { folder });
    const child = run(runtime, "hold", folder, "attempt");
    const [said] = await once(child.stdout!, "data");
    expect(String(said).trim()).toBe("held");
    expect(await lock.isFree?.("attempt")).toBe(false);
    child.kill("SIGSTOP");
    expect(await lock.isFree?.("attempt")).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await lock.isFree?.("attempt")).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("ten processes that start together", () => {
  it("make one key file, and all seal with it [S8 F28]", async () => {
    const folder = freshFolder();
    const ten = Array.from({ length: 10 }, (_, at) => runtimes[at % runtimes.length]!);
    const keys = await Promise.all(ten.map((runtime) => outputOf(run(runtime, "key", folder))));
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^file:/);
    expect(readdirSync(folder)).toEqual(["key"]);
  });

  it("make one database, and each of them stores its record at once [P3 F28]", async () => {
    const folder = freshFolder();
    const ten = Array.from({ length: 10 }, (_, at) => runtimes[at % runtimes.length]!);
    const said = await Promise.all(
      ten.map((runtime, at) => outputOf(run(runtime, "store", folder, `s${at}`))),
    );
    expect(new Set(said).size).toBe(1);
    expect(JSON.parse(said[0]!)).toEqual([true, expect.stringMatching(/^\w{8,}$/)]);
    const { reach, close } = takeShelf(loadBuiltins(), folder, true);
    expect((await reach().list("")).toSorted()).toEqual(ten.map((_, at) => `s${at}`));
    close();
  });
});

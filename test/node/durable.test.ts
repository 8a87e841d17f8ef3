/**
 * What has resolved is on the disk: by `strace`, on Linux. Elsewhere, and where it is not installed, these
 * tests are skipped.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { spawnApi, type SpawnedApi } from "../apis/client.ts";
import { commandOf } from "../support/member-processes.ts";
import { bun } from "./runtimes.ts";

const script = path.join(import.meta.dirname, "durable-run.ts");
const isTraceable = spawnSync("strace", ["--version"]).status === 0;
if (!isTraceable) console.warn("Skipped: strace is not installed, so that no sync can be seen.");

const CALLS = "trace=write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync,link,linkat";

/** One system call that has returned: its name, and all that it says. */
interface Call {
  readonly name: string;
  readonly text: string;
}

function parse(trace: string): Call[] {
  const begun = new Map<string, string>();
  return trace.split("\n").flatMap((line) => {
    const [, thread = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (rest.endsWith("<unfinished ...>")) {
      begun.set(thread, rest);
      return [];
    }
    const text = /^<\.\.\. \w+ resumed>/.test(rest)
      ? `${begun.get(thread)?.replace("<unfinished ...>", "") ?? ""}${rest}`
      : rest;
    const [, name] = /^(\w+)\(/.exec(text) ?? [];
    return name ? [{ name, text }] : [];
  });
}

const isSync = ({ name, text }: Call): boolean =>
  /^f(data)?sync$/.test(name) && text.endsWith("= 0");

describe.runIf(isTraceable).each([process.execPath, ...bun])("by strace, in %s", (runtime) => {
  let calls: Call[] = [];
  let output = "";
  let folder = "";
  let api: SpawnedApi;

  beforeAll(async () => {
    api = await spawnApi(inject("control"), { rotation: "strict" });
    folder = path.join(mkdtempSync(path.join(os.tmpdir(), "tokenkeep-durable-")), "sessions");
    const [file = "", ...args] = commandOf(runtime);
    const trace = `${folder}.strace`;
    const child = spawn(
      "strace",
      [
        ...["-f", "-y", "-s", "200", "--seccomp-bpf", "-e", CALLS, "-o", trace],
        ...[file, ...args, script, folder, api.url, `${folder}.copy`],
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    child.stdout.on("data", (chunk) => (output += chunk));
    await new Promise((resolve) => child.on("close", resolve));
    calls = parse(readFileSync(trace, "utf8"));
  });

  afterAll(() => rmSync(path.dirname(folder), { recursive: true, force: true }));

  const indexOf = (what: string): number => {
    const at = calls.findIndex(({ text }) => text.includes(what));
    expect([what, at]).not.toEqual([what, -1]);
    return at;
  };

  /** The last write to the log before `end` was followed by a sync before `end`. */
  function expectSynced(end: number): void {
    const before = calls.slice(0, end);
    const isLog = ({ text }: Call): boolean => text.includes("sessions.db-wal>");
    const written = before.findLastIndex((call) => call.name === "pwrite64" && isLog(call));
    const synced = before.findLastIndex((call) => isSync(call) && isLog(call));
    expect(written).toBeGreaterThan(-1);
    expect(synced).toBeGreaterThan(written);
  }

  it("a sign-in resolves after its sync has returned [P19 P5]", () => {
    expect(output).toContain("SIGNED IN");
    expectSynced(indexOf("SIGNED IN"));
  });

  it("a refresh's intent is on the disk before the first byte of its request leaves [P5]", () => {
    const sent = indexOf("POST /api/v1/auth/refresh");
    expectSynced(sent);
    // And it is the intent that was written between the sign-in and that request.
    const between = calls.slice(indexOf("SIGNED IN"), sent);
    expect(between.some(({ name, text }) => name === "pwrite64" && text.includes("-wal>"))).toBe(
      true,
    );
  });

  it("a refresh is on the disk before its caller is served [P7]", () => {
    expect(output).toContain("FETCHED 200 2");
    expectSynced(indexOf("FETCHED"));
  });

  it("the key file is on the disk before anything is sealed with it [P5 S8]", () => {
    const linked = calls.findIndex(({ name }) => name.startsWith("link"));
    expect(linked).toBeGreaterThan(-1);
    const draft = calls.slice(0, linked).findLast(isSync);
    expect(draft?.text).toContain("/key.");
    const named = calls.findIndex(
      (call, at) => at > linked && isSync(call) && call.text.includes(`${folder}>`),
    );
    expect(named).toBeGreaterThan(linked);
    expect(named).toBeLessThan(indexOf("SIGNED IN"));
  });

  it("a copy of the files that was taken when the sign-in had resolved opens [P19 F29]", () => {
    const [file = "", ...args] = commandOf(runtime);
    const found = execFileSync(file, [...args, script, `${folder}.copy`, api.url], {
      encoding: "utf8",
    });
    expect(found).toContain("FOUND true");
  });
});

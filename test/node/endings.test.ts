/** How a process may end, and what it may lack: a signal in mid-refresh, a half-written database, no file left to open. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, inject, it } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import { DAY, freshFolder } from "./folder-family.ts";

const script = fileURLToPath(new URL("ending-run.ts", import.meta.url));

let api: SpawnedApi;
let folder = "";
const children = new Set<ChildProcess>();
beforeEach(async () => {
  api = await spawnApi(inject("control"), { rotation: "strict" });
  folder = freshFolder();
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

interface Run {
  readonly child: ChildProcess;
  /** Resolves when it has said this; rejects where it is gone before. */
  said(line: string): Promise<void>;
  /** What it has said, when it is gone. */
  readonly lines: Promise<readonly string[]>;
}

/** `limit`: how many files it may open. */
function run(what: string, { ahead = 0, limit = 1024 } = {}): Run {
  const node = [process.execPath, "--disable-warning=ExperimentalWarning"];
  const given = [...node, script, what, folder, api.url, String(ahead)];
  const shell = ["-c", `ulimit -n ${limit}; exec "$@"`, "sh", ...given];
  const child = spawn("/bin/sh", shell, { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  const lines: string[] = [];
  const waiting = new Map<string, () => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    waiting.get(line)?.();
  });
  return {
    child,
    said: (line) =>
      new Promise((resolve, reject) => {
        waiting.set(line, resolve);
        child.once("close", () => reject(new Error(`It ended and had not said "${line}"`)));
      }),
    lines: new Promise((resolve) => child.once("close", () => resolve(lines))),
  };
}

describe.runIf(process.platform !== "win32")("a process of a tool", () => {
  beforeEach(async () => {
    await run("sign in").lines;
  });

  it("that is told to end in mid-refresh, and disposes of its vault, stores what comes: the next run is signed in [P7 P20 F22]", async () => {
    await api.set({ clockOffset: DAY });
    const gate = await api.gate("refresh", "after");
    const server = run("ask", { ahead: DAY });
    await gate.arrived;
    const ending = server.said("ending");
    server.child.kill("SIGTERM");
    await ending;
    await gate.release();
    await server.lines;
    expect(server.child.exitCode).toBe(0);
    expect(await run("ask", { ahead: DAY }).lines).toEqual(["a token"]);
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });

  it("that dies while it writes leaves a journal behind: the next run undoes it, and is signed in [P16 F22]", async () => {
    const journal = `${folder}/sessions.db-journal`;
    expect(await run("die writing").lines).toEqual([]);
    expect(existsSync(journal)).toBe(true);
    expect(await run("ask").lines).toEqual(["a token"]);
    expect(existsSync(journal)).toBe(false);
  });

  it("that can open no more files is told so, and goes on when it can [P10 P16]", async () => {
    const [refused, then] = await run("run out of files", { limit: 128 }).lines;
    expect(refused).toMatch(
      /^store_unavailable: .*: this process has too many open files\. Close .*: ulimit -n\.$/,
    );
    expect(then).toBe("a token");
  });
});

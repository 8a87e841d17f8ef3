/** The Deno example, by Deno itself: two processes on one database. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { serve } from "../apis/sockets.ts";
import { root } from "../support/programs.ts";
import { examples, thingsApi } from "./served-example.ts";

const deno = path.join(root, "node_modules/.bin/deno");
const preload = path.join(root, "test/support/preload-test-apis.ts");

/** Starts the example, and answers with its address. */
async function start(env: Readonly<Record<string, string>>): Promise<string> {
  const flags = ["--cached-only", "--no-remote", "--node-modules-dir=manual", "--no-prompt"];
  const rights = ["--unstable-kv", "--allow-env", "--allow-net", "--allow-read", "--allow-write"];
  const file = path.join(examples, "deno/main.ts");
  const args = ["run", ...flags, ...rights, "--preload", preload, file];
  const child: ChildProcess = spawn(deno, args, {
    cwd: path.join(examples, "deno"),
    env: { ...process.env, ...env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk) => (output += String(chunk)));
  return vi.waitFor(
    () => /http:\/\/[\d.]+:\d+/.exec(output)?.[0] ?? expect.fail(output || "It says nothing"),
    { timeout: 60_000, interval: 50 },
  );
}

it("two processes share one sign-in, and one refreshes for both [P1]", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-deno-"));
  const api = thingsApi();
  const served = await serve((request) => {
    const { pathname } = new URL(request.url);
    return api.fetch(new Request(api.origin + pathname, request));
  });
  onTestFinished(async () => {
    await served.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const env = {
    TOKENKEEP_APIS: JSON.stringify({ [api.origin]: served.url }),
    TOKENKEEP_KEYS: `k1:${Buffer.alloc(32, "key").toString("base64")}`,
    EXAMPLE_EMAIL: "ada@example.com",
    EXAMPLE_PASSWORD: "correct horse",
    DENO_DIR: folder,
    DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0",
  };
  const urls = [await start(env), await start(env)];
  const ask = (): Promise<string[]> =>
    Promise.all([...urls, ...urls].map(async (url) => (await fetch(url)).text()));
  const page = "<!doctype html><title>Things</title><ul><li>lamp</li><li>chair</li></ul>";
  expect(await ask()).toEqual(Array(4).fill(page));
  api.expire();
  expect(await ask()).toEqual(Array(4).fill(page));
  expect(api.counts).toMatchObject({ signIns: 1, refreshes: 1, reuses: 0 });
});

/** What the documentation says that a program needs is all that it needs. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, inject, it } from "vitest";
import { spawnApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { freshFile, KEYS } from "./kv-databases.ts";
import { serveKvConnect } from "./kv-connect.ts";

const script = fileURLToPath(new URL("permissions-program.ts", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));

const ACCESS = "access-to-the-database";

/** Runs a program with these permissions and no others; answers with what it said last. */
async function run(permissions: readonly string[], file: string, url: string): Promise<string> {
  const flags = ["--no-prompt", "--no-config", "--no-npm", "--no-remote", "--cached-only"];
  const args = ["run", ...flags, "--unstable-kv", ...permissions, script, file, url];
  const env = {
    ...process.env,
    TOKENKEEP_KEYS: KEYS,
    PASSWORD: ada.password,
    DENO_KV_ACCESS_TOKEN: ACCESS,
  };
  const child = spawn(process.execPath, args, { cwd: root, env });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => void (said += String(chunk)));
  await new Promise((resolve) => child.once("close", resolve));
  return said.trim();
}

it("one host, two variables, one database file", async () => {
  const api = await spawnApi(inject("control"), { rotation: "strict" });
  const file = freshFile();
  const { host } = new URL(api.url);
  const least = [
    `--allow-net=${host}`,
    "--allow-env=TOKENKEEP_KEYS,PASSWORD",
    // SQLite keeps two more files beside it.
    `--allow-read=${file}`,
    `--allow-write=${file}`,
  ];
  expect(await run(least, file, api.url)).toBe("200 1\n200 2");
  expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1 });
  for (let without = 0; without < least.length; without++) {
    const fewer = least.filter((_, at) => at !== without);
    expect(await run(fewer, freshFile(), api.url)).toMatch(/NotCapable|Cannot|unavailable|failed/);
  }
  await api.close();
});

it("a remote database: two hosts, three variables, no file", async () => {
  const api = await spawnApi(inject("control"), { rotation: "strict" });
  const database = await serveKvConnect(ACCESS);
  const hosts = [api.url, database.url].map((url) => new URL(url).host);
  const least = [
    `--allow-net=${hosts.join(",")}`,
    "--allow-env=TOKENKEEP_KEYS,PASSWORD,DENO_KV_ACCESS_TOKEN",
  ];
  expect(await run(least, database.url, api.url)).toBe("200 1\n200 2");
  expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1 });
  const fewer = [
    ["--allow-net=" + hosts[0], least[1]!],
    [least[0]!, "--allow-env=TOKENKEEP_KEYS,PASSWORD"],
  ];
  for (const permissions of fewer)
    expect(await run(permissions, database.url, api.url)).toMatch(/NotCapable/);
  await Promise.all([api.close(), database.close()]);
});

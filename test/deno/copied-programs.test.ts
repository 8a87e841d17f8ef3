/** What a user copies runs and compiles: `demo/deno.ts`, and the programs of the documentation. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, describe, expect, inject, it, vi } from "vitest";
import { spawnApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { programOf, type Program, root, start, workshop } from "../support/programs.ts";
import { KEYS } from "./kv-databases.ts";

const { folder, save, remove } = workshop();
const running: Program[] = [];
afterEach(() => running.splice(0).forEach(({ stop }) => stop()));
afterAll(remove);

const demo = readFileSync(path.join(root, "demo/deno.ts"), "utf8");

it("two servers of demo/deno.ts share one session, and one refreshes for both [P1]", async () => {
  const api = await spawnApi(inject("control"), { rotation: "strict" });
  const file = save(demo);
  const env = {
    TOKENKEEP_APIS: JSON.stringify({ "https://api.vmcloud.com": api.url }),
    VMCLOUD_EMAIL: ada.email,
    VMCLOUD_PASSWORD: ada.password,
    TOKENKEEP_KEYS: KEYS,
    DENO_DIR: folder,
    DENO_SERVE_ADDRESS: "tcp:127.0.0.1:0",
  };
  const serve = async (): Promise<string> => {
    const program = start(file, env);
    running.push(program);
    return vi.waitFor(
      () => /http:\/\/[\d.]+:\d+/.exec(program.output())?.[0] ?? expect.fail(program.output()),
      { timeout: 15_000 },
    );
  };
  const urls = [await serve(), await serve()];
  const ask = (): Promise<number[]> =>
    Promise.all(
      [...urls, ...urls, ...urls].map(async (url) => {
        const response = await fetch(url);
        await response.body?.cancel();
        return response.status;
      }),
    );
  expect(await ask()).toEqual(Array(6).fill(200));
  await api.expireAccessTokens();
  expect(await ask()).toEqual(Array(6).fill(200));
  expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
  await api.close();
});

it("is of less than thirty lines", () => {
  expect(demo.trimEnd().split("\n").length).toBeLessThan(30);
});

describe("deno check, by Deno's own types", () => {
  /** The compiler's complaints about files in a folder of a user's own. */
  function check(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const place = path.join(folder, name);
    mkdirSync(place);
    for (const [file, code] of Object.entries(files)) writeFileSync(path.join(place, file), code);
    const source = (file: string): string => path.join(root, "src", file);
    const settings = {
      imports: {
        "tokenkeep/deno": source("deno.ts"),
        "tokenkeep/stores/deno-kv": source("stores/deno-kv.ts"),
        "tokenkeep/stores/encrypted": source("stores/encrypted.ts"),
        "tokenkeep/providers/vmcloud": source("providers/vmcloud.ts"),
      },
      // A published package's own sources are not checked; here they are, and know browsers too.
      compilerOptions: {
        lib: ["deno.ns", "deno.unstable", "dom", "dom.iterable", "dom.asynciterable", "esnext"],
      },
      nodeModulesDir: "none",
    };
    writeFileSync(path.join(place, "deno.json"), JSON.stringify(settings));
    const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
    return new Promise((resolve) => {
      const args = ["check", "--quiet", "--no-remote", "--no-npm", ...Object.keys(files)];
      execFile(process.execPath, args, { cwd: place, env }, (error, _, stderr) =>
        resolve(error ? stderr || error.message : ""),
      );
    });
  }

  it("takes the demo, the programs of docs/deno.md and the examples", async () => {
    const examples = ["src/deno.ts", "src/stores/deno-kv.ts"].map((file) => {
      const [, code = ""] =
        /```ts\n(.*?)```/s.exec(readFileSync(path.join(root, file), "utf8")) ?? [];
      return code.replaceAll(/^ \* ?/gm, "");
    });
    const pages = [programOf("docs/deno.md"), programOf("docs/deno.md", "Set-up")];
    const programs = [demo, ...pages, ...examples];
    expect(programs.every((code) => code.includes("Deno.openKv("))).toBe(true);
    const files = programs.map((code, at) => [`program-${at}.ts`, code]);
    expect(await check("right", Object.fromEntries(files))).toBe("");
  }, 60_000);

  it("and tells a wrong one", async () => {
    const wrong = demo.replace("await Deno.openKv()", "Deno.openKv()");
    expect(await check("wrong", { "wrong.ts": wrong })).toContain("DenoKv");
  }, 60_000);
});

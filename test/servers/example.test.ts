/** The server of `demo/examples/server`, as a user starts it. */
import { readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { type Program, root, start, workshop } from "../support/programs.ts";
import { migration, openPool, postgresUrl } from "./postgres.ts";
import { freePort, theServers } from "./server.ts";

const source = readFileSync(path.join(root, "demo/examples/server/server.ts"), "utf8");
const soon = { timeout: 50_000, interval: 50 };
const PROCESSES = 3;

describe.runIf(theServers().postgres)("the server of several processes", () => {
  const { folder, save, remove } = workshop();
  // It imports a package.
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction");
  let api: SpawnedApi;
  let program: Program;
  let port: number;
  let env: Record<string, string>;

  /** A request on a connection of its own, so that the processes take turns. */
  const ask = (route: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${route}`, {
      ...init,
      headers: { ...init.headers, connection: "close" },
    });
  const many = (count: number, route: string, cookie: string): Promise<number[]> =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const response = await ask(route, { headers: { cookie } });
        await response.text();
        return response.status;
      }),
    );
  const all = (count: number, status: number): number[] =>
    Array.from({ length: count }, () => status);

  async function signIn(password: string): Promise<Response> {
    return ask("/login", { method: "POST", body: JSON.stringify({ email: ada.email, password }) });
  }

  async function cookieOf(response: Response): Promise<string> {
    await response.text();
    return response.headers.get("set-cookie")!.split(";")[0]!;
  }

  async function run(): Promise<void> {
    program = start(save(source), env, []);
    const serving = (): number => program.output().split(" serves ").length - 1;
    await vi.waitFor(() => expect(serving(), program.output()).toBe(PROCESSES), soon);
  }

  beforeAll(async () => {
    const url = (await postgresUrl())!;
    const pool = openPool("pg", url, 1);
    await pool.query("DROP TABLE IF EXISTS tokenkeep_sessions");
    await pool.query(migration("tokenkeep_sessions"));
    await pool.end();
    api = await spawnApi(inject("control"), { name: "vmcloud", rotation: "strict" });
    port = await freePort();
    env = {
      DATABASE_URL: url,
      COOKIE_SECRET: "correct horse battery staple",
      KEYS: `k1:${Buffer.alloc(32, 7).toString("base64")}`,
      PORT: String(port),
      PROCESSES: String(PROCESSES),
      TOKENKEEP_APIS: JSON.stringify({ "https://api.vmcloud.com": api.url }),
      NODE_NO_WARNINGS: "1",
    };
    await run();
  });
  afterAll(() => {
    program.stop();
    remove();
  });

  it("is short", () => {
    expect(source.split("\n").length).toBeLessThan(120);
  });

  it("serves a visitor from every process; a forged cookie and a wrong password are refused [S11]", async () => {
    const cookie = await cookieOf(await signIn(ada.password));
    expect(await many(20, "/vms", cookie)).toEqual(all(20, 200));
    const forged = cookie.replace(/\.(.)/, (_, first: string) => (first === "A" ? ".B" : ".A"));
    expect(await many(1, "/vms", forged)).toEqual([401]);
    expect((await signIn("wrong")).status).toBe(401);
    expect((await ask("/vms")).status).toBe(401);
  });

  it("refreshes once for all processes when the token is rejected [P1 P12]", async () => {
    const cookie = await cookieOf(await signIn(ada.password));
    expect(await many(20, "/vms", cookie)).toEqual(all(20, 200));
    const { tokenCalls } = await api.counters();
    await api.expireAccessTokens();
    expect(await many(40, "/vms", cookie)).toEqual(all(40, 200));
    expect(await api.counters()).toMatchObject({ tokenCalls: tokenCalls + 1, reuseDetections: 0 });
  });

  it("has the session after a restart, and has none after a sign-out [P4 P19]", async () => {
    const cookie = await cookieOf(await signIn(ada.password));
    program.stop();
    await program.ended.catch(() => {});
    await run();
    expect(await many(8, "/vms", cookie)).toEqual(all(8, 200));
    const { status } = await ask("/logout", { method: "POST", headers: { cookie } });
    expect(status).toBe(200);
    await vi.waitFor(async () => expect(await many(8, "/vms", cookie)).toEqual(all(8, 401)), soon);
  }, 120_000);
});

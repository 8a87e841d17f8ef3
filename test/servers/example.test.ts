/** The server of `demo/examples/server`, as a user starts it. */
import { cpSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { freePort } from "../support/free-port.ts";
import { type Program, root, start, workshop } from "../support/programs.ts";
import { migration, openPool, postgresUrl } from "./postgres.ts";
import { theServers } from "./own-server.ts";

const source = readFileSync(path.join(root, "demo/examples/server/server.ts"), "utf8");
const soon = { timeout: 50_000, interval: 50 };
const PROCESSES = 3;

describe.runIf(theServers().postgres)("the server of several processes", () => {
  const { folder, save, remove } = workshop();
  const beside = path.join(root, "demo/examples/server/requests.ts");
  cpSync(beside, path.join(folder, "requests.ts"));
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

  it.each([
    ["another site's", { origin: "https://evil.example" }],
    ["another site's, as a sandboxed frame", { origin: "null" }],
    ["another site's, in a browser that says so", { "sec-fetch-site": "cross-site" }],
    ["a neighbour's of the same site", { "sec-fetch-site": "same-site" }],
  ])("a page of %s signs nobody in or out (CSRF) [S1]", async (_, headers) => {
    const cookie = await cookieOf(await signIn(ada.password));
    const out = await ask("/logout", { method: "POST", headers: { cookie, ...headers } });
    expect(out.status).toBe(403);
    // A form's text is JSON, too.
    const body = JSON.stringify({ email: ada.email, password: ada.password });
    const login = await ask("/login", { method: "POST", body, headers });
    expect([login.status, login.headers.get("set-cookie")]).toEqual([403, null]);
    expect(await many(3, "/vms", cookie)).toEqual(all(3, 200));
    const own = { cookie, origin: `http://127.0.0.1:${port}`, "sec-fetch-site": "same-origin" };
    expect((await ask("/logout", { method: "POST", headers: own })).status).toBe(200);
  });

  it("a body that is malformed is refused, and one without an end is not read to it [S10]", async () => {
    for (const body of ["", "{", "null", "[]", "{}", '{"email":1}'])
      expect((await ask("/login", { method: "POST", body })).status, body).toBe(400);
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        // Otherwise this process would never look whether an answer has come.
        await new Promise((resolve) => setImmediate(resolve));
        sent += 1000;
        controller.enqueue(new Uint8Array(1000).fill(32));
      },
    });
    const init = { method: "POST", body: endless, duplex: "half" } as RequestInit;
    const ended = await ask("/login", init).then(
      ({ status }) => status,
      () => "cut off",
    );
    expect([413, "cut off"]).toContain(ended);
    expect(sent).toBeLessThan(50_000_000);
    const cookie = await cookieOf(await signIn(ada.password));
    expect(await many(3, "/vms", cookie)).toEqual(all(3, 200));
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

/** The programs of docs/stores-servers.md, run as they stand there. */
import { symlinkSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { programsOf, root, start, workshop } from "../support/programs.ts";
import { migration, openPool, postgresUrl } from "./postgres.ts";
import { redisUrl } from "./redis.ts";

const [byPg = "", byRedis = ""] = programsOf("docs/stores-servers.md");
const [server = ""] = programsOf("docs/stores-servers.md", "Whose request it is");
const credentials = JSON.stringify({ email: ada.email, password: ada.password });

const postgresAt = await postgresUrl();
const redisAt = await redisUrl();

const { folder, save, remove } = workshop();
afterAll(remove);
// They import packages.
symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction");

let api: SpawnedApi;
beforeAll(async () => {
  api = await spawnApi(inject("control"));
});

const run = (code: string, env: Readonly<Record<string, string>> = {}): Promise<string> =>
  start(
    save(code),
    {
      ...env,
      TOKENKEEP_KEYS: `k1:${Buffer.alloc(32, 7).toString("base64")}`,
      TOKENKEEP_APIS: JSON.stringify({ "https://api.vmcloud.com": api.url }),
      NODE_NO_WARNINGS: "1",
    },
    [],
  ).ended;

/** What a reader does with the program: sign in, call, look whether it is stored, and end. */
const use = (end: string): string => `
const vault = vaultOf("ada");
await vault.signIn(${credentials});
const { status } = await vault.fetch("https://api.vmcloud.com/v1/vms");
console.log(status, vault.snapshot().persisted, await vault.accounts());
vault.close();
await ${end};
`;
const USED = "200 true [ 'ada' ]\n";

describe("docs/stores-servers.md", () => {
  it("the program on Postgres keeps its session there, and ends by itself", async ({ skip }) => {
    const url = postgresAt;
    if (!url) return skip("there is no Postgres");
    const pool = openPool("pg", url, 1);
    await pool.query("DROP TABLE IF EXISTS tokenkeep_sessions");
    await pool.query(migration("tokenkeep_sessions"));
    await pool.end();
    expect(await run(byPg + use("pool.end()"), { DATABASE_URL: url })).toBe(USED);
  });

  it("the program on Redis keeps its session there, and ends by itself", async ({ skip }) => {
    const url = redisAt;
    if (!url) return skip("there is no Redis");
    expect(await run(byRedis + use("client.close()"), { REDIS_URL: url })).toBe(USED);
  });

  it("the server tells accounts apart, however a tenant is called [S11]", async () => {
    const code = `${server}
      import { memoryStore } from "tokenkeep/stores/memory";
      const verifiedUser = async ({ headers }) => JSON.parse(headers.get("user"));
      Object.assign(globalThis, { store: memoryStore(), verifiedUser });
      const ask = (tenant, id) =>
        handle(new Request("https://here", { headers: { user: JSON.stringify({ tenant, id }) } }))
          .then(({ status }) => status, ({ code }) => code);
      const before = await ask("c", "a/b");
      await vaults.with("c/a%2Fb", (vault) => vault.signIn(${credentials}));
      console.log(before, await ask("c", "a/b"), await ask("c/a", "b"), await ask("c", "a"));
    `;
    expect(await run(code)).toBe("no_session 200 no_session no_session\n");
  });
});

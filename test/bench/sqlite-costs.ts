/**
 * `node test/bench/sqlite-costs.ts`: what `tokenkeep/node` costs, beside bare SQLite in the same run, in
 * milliseconds. Medians of rounds that take turns.
 */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createVault } from "../../src/node.ts";
import { password } from "../../src/providers/password.ts";

const ROUNDS = 200;
const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-bench-"));
let granted = 0;
/** The API answers at once, so that what is left is the vault's and the store's. */
const answer = async (): Promise<Response> =>
  Response.json({ token: `token-${(granted += 1)}`, refresh: "r".repeat(64), expires_in: 3600 });
let ahead = 0;
const clock = {
  now: () => Date.now() + ahead,
  running: () => performance.now() + ahead,
  setTimeout: (callback: () => void, ms: number) => setTimeout(callback, ms),
  clearTimeout: (handle: unknown) => clearTimeout(handle as number),
};
const open = () =>
  createVault({
    provider: password({
      name: "bench",
      origins: ["https://api.example"],
      tokenUrl: "https://api.example/login",
      refreshUrl: "https://api.example/refresh",
      read: ({ token, refresh, expires_in }) => ({
        accessToken: token,
        refreshToken: refresh,
        expiresIn: expires_in,
      }),
    }),
    path: path.join(folder, "sessions"),
    fetch: answer,
    clock,
  });

const bare = new DatabaseSync(path.join(folder, "bare.db"));
bare.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE kept (key, value)");
bare.prepare("INSERT INTO kept VALUES (?, ?)").run("a", "x".repeat(600));

const vault = open();
await vault.signIn({ email: "ada", password: "secret" });

const jobs: Record<string, () => unknown> = {
  "bare SELECT": () => bare.prepare("SELECT value FROM kept WHERE key = ?").get("a"),
  "bare UPDATE, synced": () =>
    bare.prepare("UPDATE kept SET value = ? WHERE key = ?").run("y".repeat(600), "a"),
  "a call that memory serves": () => vault.getToken(),
  "a vault's first token": async () => {
    const other = open();
    await other.getToken();
    other.close();
  },
  "a refresh: intent and commit": () => {
    ahead += 3_600_000;
    return vault.getToken();
  },
};
const times = new Map(Object.keys(jobs).map((name) => [name, [] as number[]]));
for (let round = 0; round < ROUNDS; round++)
  for (const [name, job] of Object.entries(jobs)) {
    const from = performance.now();
    await job();
    times.get(name)?.push(performance.now() - from);
  }
for (const [name, all] of times) {
  const median = all.toSorted((one, other) => one - other)[ROUNDS / 2] ?? 0;
  console.log(`${name.padEnd(32)} ${median.toFixed(3)} ms`);
}
await vault[Symbol.asyncDispose]();
bare.close();
rmSync(folder, { recursive: true, force: true });

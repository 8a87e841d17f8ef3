/** What a call costs beside a bare client's round trip, in one run; a warm call goes to no server. */
import { expect, it, onTestFinished } from "vitest";
import { createVault, type Vault } from "../../src/index.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { redisStore } from "../../src/stores/redis.ts";
import type { TokenStore } from "../../src/types.ts";
import { clockAhead } from "../support/clock.ts";
import { acme, credentials, fakeApi } from "../support/fake-api.ts";
import { openDoor } from "./tcp-proxy.ts";
import { describeEach, startFor } from "./server-family.ts";
import { isPool, type Kind, KINDS } from "./packages.ts";
import { migration, openPool } from "./postgres.ts";
import { openClient } from "./redis.ts";

const TIMES = 50;
const ring = keyring(`k1:${Buffer.alloc(32, 7).toString("base64")}`);

/** The middle of so many runs, in microseconds. */
async function median(run: (at: number) => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let at = 0; at < TIMES; at++) {
    const since = performance.now();
    await run(at);
    took.push((performance.now() - since) * 1000);
  }
  return took.toSorted((a, b) => a - b)[TIMES / 2]!;
}

interface Bare {
  readonly store: TokenStore;
  /** A round trip that reads one value, and one that writes one. */
  get(): Promise<unknown>;
  set(at: number): Promise<unknown>;
}

async function open(kind: Kind, url: string): Promise<Bare> {
  const text = "x".repeat(1000);
  if (isPool(kind)) {
    const pool = openPool(kind, url);
    onTestFinished(async () => void (await pool.end()));
    await pool.query(migration("tokenkeep_sessions"));
    await pool.query("CREATE TABLE bare (key text PRIMARY KEY, value text)");
    await pool.query("INSERT INTO bare VALUES ('a', $1)", [text]);
    return {
      store: postgresStore(pool.client),
      get: () => pool.query("SELECT value FROM bare WHERE key = $1", ["a"]),
      set: (at) => pool.query("UPDATE bare SET value = $2 WHERE key = $1", ["a", `${at}${text}`]),
    };
  }
  const client = await openClient(kind, url);
  onTestFinished(() => client.end());
  await client.send("SET", "bare", text);
  return {
    store: redisStore(client.client),
    get: () => client.send("GET", "bare"),
    set: (at) => client.send("SET", "bare", `${at}${text}`),
  };
}

describeEach(KINDS, "what it costs, by %s", (kind) => {
  it("a cold read and a refresh beside bare round trips; a warm call goes to no server", async () => {
    const server = await startFor(kind);
    onTestFinished(() => server.close());
    const door = await openDoor(server);
    onTestFinished(() => door.close());
    const { store, get, set } = await open(kind, door.url);
    const sealed = encrypted(store, ring);
    const api = fakeApi();
    const vaults: Vault<PasswordCredentials>[] = [];
    let passed = 0;
    const make = (): Vault<PasswordCredentials> => {
      const clock = clockAhead(() => passed);
      const parts = { provider: acme(), fetch: api.fetch, store: sealed, clock };
      const vault = createVault({ ...parts, maxStaleness: 1e10 });
      vaults.push(vault);
      return vault;
    };
    const first = make();
    await first.signIn(credentials);
    const read = await median(get);
    const write = await median(set);
    const cold = await median(() => make().getToken());
    // By a new vault each time, because one that has just refreshed pauses first.
    const refresh = await median(() => {
      passed += 3_600_000;
      return make().getToken();
    });
    expect(api.to("/refresh").length).toBe(TIMES);

    await first.getToken();
    let isTouched = false;
    void door.seen(/[^]/).then(() => (isTouched = true));
    const warm = await median(() => first.getToken());
    await new Promise((resolve) => setImmediate(resolve));
    expect(isTouched).toBe(false);
    await get();
    expect(isTouched).toBe(true);

    const show = (name: string, took: number, beside: number): string =>
      `${name} ${took.toFixed(0)} µs (${(took / beside).toFixed(1)})`;
    console.log(
      [
        `${kind}: bare read ${read.toFixed(0)} µs, bare write ${write.toFixed(0)} µs`,
        show("cold read", cold, read),
        show("cold refresh, which writes twice", refresh, write),
        show("warm call", warm, read),
      ].join("; "),
    );
    await Promise.all(vaults.map((vault) => vault[Symbol.asyncDispose]()));
  });
});

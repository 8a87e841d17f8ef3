/**
 * A remote Deno KV, by its documented protocol and through Deno's own client. That client sends a request
 * again by itself when it hears nothing of it, so that a write which was done may be said to have failed.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createVault } from "../../src/deno.ts";
import { denoKvStore } from "../../src/stores/deno-kv.ts";
import { encrypted } from "../../src/stores/encrypted.ts";
import type { TokenStore } from "../../src/types.ts";
import { record, storeContract } from "../contracts/store.ts";
import { clockAhead } from "../support/clock.ts";
import { acme, credentials, fakeApi } from "../support/fake-api.ts";
import { KEYS, openKv, ring } from "./kv-databases.ts";
import { type KvConnect, type Mishap, serveKvConnect } from "./kv-connect.ts";

const ACCESS = "access-to-the-database";
const HOUR = 3_600_000;
const servers: KvConnect[] = [];

beforeAll(() => {
  process.env["DENO_KV_ACCESS_TOKEN"] = ACCESS;
});
afterEach(async () => {
  for (const one of servers.splice(0)) await one.close();
});
afterAll(() => {
  delete process.env["DENO_KV_ACCESS_TOKEN"];
});

async function serve(): Promise<KvConnect> {
  const server = await serveKvConnect(ACCESS);
  servers.push(server);
  return server;
}

/** Two machines, each with a connection of its own. */
async function twins(): Promise<readonly [TokenStore, TokenStore]> {
  const { url } = await serve();
  return [denoKvStore(await openKv(url)), denoKvStore(await openKv(url))];
}

storeContract("a remote Deno KV", async () => (await twins())[0], { twins });

it("every read and write goes to the endpoint that is strongly consistent, none to a replica [P3]", async () => {
  const server = await serve();
  const store = encrypted(denoKvStore(await openKv(server.url)), ring);
  expect(await store.write("a", record(), undefined)).toBe(true);
  expect(await store.read("a")).toMatchObject(record());
  await store.head("a");
  expect(await store.list("")).toEqual(["a"]);
  expect(await store.write("a", record({ revision: 2 }), record({ revision: 7 }))).toBe(false);
  expect(new Set(server.asked)).toEqual(new Set(["primary snapshot_read", "primary atomic_write"]));
});

it("a database that went out of reach is unavailable in time, and not empty [P10 P16]", async () => {
  const server = await serve();
  const kv = await openKv(server.url);
  await denoKvStore(kv).write("a", record(), undefined);
  await server.close();
  const store = denoKvStore(kv, { timeout: 200 });
  for (const call of [store.read("a"), store.write("a", record(), undefined), store.list("")])
    await expect(call).rejects.toMatchObject({ code: "store_unavailable" });
});

describe("two machines, and an answer that is lost", () => {
  const mishaps: readonly Mishap[] = ["lost before", "lost after", "503 after"];
  const cases = mishaps.flatMap((mishap) => [0, 1].map((write) => ({ mishap, write })));

  it.each(cases)(
    "$mishap, of write $write of a refresh: one token call, and both have its token [P1 P6 P20]",
    async ({ mishap, write }) => {
      const server = await serve();
      const api = fakeApi();
      let passed = 0;
      const open = async () =>
        createVault({
          provider: acme({ rotation: "strict" }),
          kv: await openKv(server.url),
          keys: KEYS,
          fetch: api.fetch,
          refreshAhead: false,
          clock: clockAhead(() => passed),
        });
      const [one, two] = [await open(), await open()];
      await one.signIn(credentials);
      expect(await two.getToken()).toBe("access-1-secret");
      passed += HOUR;
      for (let calm = 0; calm < write; calm++) server.mishaps.push("none");
      server.mishaps.push(mishap);
      expect(await one.getToken()).toBe("access-2-secret");
      expect(server.mishaps).toEqual([]);
      expect(await two.getToken()).toBe("access-2-secret");
      expect(one.snapshot()).toMatchObject({ generation: 2, persisted: true });
      expect(api.to("/refresh")).toHaveLength(1);
      for (const vault of [one, two]) vault.close();
    },
  );

  it.each(mishaps)(
    "%s, of a sign-in: it is stored, and both have its token [P19]",
    async (mishap) => {
      const server = await serve();
      const api = fakeApi();
      const open = async () =>
        createVault({
          provider: acme(),
          kv: await openKv(server.url),
          keys: KEYS,
          fetch: api.fetch,
          refreshAhead: false,
        });
      const [one, two] = [await open(), await open()];
      server.mishaps.push(mishap);
      await one.signIn(credentials);
      expect(server.mishaps).toEqual([]);
      expect(await two.getToken()).toBe("access-1-secret");
      expect(one.snapshot()).toMatchObject({ generation: 1, persisted: true });
      await one.signOut();
      expect(api.to("/login")).toHaveLength(1);
      for (const vault of [one, two]) vault.close();
    },
  );
});

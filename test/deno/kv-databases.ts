/** Deno KV databases that end with their test, and a key ring. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach } from "vitest";
import { denoKvStore } from "../../src/stores/deno-kv.ts";
import { keyring, type Keyring } from "../../src/stores/encrypted.ts";
import type { TokenStore } from "../../src/types.ts";

export type Kv = Awaited<ReturnType<typeof Deno.openKv>>;

/** A key ring's text, as an environment variable has it. */
export const freshKeys = (id: string): string =>
  `${id}:${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64")}`;
export const KEYS: string = freshKeys("k1");
export const ring: Keyring = keyring(KEYS);

const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-kv-"));
const open: Kv[] = [];
let files = 0;

afterEach(() => {
  for (const kv of open.splice(0)) kv.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The path of a database that does not exist yet. */
export const freshFile = (): string => path.join(folder, `${files++}.db`);

/** A connection; it is closed after the test. */
export async function openKv(file = ":memory:"): Promise<Kv> {
  const kv = await Deno.openKv(file);
  open.push(kv);
  return kv;
}

const databases = new WeakMap<TokenStore, Kv>();

export async function freshStore(): Promise<TokenStore> {
  const kv = await openKv();
  const store = denoKvStore(kv);
  databases.set(store, kv);
  return store;
}

/** What lies in a fresh store's database, behind its back. */
export async function storedIn(store: TokenStore, key: string): Promise<unknown> {
  const entry = await databases.get(store)?.get(["tokenkeep", key], { consistency: "strong" });
  return entry?.value;
}

/** Two stores with a connection each to the same file, as two processes have them. */
export async function twinStores(
  wrap = (store: TokenStore): TokenStore => store,
): Promise<readonly [TokenStore, TokenStore]> {
  const file = freshFile();
  const one = wrap(denoKvStore(await openKv(file)));
  return [one, wrap(denoKvStore(await openKv(file)))];
}

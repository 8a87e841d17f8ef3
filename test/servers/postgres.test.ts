/** The store over a real Postgres, by each package. */
import { afterAll, describe } from "vitest";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import type { TokenStore } from "../../src/types.ts";
import { storeContract } from "../contracts/store.ts";
import { freshTable, migration, openPool, PACKAGES, postgresUrl } from "./postgres.ts";

const url = await postgresUrl();
const ring = keyring(`k1:${Buffer.alloc(32, 7).toString("base64")}`);

describe.each(PACKAGES)("%s", (name) => {
  if (!url) return;
  const one = openPool(name, url);
  const two = openPool(name, url);
  afterAll(() => Promise.all([one.end(), two.end()]));
  const tableOf = new WeakMap<TokenStore, string>();

  async function twins(): Promise<readonly [TokenStore, TokenStore]> {
    const table = freshTable();
    await one.query(migration(table));
    const store = postgresStore(one.client, { table });
    tableOf.set(store, table);
    return [store, postgresStore(two.client, { table })];
  }
  const fresh = async (): Promise<TokenStore> => (await twins())[0];

  async function stored(store: TokenStore, key: string): Promise<unknown> {
    const [row] = await one.query(
      `SELECT head::text AS head, body FROM ${tableOf.get(store)} WHERE key = $1`,
      [key],
    );
    if (!row) return undefined;
    const body = row["body"] as string | null;
    return {
      ...JSON.parse(row["head"] as string),
      ...(body !== null && { body: JSON.parse(body) }),
    };
  }

  storeContract(`Postgres by ${name}`, fresh, { twins, stored });
  storeContract(`encrypted over Postgres by ${name}`, async () => encrypted(await fresh(), ring), {
    twins: async () => {
      const [a, b] = await twins();
      return [encrypted(a, ring), encrypted(b, ring)];
    },
  });
});

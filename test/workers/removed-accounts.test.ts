/** Accounts that leave: what is left of them, and what happens when they come back. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { credentials, eventually, HOUR, otherEnv, type Stage, stage } from "./strict-vmcloud.ts";
import { hooks } from "./tested-worker.ts";

async function storageOf({ stub }: Stage): Promise<{ rows: unknown[]; alarm: number | null }> {
  return runInDurableObject(await stub(), async (_, { storage }) => ({
    rows: [...storage.kv.list({ prefix: "" })],
    alarm: await storage.getAlarm(),
  }));
}

describe("an account that is removed", () => {
  it("leaves neither rows nor an alarm, in KV neither, and may come back", async () => {
    const one = await stage();
    const { api, vault, elsewhere, echo, cached } = one;
    await vault().signIn(credentials);
    await cached();
    const warm = { env: otherEnv() };
    const first = await vault(warm).getToken();
    await vault().removeAccount();
    await eventually(async () => (await storageOf(one)).rows.length === 0);
    expect(await storageOf(one)).toEqual({ rows: [], alarm: null });
    await expect(vault().getToken()).rejects.toMatchObject({ code: "no_session" });
    await expect(elsewhere().getToken()).rejects.toMatchObject({ code: "no_session" });

    await vault().signIn(credentials);
    const second = await vault().getToken();
    expect(second).not.toBe(first);
    // An isolate that remembers the life before takes the word of the one after it, and keeps it.
    hooks.ahead = HOUR / 30;
    expect(await vault(warm).getToken()).toBe(second);
    hooks.asked = 0;
    expect(await vault(warm).getToken()).toBe(second);
    expect(hooks.asked).toBe(0);
    expect((await vault(warm).fetch(echo)).status).toBe(200);
    expect(await api.counters()).toMatchObject({ signIns: 2, tokenCalls: 0 });
  });

  it("without KV leaves nothing at once", async () => {
    hooks.env = { TOKEN_CACHE: undefined };
    const one = await stage();
    await one.vault().signIn(credentials);
    await one.vault().removeAccount();
    expect(await storageOf(one)).toEqual({ rows: [], alarm: null });
  });

  it("leaves what a class of your own keeps in tables of its own [F102]", async () => {
    hooks.env = { TOKEN_CACHE: undefined };
    const one = await stage();
    await one.vault().signIn(credentials);
    await runInDurableObject(await one.stub(), (_, { storage }) => {
      storage.sql.exec("CREATE TABLE orders (id); INSERT INTO orders VALUES (7)");
    });
    await one.vault().removeAccount();
    expect(await storageOf(one)).toEqual({ rows: [], alarm: null });
    await runInDurableObject(await one.stub(), (_, { storage }) => {
      expect([...storage.sql.exec("SELECT id FROM orders")]).toEqual([{ id: 7 }]);
      storage.sql.exec("DROP TABLE orders");
    });
    // Without them nothing of the account is left but an empty database, which is given back.
    await one.vault().removeAccount();
    expect(await storageOf(one)).toEqual({ rows: [], alarm: null });
  });

  it("while it signs in is signed in by nobody [P4 F49]", async () => {
    const one = await stage();
    const { api, vault } = one;
    const gate = await api.gate("token", "before");
    const signIn = vault()
      .signIn(credentials)
      .then(
        () => "signed in",
        (error: { code: string }) => error.code,
      );
    await gate.arrived;
    await vault().removeAccount();
    await gate.release();
    expect(await signIn).toBe("closed");
    expect(await storageOf(one)).toEqual({ rows: [], alarm: null });
  });
});

describe("an account that never was", () => {
  it("leaves nothing behind, whatever was asked of it [F102]", async () => {
    const one = await stage();
    const { vault } = one;
    const wrong = { ...credentials, password: "wrong" };
    await expect(vault().getToken()).rejects.toMatchObject({ code: "no_session" });
    await expect(vault().signIn(wrong)).rejects.toMatchObject({ code: "credentials_refused" });
    await vault().signOut();
    await vault().removeAccount();
    expect(await storageOf(one)).toEqual({ rows: [], alarm: null });
  });
});

describe("a KV that takes its time", () => {
  it("adopting, signing out and adopting again leaves no alarm without something to do [F97]", async () => {
    const { TOKEN_CACHE } = env;
    hooks.env = {
      TOKEN_CACHE: {
        getWithMetadata: TOKEN_CACHE.getWithMetadata.bind(TOKEN_CACHE),
        async put(...given: Parameters<typeof TOKEN_CACHE.put>) {
          await new Promise((resolve) => setTimeout(resolve, 300));
          return TOKEN_CACHE.put(...given);
        },
      },
    };
    const one = await stage();
    const { vault } = one;
    const tokens = { accessToken: "opaque" };
    await vault().adopt(tokens);
    await vault().signOut();
    await vault().adopt({ accessToken: "opaque-too" });
    await eventually(async () => {
      const { rows } = await storageOf(one);
      return !JSON.stringify(rows).includes('"owes"');
    });
    expect((await storageOf(one)).alarm).toBeNull();
    expect(await vault({ env: otherEnv() }).getToken()).toBe("opaque-too");
  });
});

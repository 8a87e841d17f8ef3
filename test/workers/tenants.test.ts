/** A Worker that serves many accounts: what it remembers, and of whom. */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { stage } from "./strict-vmcloud.ts";

it("a hundred thousand accounts: memory stays bounded, none gets another's token [S11]", async () => {
  const { vault } = await stage();
  const asked: Record<string, number> = {};
  const token = async ({ account }: { account: string }): Promise<object> => {
    asked[account] = (asked[account] ?? 0) + 1;
    return { revision: 1, lease: { accessToken: account, sessionId: "s", generation: 1 } };
  };
  const binding = { idFromName: () => "", get: () => ({ token }) };
  const own = { ...env, TOKEN_CACHE: undefined, TOKEN_VAULT: binding };
  const ask = (account: string): Promise<string> => vault({ env: own, account }).getToken();
  const MANY = 100_000;
  for (let from = 0; from < MANY; from += 1_000) {
    const accounts = Array.from({ length: 1_000 }, (_, at) => `account-${from + at}`);
    expect(await Promise.all(accounts.map(ask))).toEqual(accounts);
  }
  expect(Object.keys(asked)).toHaveLength(MANY);
  // From the newest on: to ask is to use.
  let remembered = 0;
  for (let account = MANY; account-- > MANY - 15_000;) {
    const name = `account-${account}`;
    expect(await ask(name)).toBe(name);
    if (asked[name] === 1) remembered++;
  }
  expect(remembered).toBe(10_000);
}, 120_000);

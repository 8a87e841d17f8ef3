/** docs/coming-from.md: a running session is moved, by the programs that stand there. */
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { createVault, type Vault } from "../../src/index.ts";
import { localLock } from "../../src/locks/local.ts";
import { fakeApi } from "../../src/testing.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { workshop } from "../support/programs.ts";
import { read, snippetsOf } from "./pages.ts";

const { save, remove } = workshop();
afterAll(remove);
afterEach(() => vi.unstubAllGlobals());

interface Stored {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  readonly expiresAt?: number | undefined;
}
type Read = (text: string) => Stored;
type Move = (vault: Vault<never>, key: string, read: Read) => Promise<void>;

const all = snippetsOf("docs/coming-from.md", read("docs/coming-from.md"));

/** What a program declares under `name`; the one with `word` in it. */
async function program<T>(word: string, name: string): Promise<T> {
  const { code } = all.find((one) => one.code.includes(word))!;
  const text = /^export /m.test(code) ? code : `${code}\nexport { ${name} };\n`;
  const module = await import(/* @vite-ignore */ pathToFileURL(save(text)).href);
  return module[name] as T;
}

const END = 1_795_912_379;
/** What each library stores, by its public sources. */
const kept = {
  "auth0-spa-js": [
    "body.access_token",
    { body: { access_token: "at-1", refresh_token: "rt-1", expires_in: 86_400 }, expiresAt: END },
  ],
  "oidc-client-ts": [
    "expires_at * 1000",
    { access_token: "at-1", refresh_token: "rt-1", expires_at: END, token_type: "Bearer" },
  ],
  Supabase: [
    "expires_at * 1000",
    { access_token: "at-1", refresh_token: "rt-1", expires_at: END, user: { id: "u-1" } },
  ],
} as const;

describe("a session that another library has kept", () => {
  it.each(Object.entries(kept))("of %s is read in milliseconds", async (_, [word, stored]) => {
    const take = await program<Read>(word, "read");
    expect(take(JSON.stringify(stored))).toEqual({
      accessToken: "at-1",
      refreshToken: "rt-1",
      expiresAt: END * 1000,
    });
  });

  it("is moved once, though two tabs load at the same time, and its refresh token is spent once [P2]", async () => {
    const moveSession = await program<Move>("moveSession", "moveSession");
    const api = fakeApi();
    const { provider, fetch } = api;
    const options = { provider, store: memoryStore(), lock: localLock(), fetch };
    const tabs = [createVault(options), createVault(options)];
    const items = new Map([["old", JSON.stringify(api.grant())]]);
    const lock = localLock();
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => items.get(key) ?? null,
      removeItem: (key: string) => items.delete(key),
    });
    vi.stubGlobal("navigator", {
      locks: {
        request: (name: string, work: () => Promise<void>) =>
          lock.run(name, work, new AbortController().signal),
      },
    });
    const adopted: Stored[] = [];
    await Promise.all(
      tabs.map((vault) =>
        moveSession(vault, "old", (text) => {
          adopted.push(JSON.parse(text));
          return adopted.at(-1)!;
        }),
      ),
    );
    expect(adopted).toHaveLength(1);
    expect(items.size).toBe(0);
    api.expire();
    const replies = await Promise.all(tabs.map((vault) => vault.fetch(`${api.origin}/things`)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(api.counts).toMatchObject({ refreshes: 1, reuses: 0 });
    for (const vault of tabs) vault.close();
  });
});

/** The vaults of a server with many users: memory is bounded, and nobody loses anything by it. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { createVault, type Vault } from "../../src/index.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { TokenStore } from "../../src/types.ts";
import { createVaults, type Vaults } from "../../src/vaults.ts";
import { settle } from "../support/clock.ts";
import {
  acme,
  credentials,
  type FakeApi,
  fakeApi,
  holdRefreshes,
  ORIGIN,
} from "../support/fake-api.ts";

type Own = Vault<PasswordCredentials>;

interface Stage {
  readonly vaults: Vaults<Own>;
  readonly api: FakeApi;
  readonly store: TokenStore;
  /** All that were made, in order. */
  readonly made: { readonly account: string; readonly vault: Own }[];
  /** The account's, as it is signed in. */
  signIn(account: string): Promise<void>;
}

const open: Vaults<Own>[] = [];
afterEach(() => {
  for (const vaults of open.splice(0)) vaults.close();
});

function stage(most: number, store: TokenStore = memoryStore()): Stage {
  const api = fakeApi();
  const made: Stage["made"] = [];
  const vaults = createVaults(
    (account) => {
      const vault = createVault({ provider: acme(), account, store, fetch: api.fetch });
      made.push({ account, vault });
      return vault;
    },
    { most },
  );
  open.push(vaults);
  const signIn = (account: string): Promise<void> =>
    vaults.with(account, (vault) => vault.signIn(credentials));
  return { vaults, api, store, made, signIn };
}

const tokenOf = (vaults: Vaults<Own>, account: string): Promise<string> =>
  vaults.with(account, (vault) => vault.getToken());
/** Begins a refresh for which nobody waits any more; its reply comes when it is let. */
async function refreshFor({ vaults, api }: Stage, account: string): Promise<() => void> {
  const release = holdRefreshes(api);
  const caller = new AbortController();
  const { signal } = caller;
  const call = vaults.with(account, async (vault) =>
    vault.getToken({ rejected: await vault.getToken(), signal }),
  );
  const gone = expect(call).rejects.toThrow("gone");
  await vi.waitFor(() => expect(api.to("/refresh").length).toBe(1), soon);
  caller.abort(new Error("gone"));
  await gone;
  return release;
}

const soon = { timeout: 20_000, interval: 10 };
const namesOf = ({ made }: Stage): string[] => made.map(({ account }) => account);
const isClosed = async (vault: Own): Promise<boolean> =>
  vault.getToken().then(
    () => false,
    (error: { code?: string }) => error.code === "closed",
  );

describe("a server's vaults", () => {
  it("one for each account, made when it is used first, and never another's [S11]", async () => {
    const its = stage(10);
    await its.signIn("ada");
    await its.signIn("bob");
    const [ada, bob] = [await tokenOf(its.vaults, "ada"), await tokenOf(its.vaults, "bob")];
    expect(ada).not.toBe(bob);
    expect([await tokenOf(its.vaults, "ada"), await tokenOf(its.vaults, "bob")]).toEqual([
      ada,
      bob,
    ]);
    expect(namesOf(its)).toEqual(["ada", "bob"]);
    await expect(tokenOf(its.vaults, "eve")).rejects.toMatchObject({ code: "no_session" });
  });

  it("the one that was not used for longest is closed, and its session is there at the next use [S11]", async () => {
    const its = stage(2);
    for (const account of ["ada", "bob"]) await its.signIn(account);
    const token = await tokenOf(its.vaults, "bob");
    await tokenOf(its.vaults, "ada");
    await its.signIn("eve");
    expect(its.vaults.size).toBe(2);
    expect(await Promise.all(its.made.map(({ vault }) => isClosed(vault)))).toEqual([
      false,
      true,
      false,
    ]);
    expect(await tokenOf(its.vaults, "bob")).toBe(token);
    expect(namesOf(its)).toEqual(["ada", "bob", "eve", "bob"]);
    expect(its.api.to("/login").length).toBe(3);
  });

  it("a hundred thousand accounts take the room of as many as are to be kept [S11]", async () => {
    const closed = new Set<number>();
    let made = 0;
    const vaults = createVaults(
      () => {
        const at = made++;
        return {
          snapshot: () => ({ persisted: true }) as never,
          events: () => () => {},
          close: () => {},
          [Symbol.asyncDispose]: async () => void closed.add(at),
        };
      },
      { most: 100 },
    );
    for (let at = 0; at < 100_000; at++) await vaults.with(`account ${at}`, () => {});
    expect([vaults.size, made, closed.size]).toEqual([100, 100_000, 99_900]);
  });

  it("one that is in use is not closed: its 401 is healed though there is no room [P11 P21]", async () => {
    const its = stage(1);
    await its.signIn("ada");
    let go!: () => void;
    const held = new Promise<void>((resolve) => (go = resolve));
    const using = its.vaults.with("ada", async (vault) => {
      await held;
      return vault.fetch(`${ORIGIN}/things`);
    });
    for (const account of ["bob", "eve", "joe"])
      await expect(tokenOf(its.vaults, account)).rejects.toMatchObject({ code: "no_session" });
    expect(its.vaults.size).toBe(1);
    its.api.expire();
    go();
    expect((await using).status).toBe(200);
    expect(its.made.filter(({ account }) => account === "ada").length).toBe(1);
  });

  it("as many as are in use at once are kept, and closed when they are not [P21]", async () => {
    const its = stage(2);
    let go!: () => void;
    const held = new Promise<void>((resolve) => (go = resolve));
    const accounts = Array.from({ length: 20 }, (_, at) => `account ${at}`);
    const using = Promise.all(accounts.map((account) => its.vaults.with(account, () => held)));
    expect(its.vaults.size).toBe(20);
    go();
    await using;
    expect(its.vaults.size).toBe(2);
  });

  it("one that the store has not taken yet stays in memory, and nobody is signed out [P16 P19]", async () => {
    const inner = memoryStore();
    let isAway = true;
    const store: TokenStore = {
      ...inner,
      write: (...args) => (isAway ? Promise.reject(new Error("away")) : inner.write(...args)),
    };
    const its = stage(1, store);
    await its.signIn("ada");
    const token = await tokenOf(its.vaults, "ada");
    for (let at = 0; at < 50; at++)
      await expect(tokenOf(its.vaults, `account ${at}`)).rejects.toThrow();
    expect(await tokenOf(its.vaults, "ada")).toBe(token);
    isAway = false;
    await expect
      .poll(() => its.vaults.with("ada", (vault) => vault.snapshot().persisted), {
        timeout: 20_000,
      })
      .toBe(true);
    await expect(tokenOf(its.vaults, "bob")).rejects.toMatchObject({ code: "no_session" });
    expect(its.vaults.size).toBe(1);
    expect(await tokenOf(its.vaults, "ada")).toBe(token);
  });

  it("one that refreshes for nobody is not closed before that is stored, though the store is away then [P20]", async () => {
    const inner = memoryStore();
    let isAway = false;
    const write: TokenStore["write"] = (...args) =>
      isAway ? Promise.reject(new Error("away")) : inner.write(...args);
    const its = stage(1, { ...inner, write });
    await its.signIn("ada");
    const release = await refreshFor(its, "ada");
    await expect(tokenOf(its.vaults, "bob")).rejects.toMatchObject({ code: "no_session" });
    isAway = true;
    release();
    const generation = (): Promise<number | undefined> =>
      its.vaults.with("ada", (vault) => vault.snapshot().generation);
    await expect.poll(generation, soon).toBe(2);
    isAway = false;
    await expect
      .poll(() => its.vaults.with("ada", (vault) => vault.snapshot().persisted), soon)
      .toBe(true);
    // Now it may go, and its new token is in the store.
    await expect(tokenOf(its.vaults, "bob")).rejects.toMatchObject({ code: "no_session" });
    expect(its.vaults.size).toBe(1);
    expect(await tokenOf(its.vaults, "ada")).toBe("access-2-secret");
    expect(its.api.to("/refresh").length).toBe(1);
  });

  it("disposed of after they were closed, they wait for what is under way all the same [P20 P21]", async () => {
    const its = stage(10);
    await its.signIn("ada");
    const release = await refreshFor(its, "ada");
    its.vaults.close();
    let isOver = false;
    const ended = its.vaults[Symbol.asyncDispose]().then(() => void (isOver = true));
    await settle();
    expect(isOver).toBe(false);
    release();
    await ended;
    const later = stage(10, its.store);
    expect(await tokenOf(later.vaults, "ada")).toBe("access-2-secret");
  });

  it("what a task throws is passed on, and its vault is free again", async () => {
    const its = stage(1);
    await expect(
      its.vaults.with("ada", () => Promise.reject(new TypeError("the task's"))),
    ).rejects.toThrow("the task's");
    await its.signIn("bob");
    expect(its.vaults.size).toBe(1);
    expect(await isClosed(its.made[0]!.vault)).toBe(true);
  });

  it("what cannot be made is not kept, and the next use tries anew [S17]", async () => {
    const its = stage(1);
    await expect(tokenOf(its.vaults, "")).rejects.toMatchObject({ code: "invalid_option" });
    await expect(tokenOf(its.vaults, undefined as never)).rejects.toMatchObject({
      code: "invalid_option",
    });
    expect(its.vaults.size).toBe(0);
  });

  it("closed, all of its vaults are, and the next use is told [P21]", async () => {
    const its = stage(5);
    for (const account of ["ada", "bob"]) await its.signIn(account);
    await its.vaults[Symbol.asyncDispose]();
    expect(its.vaults.size).toBe(0);
    expect(await Promise.all(its.made.map(({ vault }) => isClosed(vault)))).toEqual([true, true]);
    await expect(tokenOf(its.vaults, "ada")).rejects.toMatchObject({
      code: "closed",
      message: expect.stringContaining("Make new ones") as string,
    });
  });

  it("an option that is none is told at once [S17]", () => {
    const invalid = expect.objectContaining({ code: "invalid_option" }) as object;
    expect(() => createVaults(undefined as never)).toThrow(invalid);
    for (const most of [0, -1, 1.5, Number.NaN, "7"])
      expect(() => createVaults(() => expect.unreachable(), { most: most as number })).toThrow(
        invalid,
      );
  });
});

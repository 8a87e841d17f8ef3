/** accounts() over stores that lag, are silent, go away, or hold a record that cannot be read. */
import { expect, it, vi } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { RecordHead, TokenStore } from "../../../src/types.ts";
import { createAccounts } from "../../../src/vault/accounts.ts";
import { type ManualClock, manualClock, settle } from "../../support/clock.ts";
import { rejection, signedIn } from "../../support/vault.ts";

const A_DAY = 86_400_000;
const SECOND = 1_000;

const head = (sessionId: string, more: Partial<RecordHead> = {}): RecordHead => ({
  format: 1,
  sessionId,
  revision: 1,
  ...more,
});

/** A store in which these accounts are signed in. */
async function storeOf(...names: string[]): Promise<TokenStore> {
  const store = memoryStore();
  for (const name of names) await store.write("p|" + name, head(name), undefined);
  return store;
}

function listing(store: TokenStore, isClosed = (): boolean => false) {
  const clock: ManualClock = manualClock();
  let oddities = 0;
  const accounts = createAccounts(store, "p|", {
    clock,
    onOddity: () => (oddities += 1),
    isClosed,
  });
  return { accounts, clock, oddities: () => oddities };
}

const UNREADABLE = new Error("a record that quotes its-secret");

it("an old tombstone in a store without compare-and-set stays: its deletion would hit a session that has begun meanwhile [P16 P19 F33]", async () => {
  const inner = memoryStore();
  const store: TokenStore = {
    ...inner,
    atomic: false,
    // The compare is against a cached read, in which the tombstone still stands.
    write: async (key, next) => inner.write(key, next, await inner.head(key)),
    head: async (key) => {
      const cached = await inner.head(key);
      // Somebody signs in elsewhere, right after the look.
      await inner.write(key, head("begun-meanwhile"), cached);
      return cached;
    },
  };
  const { accounts, clock } = listing(store);
  const endedAt = clock.now() - 2 * A_DAY;
  await inner.write("p|ada", head("old", { tombstone: true, endedAt }), undefined);
  expect(await accounts()).toEqual([]);
  expect(await inner.head("p|ada")).toMatchObject({ sessionId: "begun-meanwhile" });
});

it("a store that lists and then is silent is waited for once, and not at each account [F59 P10]", async () => {
  const names = Array.from({ length: 40 }, (_, index) => `user-${index}`);
  let heads = 0;
  const silent = (): Promise<never> => {
    heads += 1;
    return new Promise(() => {});
  };
  const { accounts, clock } = listing({ ...(await storeOf(...names)), head: silent });
  const from = clock.running();
  const error = await clock.until(rejection(accounts()));
  expect(error).toMatchObject({ name: "VaultError", code: "store_unavailable" });
  expect(clock.running() - from).toBeLessThan(6 * SECOND);
  expect(heads).toBe(1);
});

it("a store that goes away in the middle of a listing hides no account [P16 F81]", async () => {
  const inner = await storeOf("ada", "grace", "lin");
  let heads = 0;
  const leaving: TokenStore["head"] = async (key) => {
    heads += 1;
    if (heads > 1) throw new Error("gone");
    return inner.head(key);
  };
  const { accounts, oddities } = listing({ ...inner, head: leaving });
  expect(await rejection(accounts())).toMatchObject({ code: "store_unavailable" });
  expect(oddities()).toBe(0);
});

it("a store that fails once in the middle of a listing hides no account [P16 F81]", async () => {
  const inner = await storeOf("ada", "grace", "lin");
  let heads = 0;
  const stumbling: TokenStore["head"] = async (key) => {
    heads += 1;
    if (heads === 2) throw new Error("busy");
    return inner.head(key);
  };
  const { accounts, oddities } = listing({ ...inner, head: stumbling });
  expect((await accounts()).sort()).toEqual(["ada", "grace", "lin"]);
  expect(oddities()).toBe(0);
});

it("a record that cannot be read hides no other, and is told once [F81]", async () => {
  const inner = await storeOf("ada", "grace", "lin");
  const picky: TokenStore["head"] = (key) =>
    key === "p|grace" ? Promise.reject(UNREADABLE) : inner.head(key);
  const { accounts, oddities } = listing({ ...inner, head: picky });
  expect((await accounts()).sort()).toEqual(["ada", "lin"]);
  expect((await accounts()).sort()).toEqual(["ada", "lin"]);
  expect(oddities()).toBe(1);
});

it("a tombstone that the store does not delete fails no listing [P16 F81]", async () => {
  const inner = await storeOf("ada");
  const { accounts, clock, oddities } = listing({
    ...inner,
    write: () => Promise.reject(new Error("read-only")),
  });
  const endedAt = clock.now() - 2 * A_DAY;
  await inner.write("p|old", head("old", { tombstone: true, endedAt }), undefined);
  expect(await accounts()).toEqual(["ada"]);
  expect(oddities()).toBe(0);
});

it("a listing begins no operation any more when its vault is closed [P21]", async () => {
  const inner = await storeOf("ada", "grace", "lin");
  let isClosed = false;
  let answer = (): void => {};
  const asked: string[] = [];
  const slow: TokenStore["head"] = async (key) => {
    asked.push(key);
    await new Promise<void>((resolve) => (answer = resolve));
    return inner.head(key);
  };
  const { accounts } = listing({ ...inner, head: slow }, () => isClosed);
  const error = rejection(accounts());
  await settle();
  isClosed = true;
  answer();
  expect(await error).toMatchObject({ code: "closed" });
  expect(asked).toHaveLength(1);
});

it("a vault that is closed while it lists its accounts asks the store no more [P21]", async () => {
  const { vault, store } = await signedIn();
  const asked = vi.spyOn(store, "head");
  const error = rejection(vault.accounts());
  vault.close();
  expect(await error).toMatchObject({ code: "closed" });
  expect(asked).not.toHaveBeenCalled();
});

/** What is begun behind a sign-out, or beside one that is slow, stands: with a cookie's session. */
import { expect, it } from "vitest";
import type { TokenStore } from "../../../src/types.ts";
import { alice, bob, refusal, stage, userOf } from "./one-jar.ts";

it.each(["somebody is signed in", "nobody is"])(
  "a sign-in right behind a sign-out, in a page that has not looked yet, stands, where %s [P19 F41]",
  async (where) => {
    const { open, clock } = stage();
    if (where === "somebody is signed in") await open().vault.signIn(alice);
    const next = open();
    const left = next.vault.signOut();
    await Promise.resolve();
    const signedIn = next.vault.signIn(bob);
    await clock.advance(5_000);
    await Promise.all([left, signedIn]);
    expect(await userOf(next)).toBe("bob");
    expect(await userOf(open())).toBe("bob");
  },
);

it("so does an adoption [P19 F41]", async () => {
  const { open, clock } = stage();
  await open().vault.signIn(alice);
  const next = open();
  const left = next.vault.signOut();
  const adopted = next.vault.adopt({ accessToken: "of-bob" });
  await clock.advance(5_000);
  await Promise.all([left, adopted]);
  expect(await next.vault.getToken()).toBe("of-bob");
});

it("nor does a sign-out whose store is slow end what another tab has begun since [P19 F41]", async () => {
  const { open, clock, store, record } = stage();
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const write: TokenStore["write"] = async (key, next, expected) => {
    if (next?.tombstone && !expected) await gate;
    return store.write(key, next, expected);
  };
  const left = open({ store: { ...store, write } }).vault.signOut();
  await clock.advance(10);
  const other = open();
  const signedIn = other.vault.signIn(bob);
  await clock.advance(1_000);
  await signedIn;
  go();
  await clock.advance(1_000);
  await left;
  expect((await record())?.tombstone).toBeUndefined();
  expect(await userOf(other)).toBe("bob");
});

it("a sign-out whose tombstone is late logs the next login out at no server, though its store is down [P19 P20]", async () => {
  const { open, clock, store, api } = stage();
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  let isDown = false;
  const write: TokenStore["write"] = async (key, next, expected) => {
    if (next?.tombstone) await gate;
    if (next?.body !== undefined && isDown && !key.startsWith("jar|")) throw new Error("down");
    return store.write(key, next, expected);
  };
  const { vault } = open({ store: { ...store, write } });
  await vault.signIn(alice);
  isDown = true;
  await clock.advance(1_000);
  const left = vault.signOut();
  await clock.advance(10);
  const signedIn = vault.signIn(bob);
  await clock.advance(1_000);
  go();
  await clock.advance(1_000);
  await Promise.allSettled([left, signedIn]);
  isDown = false;
  await clock.advance(60_000);
  expect(api.calls.map(({ kind }) => kind)).toEqual(["login", "login"]);
});

it("a login that never reached the server brings nobody back who has signed out before it [P4 S14]", async () => {
  const { open, clock, store } = stage();
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const write: TokenStore["write"] = async (key, next, expected) => {
    if (next?.tombstone) await gate;
    return store.write(key, next, expected);
  };
  const tab = open({ store: { ...store, write } });
  await tab.vault.signIn(alice);
  await clock.advance(1_000);
  tab.isOffline = true;
  const left = tab.vault.signOut();
  await clock.advance(10);
  const signedIn = tab.vault.signIn(bob);
  void signedIn.catch(() => {});
  await clock.advance(1_000);
  go();
  await clock.advance(1_000);
  await Promise.allSettled([left, signedIn]);
  expect(await refusal(open().vault.signIn())).toMatchObject({ code: "no_session" });
});

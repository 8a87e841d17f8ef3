/** What a vault shows: snapshots and their changes, by the contracts of React and Svelte. */
import { describe, expect, it } from "vitest";
import type { Snapshot } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { settle } from "../../support/clock.ts";
import { credentials, jwt, reply } from "../../support/fake-api.ts";
import { bench, rejection, signedIn, VMS } from "../../support/vault.ts";

describe("snapshot()", () => {
  it("is the same object until something changes, and frozen", async () => {
    const { vault, api } = await signedIn();
    const first = vault.snapshot();
    await vault.fetch(VMS);
    await vault.getToken();
    expect(vault.snapshot()).toBe(first);
    expect(Object.isFrozen(first)).toBe(true);
    api.expire();
    await vault.fetch(VMS);
    const second = vault.snapshot();
    expect(second).not.toBe(first);
    expect(first.generation).toBe(1);
    expect(second.generation).toBe(2);
    expect(vault.snapshot()).toBe(second);
  });

  it("tells status, account, times, generation and scope, and no more", async () => {
    const { vault, api, clock } = bench({ account: "ada" });
    expect(vault.snapshot()).toEqual({ status: "loading", account: "ada", persisted: true });
    await rejection(vault.getToken());
    expect(vault.snapshot().status).toBe("signed-out");
    api.login = () => reply(200, { access_token: "t", expires_in: 100, scope: "a b" });
    await vault.signIn(credentials);
    expect(vault.snapshot()).toEqual({
      status: "signed-in",
      account: "ada",
      persisted: true,
      issuedAt: clock.now(),
      refreshAt: clock.now() + 77_500,
      expiresAt: clock.now() + 100_000,
      generation: 1,
      scope: "a b",
    });
    await clock.advance(100_000);
    await rejection(vault.getToken());
    expect(vault.snapshot().status).toBe("sign-in-required");
  });

  it("shows a JWT's claims as they are, unverified, for display [S12]", async () => {
    const { vault } = bench();
    const claims = { sub: "ada", org: "ü", nested: { a: [1] }, exp: "forged" };
    await vault.adopt({ accessToken: jwt(claims) });
    expect(vault.snapshot().claims).toEqual(claims);
    await vault.adopt({ accessToken: "opaque" });
    expect(vault.snapshot().claims).toBeUndefined();
  });

  it("another session is another snapshot, though it began in the same millisecond", async () => {
    const { vault } = bench();
    await vault.adopt({ accessToken: jwt({ sub: "first" }) });
    expect(vault.snapshot().claims).toEqual({ sub: "first" });
    await vault.adopt({ accessToken: jwt({ sub: "second" }) });
    expect(vault.snapshot().claims).toEqual({ sub: "second" });
  });

  it("a store that is out of reach reads unavailable, not signed out", async () => {
    const store = { ...memoryStore(), read: () => Promise.reject(new Error("gone")) };
    const { vault, clock } = bench({ store });
    await rejection(clock.until(vault.getToken()));
    expect(vault.snapshot().status).toBe("unavailable");
  });
});

describe("subscribe()", () => {
  it("calls back at once, and once for each change", async () => {
    const { vault, api } = await signedIn();
    const seen: Snapshot[] = [];
    const stop = vault.subscribe((snapshot) => seen.push(snapshot));
    expect(seen).toEqual([vault.snapshot()]);
    await vault.fetch(VMS);
    await settle();
    expect(seen).toHaveLength(1);
    api.expire();
    await vault.fetch(VMS);
    await settle();
    expect(seen.map(({ generation }) => generation)).toEqual([1, 2]);
    expect(seen[1]).toBe(vault.snapshot());
    stop();
    stop();
    await vault.signOut();
    await settle();
    expect(seen).toHaveLength(2);
  });

  it("React: no listener is called while one subscribes, but with the stable snapshot", async () => {
    const { vault } = await signedIn();
    const before = vault.snapshot();
    let during: Snapshot | undefined;
    vault.subscribe(() => (during ??= vault.snapshot()));
    expect(during).toBe(before);
    expect(vault.snapshot()).toBe(before);
  });

  it("Svelte: the value comes at once, and the result unsubscribes", async () => {
    const { vault } = await signedIn();
    let value: Snapshot | undefined;
    const unsubscribe = vault.subscribe((snapshot) => (value = snapshot));
    expect(value?.status).toBe("signed-in");
    expect(unsubscribe()).toBeUndefined();
  });

  it("one that joins in the task of a change takes it from nobody, and hears it once", async () => {
    const { vault } = await signedIn();
    const seen: string[] = [];
    vault.subscribe(({ status }) => seen.push(`first ${status}`));
    await settle();
    seen.length = 0;
    const over = vault.signOut();
    for (let n = 0; n < 20 && vault.snapshot().status !== "signed-out"; n += 1)
      await Promise.resolve();
    vault.subscribe(({ status }) => seen.push(`second ${status}`));
    await over;
    await settle();
    const heard = (who: string): string[] => seen.filter((one) => one.startsWith(who));
    expect(heard("first")).toEqual(["first signed-out"]);
    expect(heard("second").at(-1)).toBe("second signed-out");
    expect(heard("second").length).toBe(new Set(heard("second")).size);
  });

  it("one function may subscribe twice, and ends once for each", async () => {
    const { vault } = await signedIn();
    let calls = 0;
    const listener = (): void => void (calls += 1);
    const [one, two] = [vault.subscribe(listener), vault.subscribe(listener)];
    expect(calls).toBe(2);
    one();
    await vault.signOut();
    await settle();
    expect(calls).toBe(3);
    two();
  });

  it("of a vault that has not looked yet makes it look", async () => {
    const { store, clock } = await signedIn();
    const { vault } = bench({ store, clock });
    const seen: string[] = [];
    vault.subscribe(({ status }) => seen.push(status));
    await settle();
    expect(seen).toEqual(["loading", "signed-in"]);
  });

  it("many changes at once are one call, with the last", async () => {
    const { vault } = bench();
    const seen: (number | undefined)[] = [];
    vault.subscribe(({ generation }) => seen.push(generation));
    await Promise.all([
      vault.adopt({ accessToken: "a" }),
      vault.adopt({ accessToken: "b" }),
      vault.signIn(credentials),
    ]);
    await settle();
    expect(seen.length).toBeLessThanOrEqual(4);
    expect(seen.at(-1)).toBe(vault.snapshot().generation);
  });
});

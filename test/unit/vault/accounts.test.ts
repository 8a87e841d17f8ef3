/** Accounts side by side (S11), and signing out (S14). */
import { describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { TokenStore } from "../../../src/types.ts";
import { settle } from "../../support/clock.ts";
import { acme, credentials, type FakeApi, fakeApi, ORIGIN, reply } from "../../support/fake-api.ts";
import { bench, type Bench, refreshes, rejection, signedIn, VMS } from "../../support/vault.ts";

/** Vaults that differ in one thing, in one store, each with an API of its own. */
async function side(
  ways: readonly Parameters<typeof bench>[0][],
  store: TokenStore = memoryStore(),
): Promise<Bench[]> {
  const all = ways.map((way, index) => {
    const api = fakeApi();
    api.login = () =>
      reply(200, { access_token: `token-${index}`, refresh_token: `r-${index}`, expires_in: 3600 });
    api.api = () => reply(200, {});
    return bench({ store, api, ...way });
  });
  for (const { vault } of all) await vault.signIn(credentials);
  return all;
}

const pairs: Readonly<Record<string, readonly Parameters<typeof bench>[0][]>> = {
  "two accounts": [{ account: "ada" }, { account: "grace" }],
  "accounts whose names try to be two parts": [
    { account: "a|b" },
    { account: "a", provider: acme({ partition: ["b"] }) },
    { account: "a%7Cb" },
    { account: "b", provider: acme({ partition: ["a"] }) },
  ],
  "two base URLs": [
    { provider: acme({ origins: [ORIGIN] }) },
    { provider: acme({ origins: ["https://staging.acme.test"] }) },
  ],
  "two providers": [{ provider: acme({ name: "one" }) }, { provider: acme({ name: "two" }) }],
  "two partitions, and none": [
    {},
    { provider: acme({ partition: ["client-1"] }) },
    { provider: acme({ partition: ["client-2"] }) },
    { provider: acme({ partition: ["client-1", "scope"] }) },
  ],
};

describe.each(Object.keys(pairs))("%s in one store [S11]", (name) => {
  it("share no token, no refresh and no sign-out [S11]", async () => {
    const all = await side(pairs[name]!);
    const tokens = await Promise.all(all.map(({ vault }) => vault.getToken()));
    expect(tokens).toEqual(all.map((_, index) => `token-${index}`));
    const [first, ...others] = all as [Bench, ...Bench[]];
    first.api.refresh = () => reply(200, { access_token: "renewed", expires_in: 3600 });
    expect(await first.vault.getToken({ rejected: "token-0" })).toBe("renewed");
    await first.vault.signOut();
    expect(await rejection(first.vault.getToken())).toMatchObject({ code: "no_session" });
    for (const [index, { vault, api, types }] of others.entries()) {
      expect(await vault.getToken()).toBe(`token-${index + 1}`);
      expect(refreshes({ api })).toBe(0);
      expect(types()).toEqual(["signed-in"]);
    }
  });

  it("are told by accounts() of their own kind only [S11]", async () => {
    const all = await side(pairs[name]!);
    for (const [index, { vault }] of all.entries()) {
      const { account = "default", provider } = pairs[name]![index]!;
      const siblings = pairs[name]!.filter((way) => !provider === !way!.provider && !provider);
      const expected = provider ? [account] : siblings.map((way) => way!.account ?? "default");
      expect((await vault.accounts()).sort()).toEqual(expected.sort());
    }
  });
});

describe("signing out [S14]", () => {
  it("revokes the refresh token, best effort, without any waitUntil [S14]", async () => {
    const { vault, api } = await signedIn();
    await vault.signOut();
    await settle();
    expect(api.to("/revoke").map(({ body }) => JSON.parse(body))).toEqual([
      { token: "refresh-1-secret" },
    ]);
    expect(api.to("/revoke")[0]!.init).toMatchObject({ redirect: "manual", credentials: "omit" });
  });

  it("the revocation is held by waitUntil, where there is one [S14]", async () => {
    const held: Promise<unknown>[] = [];
    const { vault, api } = await signedIn({ waitUntil: (promise) => void held.push(promise) });
    await vault.signOut();
    await Promise.all(held);
    expect(api.to("/revoke")).toHaveLength(1);
  });

  const offline: Readonly<Record<string, FakeApi["revoke"]>> = {
    offline: () => {
      throw new TypeError("fetch failed");
    },
    "a server that never answers": () => new Promise<Response>(() => {}),
    "a server that refuses": () => reply(500, {}),
  };
  it.each(Object.keys(offline))("works with %s [S14]", async (name) => {
    const { vault, api, store, clock } = await signedIn();
    api.revoke = offline[name]!;
    await vault.signOut();
    expect(vault.snapshot().status).toBe("signed-out");
    expect(await rejection(vault.getToken())).toMatchObject({ code: "no_session" });
    const other = bench({ store, clock, api });
    expect(await rejection(other.vault.getToken())).toMatchObject({ code: "no_session" });
  });

  it("leaves nothing but a tombstone in the store [S14]", async () => {
    const { vault, store } = await signedIn();
    const [key = ""] = await store.list("");
    await vault.signOut();
    const record = await store.read(key);
    expect(record).toEqual({
      format: 1,
      sessionId: expect.any(String),
      revision: expect.any(Number),
      tombstone: true,
      endedAt: expect.any(Number),
    });
  });

  it("a refresh on its way brings nobody back, and its late tokens are revoked [S14 F24]", async () => {
    const { vault, api, store, clock } = await signedIn();
    let answer!: (response: Response) => void;
    api.refresh = () => new Promise((resolve) => (answer = resolve));
    api.expire();
    const call = rejection(vault.fetch(VMS));
    await settle();
    await vault.signOut();
    answer(reply(200, { access_token: "late-secret", refresh_token: "late-refresh" }));
    await settle();
    expect(await clock.until(call)).toMatchObject({ code: "no_session" });
    expect(vault.snapshot().status).toBe("signed-out");
    expect(await rejection(bench({ store, clock }).vault.getToken())).toMatchObject({
      code: "no_session",
    });
    expect(api.to("/revoke").map(({ body }) => JSON.parse(body).token)).toEqual(
      expect.arrayContaining(["refresh-1-secret", "late-refresh"]),
    );
  });

  it("a sign-in on its way when one signs out signs nobody in [S14 F24]", async () => {
    const { vault, api } = bench();
    let answer!: (response: Response) => void;
    api.login = () => new Promise((resolve) => (answer = resolve));
    const signIn = rejection(vault.signIn(credentials));
    await settle();
    await vault.signOut();
    answer(reply(200, { access_token: "late-secret", refresh_token: "late-refresh" }));
    expect(await signIn).toMatchObject({ code: "closed" });
    await settle();
    expect(await rejection(vault.getToken())).toMatchObject({ code: "no_session" });
    expect(api.to("/revoke").map(({ body }) => JSON.parse(body).token)).toEqual(["late-refresh"]);
  });

  it("another context drops the session at the latest maxStaleness later [P4]", async () => {
    const { vault, store, clock, api } = await signedIn();
    const other = bench({ store, clock, api, maxStaleness: 60_000 });
    expect(await other.vault.getToken()).toBe("access-1-secret");
    await vault.signOut();
    await clock.advance(60_001);
    await other.vault.getToken().catch(() => {});
    await settle();
    expect(await rejection(other.vault.getToken())).toMatchObject({ code: "no_session" });
  });

  it("signing out twice, or of nothing, is no error", async () => {
    const { vault } = await signedIn();
    await vault.signOut();
    await vault.signOut();
    await bench().vault.signOut();
    await vault.signIn(credentials);
    expect(await vault.getToken()).toBe("access-2-secret");
  });
});

describe("accounts() and removeAccount() [S14]", () => {
  const names = ["ada", "grace hopper", "ü|%/", "default"];

  it("tell who is signed in, and remove one without touching the others [S14]", async () => {
    const store = memoryStore();
    const all = await side(
      names.map((account) => ({ account })),
      store,
    );
    const [{ vault }] = all as [Bench];
    expect((await vault.accounts()).sort()).toEqual([...names].sort());
    await all[1]!.vault.signOut();
    expect((await vault.accounts()).sort()).toEqual(["ada", "default", "ü|%/"].sort());
    await vault.removeAccount("ü|%/");
    expect((await vault.accounts()).sort()).toEqual(["ada", "default"]);
    expect(await all[3]!.vault.getToken()).toBe("token-3");
  });

  it("a removed account leaves a tombstone for a day, and is revoked [S14 F49]", async () => {
    const store = memoryStore();
    const [ada, grace] = (await side([{ account: "ada" }, { account: "grace" }], store)) as [
      Bench,
      Bench,
    ];
    await ada.vault.removeAccount("grace");
    expect(await ada.vault.accounts()).toEqual(["ada"]);
    await settle();
    expect(ada.api.to("/revoke").map(({ body }) => JSON.parse(body).token)).toEqual(["r-1"]);
    await ada.vault.removeAccount("ada");
    expect(await store.list("")).toHaveLength(2);
    await ada.clock.advance(86_400_001);
    expect(await ada.vault.accounts()).toEqual([]);
    expect(await store.list("")).toEqual([]);
    expect(await rejection(ada.vault.getToken())).toMatchObject({ code: "no_session" });
    expect(await grace.vault.accounts()).toEqual([]);
  });

  it("removing another account leaves this one its wake-ups [F12]", async () => {
    const wakes: (() => void)[] = [];
    const onWake = (listener: () => void): (() => void) => {
      wakes.push(listener);
      return () => {};
    };
    const { vault } = await signedIn({ onWake });
    await vault.removeAccount("nobody");
    expect(wakes).toHaveLength(1);
  });

  it("a revocation that answers with nothing is no error [S14]", async () => {
    const revoke = vi.fn(async () => {});
    const { vault } = await signedIn({ provider: { ...acme(), revoke } });
    await vault.signOut();
    await settle();
    expect(revoke).toHaveBeenCalledOnce();
  });

  it("removing who was never there is no error", async () => {
    const { vault, store } = await signedIn();
    await vault.removeAccount("nobody");
    expect(await store.list("")).toHaveLength(1);
    expect(await vault.getToken()).toBe("access-1-secret");
  });
});

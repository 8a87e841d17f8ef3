/** A sign-out stands for as long as the store does, and is owed to the server until another login is granted. */
import { describe, expect, it } from "vitest";
import { VaultError } from "../../../src/errors.ts";
import { settle } from "../../support/clock.ts";
import type { CookieOptions } from "../../../src/providers/cookie.ts";
import type { TokenStore } from "../../../src/types.ts";
import type { CookieApiSwitches } from "../../apis/cookies.ts";
import { alice, bob, ME, refusal, stage, type Stage, type Tab, userOf } from "./one-jar.ts";

const DAY = 86_400_000;

const withoutLogout = { logoutUrl: undefined } as object;

const kinds = ({ api }: Stage): string[] => api.calls.map(({ kind }) => kind);

/** A user who has signed out while the network was away. */
async function leftOffline(
  switches: Partial<CookieApiSwitches> = {},
  options: Partial<CookieOptions> = {},
): Promise<{ readonly scene: Stage; readonly tab: Tab }> {
  const scene = stage(switches, options);
  const tab = scene.open();
  await tab.vault.signIn(alice);
  tab.isOffline = true;
  await tab.vault.signOut();
  await settle();
  return { scene, tab };
}

/** A store in which the jar's last write of a visit never arrives. */
const withoutLastWrite = (store: TokenStore): TokenStore => ({
  ...store,
  write: (key, next, expected) =>
    key.startsWith("jar|") && next?.attemptId === undefined
      ? new Promise<boolean>(() => {})
      : store.write(key, next, expected),
});

/** Takes the account's tombstone off the list, as a look at the accounts does after a day. */
async function prune({ open, clock, record }: Stage): Promise<void> {
  await clock.advance(DAY + 1);
  await open().vault.accounts();
  expect(await record()).toBeUndefined();
}

describe("a sign-out without a logoutUrl", () => {
  it("holds though its tombstone was taken off the list: no look finds the cookie [P4 S14]", async () => {
    const { scene } = await leftOffline({}, withoutLogout);
    await prune(scene);
    const next = scene.open();
    expect(await refusal(next.vault.fetch(ME))).toMatchObject({ code: "no_session" });
    expect(next.vault.snapshot().status).toBe("signed-out");
    expect(kinds(scene)).toEqual(["login"]);
  });

  it("holds though its tab ended before it wrote anything but the tombstone [P4 S14]", async () => {
    const scene = stage({}, withoutLogout);
    const { open, store } = scene;
    let isOver = false;
    const write: typeof store.write = (key, next, expected) =>
      isOver && key.startsWith("jar|")
        ? new Promise<boolean>(() => {})
        : store.write(key, next, expected);
    const tab = open({ store: { ...store, write } });
    await tab.vault.signIn(alice);
    isOver = true;
    await tab.vault.signOut();
    await prune(scene);
    const next = open();
    expect(await refusal(next.vault.fetch(ME))).toMatchObject({ code: "no_session" });
    expect(kinds(scene)).toEqual(["login"]);
  });

  it("holds for another account too, for the cookie is the same [P4 S11]", async () => {
    const { scene } = await leftOffline({}, withoutLogout);
    const next = scene.open({ account: "work" });
    expect(await refusal(next.vault.fetch(ME))).toMatchObject({ code: "no_session" });
    expect(kinds(scene)).toEqual(["login"]);
  });

  it.each(["default", "work"])(
    "ends by signIn() alone, which asks for whatever cookie is there; then the next look keeps it, as %s [P4]",
    async (account) => {
      const { scene } = await leftOffline({}, withoutLogout);
      await prune(scene);
      const next = scene.open({ account });
      await next.vault.signIn();
      expect(await userOf(next)).toBe("alice");
      expect(await userOf(scene.open({ account }))).toBe("alice");
    },
  );

  it("ends with the next login [P19]", async () => {
    const { scene } = await leftOffline({}, withoutLogout);
    await scene.open().vault.signIn(bob);
    expect(await userOf(scene.open())).toBe("bob");
  });

  it("asks the jar once, and then leaves it alone", async () => {
    const { scene } = await leftOffline({}, withoutLogout);
    let writes = 0;
    const { write } = scene.store;
    const counting = {
      ...scene.store,
      write: (...given: Parameters<typeof write>) => {
        writes += 1;
        return write(...given);
      },
    };
    const next = scene.open({ store: counting });
    await refusal(next.vault.fetch(ME));
    await settle();
    expect(writes).toBe(0);
  });
});

describe("a logout that is owed", () => {
  it.each([
    ["is refused", 401],
    ["meets a server in trouble", 503],
  ])("stays owed where the next login %s, and its tombstone is gone [P4]", async (_, status) => {
    const { scene } = await leftOffline();
    await prune(scene);
    const { api, open } = scene;
    let isDown = true;
    api.before = (kind) => {
      if (kind === "logout" && isDown) return new Response("", { status: 503 });
      return kind === "login" && isDown ? new Response("{}", { status }) : undefined;
    };
    await refusal(open().vault.signIn(bob));
    isDown = false;
    const next = open();
    expect(await refusal(next.vault.fetch(ME))).toMatchObject({ code: "no_session" });
    expect(api.users()).toEqual([]);
    expect(kinds(scene)).toEqual(["login", "logout", "login", "logout", "refresh"]);
  });

  it.each([
    ["is refused", 401],
    ["meets a server in trouble", 503],
  ])("stays owed where another account's login %s [P4 S11]", async (_, status) => {
    const { scene } = await leftOffline();
    const { api, open } = scene;
    let isDown = true;
    api.before = (kind) => {
      if (kind === "logout" && isDown) return new Response("", { status: 503 });
      return kind === "login" && isDown ? new Response("{}", { status }) : undefined;
    };
    await refusal(open({ account: "work" }).vault.signIn(bob));
    isDown = false;
    const next = open({ account: "work" });
    expect(await refusal(next.vault.fetch(ME))).toMatchObject({ code: "no_session" });
    expect(api.users()).toEqual([]);
  });

  it("stays owed where another account has a session that was refused [P4 S11]", async () => {
    const scene = stage();
    const { api, clock, open } = scene;
    await open({ account: "work" }).vault.signIn(bob);
    api.forget();
    await clock.advance(3_600_000);
    await refusal(clock.until(open({ account: "work" }).vault.fetch(ME)));
    const tab = open();
    await tab.vault.signIn(alice);
    tab.isOffline = true;
    await tab.vault.signOut();
    await settle();
    let isDown = true;
    api.before = (kind) =>
      isDown && kind !== "api" ? new Response("", { status: 503 }) : undefined;
    await refusal(open({ account: "work" }).vault.signIn(bob));
    isDown = false;
    await clock.advance(1_000);
    await refusal(clock.until(open({ account: "work" }).vault.fetch(ME)));
    expect(api.users()).toEqual([]);
  });

  it("is no debt where a look met a server in trouble: the next one finds the cookie [P17]", async () => {
    const scene = stage();
    const { api, clock, open } = scene;
    await scene.signInOutside("bob");
    api.before = (kind) => (kind === "refresh" ? new Response("", { status: 503 }) : undefined);
    await refusal(clock.until(open().vault.fetch(ME)));
    api.before = () => undefined;
    expect(await userOf(open())).toBe("bob");
    expect(api.to("logout")).toEqual([]);
  });

  it.each([
    ["by the server, which was asked too often", new Response("{}", { status: 429 })],
    ["by the guard of the network, which sent nothing", new VaultError("invalid_option")],
  ])("is no debt where a login was turned away %s [P17]", async (_, end) => {
    const scene = stage();
    const { api, clock, open } = scene;
    const tab = open();
    api.before = (kind) => {
      if (kind !== "login") return undefined;
      if (end instanceof Response) return end;
      throw end;
    };
    await refusal(tab.vault.signIn(alice));
    await scene.signInOutside("bob");
    expect(await clock.until(userOf(open()))).toBe("bob");
    expect(api.to("logout")).toEqual([]);
  });

  it.each([
    ["an error of its own", new Error("the caller's own")],
    ["an error of the vault's kind", new VaultError("closed")],
  ])(
    "is owed of a login that its caller has aborted under way, by %s [P14 P20]",
    async (_, reason) => {
      const scene = stage();
      const { api, clock, open } = scene;
      api.after = (kind, reply) => (kind === "login" ? new Promise(() => {}) : reply);
      const controller = new AbortController();
      const told = open().vault.signIn(alice, { signal: controller.signal });
      await clock.advance(1_000);
      controller.abort(reason);
      await expect(told).rejects.toBe(reason);
      await clock.advance(1_000);
      expect(await refusal(clock.until(open().vault.fetch(ME)))).toMatchObject({
        code: "no_session",
      });
      expect(api.to("logout")).toHaveLength(1);
    },
  );

  it.each([
    ["meets a server in trouble", "is repeated"],
    ["meets a server in trouble", "is followed by a page that is opened"],
    ["gets its reply without the body", "is repeated"],
  ])(
    "is no debt where a search by signIn() went past a sign-out that was heard, %s, and %s [P17]",
    async (end, next) => {
      const scene = stage();
      const { api, clock, open } = scene;
      const tab = open();
      await tab.vault.signIn(alice);
      await tab.vault.signOut();
      await settle();
      await scene.signInOutside("bob");
      const isDown = end === "meets a server in trouble";
      api.before = (kind) =>
        kind === "refresh" && isDown ? new Response("", { status: 503 }) : undefined;
      api.after = (kind, reply) =>
        kind === "refresh" ? new Response("", { headers: reply.headers }) : reply;
      await refusal(clock.until(tab.vault.signIn()));
      api.before = () => undefined;
      api.after = (_, reply) => reply;
      if (next !== "is repeated") open().vault.subscribe(() => {});
      await clock.advance(1_000);
      await tab.vault.signIn();
      expect(await userOf(tab)).toBe("bob");
      expect(api.to("logout")).toHaveLength(1);
    },
  );

  it("is owed of a session that signIn() found past a sign-out, though the tab ended before it could say so [S14]", async () => {
    const scene = stage();
    const { api, clock, open, store } = scene;
    const first = open();
    await first.vault.signIn(alice);
    await first.vault.signOut();
    await settle();
    await scene.signInOutside("bob");
    const { vault } = open({ store: withoutLastWrite(store) });
    void vault.signIn().catch(() => {});
    await clock.advance(20_000);
    const other = open();
    expect(await userOf(other)).toBe("bob");
    await other.vault.signOut();
    await clock.advance(1_000);
    expect(api.users()).toEqual([]);
  });

  it("is told again where a tab ended before it knew that the server had heard, and before the next login [S14 F39]", async () => {
    const { scene, tab } = await leftOffline();
    const { api, clock, open } = scene;
    let isFirst = true;
    api.after = (kind, reply) => {
      if (kind !== "logout" || !isFirst) return reply;
      isFirst = false;
      return new Promise(() => {});
    };
    tab.isOffline = false;
    // The page goes on for a moment while it is closed, and the network is back.
    const dying = open();
    dying.vault.subscribe(() => {});
    await settle();
    expect(kinds(scene)).toEqual(["login", "logout"]);
    dying.vault.close();
    await clock.until(open().vault.signIn(bob));
    expect(kinds(scene)).toEqual(["login", "logout", "logout", "login"]);
    expect(api.users()).toEqual(["bob"]);
  });

  it("is settled by the login that is granted: no logout ends the new session [P19]", async () => {
    const { scene } = await leftOffline();
    const { api, open } = scene;
    api.before = (kind) => (kind === "logout" ? new Response("", { status: 503 }) : undefined);
    await open({ account: "work" }).vault.signIn(bob);
    const logouts = api.to("logout").length;
    const old = open();
    await refusal(old.vault.fetch(ME));
    await settle();
    expect(api.to("logout")).toHaveLength(logouts);
    expect(await userOf(open({ account: "work" }))).toBe("bob");
  });

  it("is owed of a session that was found, though the tab ended before it could say so [S14]", async () => {
    const scene = stage();
    const { api, clock, open, store } = scene;
    await scene.signInOutside("bob");
    const finder = open({ store: withoutLastWrite(store) });
    void finder.vault.fetch(ME).catch(() => {});
    await clock.advance(20_000);
    const other = open();
    expect(await userOf(other)).toBe("bob");
    await other.vault.signOut();
    await clock.advance(1_000);
    expect(api.users()).toEqual([]);
  });

  it.each([true, false])(
    "is told though its vault is closed then, awaited: %s [S14 P21]",
    async (isAwaited) => {
      const { api, open, clock } = stage();
      const { vault } = open();
      await vault.signIn(alice);
      const leaving = vault.signOut();
      if (isAwaited) await leaving;
      await clock.until(vault[Symbol.asyncDispose]());
      await leaving;
      expect([api.users(), api.to("logout").length]).toEqual([[], 1]);
    },
  );

  it("is waited for by a page that is left at once [S14 P10]", async () => {
    const { api, open } = stage();
    const { vault } = open();
    await vault.signIn(alice);
    let answer!: () => void;
    const held = new Promise<void>((resolve) => (answer = resolve));
    api.before = async (kind) => {
      if (kind === "logout") await held;
      return undefined;
    };
    let isDone = false;
    const done = vault.signOut({ untilRevoked: true }).then(() => void (isDone = true));
    await settle();
    expect([vault.snapshot().status, isDone]).toEqual(["signed-out", false]);
    answer();
    await done;
    expect(api.users()).toEqual([]);
  });
});

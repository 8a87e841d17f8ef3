/** A page's load that is a callback, in every state that a user or an attacker can bring about. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { isVaultError } from "../../../src/index.ts";
import { API, ISSUER } from "../../support/oauth-server.ts";
import { rejection } from "../../support/vault.ts";
import type { OAuthClient } from "../../../src/oauth.ts";
import { APP, back, client, openPage } from "./bare-browser.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const MINUTE = 60_000;

/** Later, by the wall clock alone. */
function later(ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}

describe("a callback", () => {
  it("signs in, cleans the URL and restores the place", async () => {
    const page = await back();
    expect(page.href).toContain("code=");
    const completing = page.oauth.completeSignIn(client, page.vault);
    // In the call's own task: nothing else of the page has seen the code.
    expect(page.href).toBe(`${APP}/callback`);
    expect(await completing).toEqual({ type: "signed-in", returnTo: "/vms?page=2#third" });
    expect(page.href).toBe(`${APP}/vms?page=2#third`);
    expect(page.history.state).toBeNull();
    expect(page.vault.snapshot()).toMatchObject({ status: "signed-in", profile: { sub: "ada" } });
  });

  it("is completed on a page whose base is of another origin [F79]", async () => {
    const page = await back();
    const { replaceState } = page.history;
    page.history.replaceState = (state, _, to) =>
      replaceState(state, _, String(new URL(to, "https://cdn.example/")));
    const outcome = await page.oauth.completeSignIn(client, page.vault);
    expect(outcome).toEqual({ type: "signed-in", returnTo: "/vms?page=2#third" });
    expect(page.href).toBe(`${APP}/vms?page=2#third`);
    expect(page.history.state).toBeNull();
  });

  it("is completed once where it is asked for twice at once (StrictMode)", async () => {
    const page = await back();
    const [one, two] = await Promise.all([
      page.oauth.completeSignIn(client, page.vault),
      page.oauth.completeSignIn(client, page.vault),
    ]);
    expect(one).toEqual({ type: "signed-in", returnTo: "/vms?page=2#third" });
    expect(two).toBe(one);
    expect(page.server.to("/token")).toHaveLength(1);
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({ type: "none" });
  });

  it.each([
    "/vms?page=2",
    "/callback",
    "/callback?code=1",
    "/callback?state=1",
    "/?code=1&state=2",
  ])("is none at %s, and the URL stays", async (path) => {
    const page = await openPage();
    page.href = APP + path;
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({ type: "none" });
    expect(page.href).toBe(APP + path);
  });

  it("that the user denied says so, and the place is restored", async () => {
    const page = await openPage();
    await page.oauth.beginSignIn(client);
    const state = new URL(page.left[0]!).searchParams.get("state");
    const query = `error=access_denied&error_description=No&iss=${encodeURIComponent(ISSUER)}`;
    await page.load(`${APP}/callback?${query}&state=${state}`);
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({
      type: "denied",
      error: "access_denied",
      description: "No",
      returnTo: "/vms?page=2#third",
    });
    expect(page.href).toBe(`${APP}/vms?page=2#third`);
    expect(page.server.to("/token")).toEqual([]);
  });

  it("whose code the server refuses rejects as signIn does, and the place is restored", async () => {
    const page = await back();
    page.server.token = () => Response.json({ error: "invalid_grant" }, { status: 400 });
    const error = await rejection(page.oauth.completeSignIn(client, page.vault));
    expect(error).toMatchObject({ code: "credentials_refused" });
    expect(page.href).toBe(`${APP}/vms?page=2#third`);
  });

  it("leaves to a router what it keeps in the history entry", async () => {
    const page = await back();
    page.history.state = { idx: 7 };
    await page.oauth.completeSignIn(client, page.vault);
    expect(page.history.state).toEqual({ idx: 7 });
  });

  it("is handed to a server, where the vault of a confidential client lives", async () => {
    const page = await back();
    const secret = "the-server's-own";
    const { createVault } = await import("../../../src/index.ts");
    const { oauth2 } = await import("../../../src/providers/oauth2.ts");
    const { memoryStore } = await import("../../../src/stores/memory.ts");
    const onServer = createVault({
      provider: oauth2({ ...client, name: "acme", origins: [API], clientSecret: secret }),
      store: memoryStore(),
      fetch: page.server.fetch,
    });
    // What goes over the wire is JSON, and all that the page ever holds.
    const signIn = (code: object): Promise<void> =>
      onServer.signIn(JSON.parse(JSON.stringify(code)));
    expect(await page.oauth.completeSignIn(client, { signIn })).toMatchObject({
      type: "signed-in",
    });
    expect(onServer.snapshot()).toMatchObject({ status: "signed-in", profile: { sub: "ada" } });
    expect(atob(page.server.to("/token")[0]!.headers.get("authorization")!.slice(6))).toContain(
      ":",
    );
  });

  it("of a login that is older than maxAge allows signs nobody in", async () => {
    const page = await openPage();
    page.server.idToken = (told) => ({ ...told, auth_time: Number(told["iat"]) - 600 });
    for (const [maxAge, type] of [
      [300, "sign_in_failed"],
      [900, "signed-in"],
    ] as const) {
      await page.oauth.beginSignIn(client, { maxAge });
      await page.load(page.login());
      const outcome = page.oauth.completeSignIn(client, page.vault).catch((error) => error);
      expect(Object.values(await outcome)).toContain(type);
    }
  });

  it.each([
    [5 * 60_000, 0, "signed-in"],
    [5 * 60_000, 120, "sign_in_failed"],
    [0, 120, "sign_in_failed"],
  ])(
    "after %i ms at the server's pages counts maxAge: 0 from its beginning, by a login %i s before it: %s",
    async (ms, before, type) => {
      const page = await openPage();
      const begunAt = Date.now();
      page.server.idToken = (told) => ({
        ...told,
        iat: Math.floor(Date.now() / 1_000),
        auth_time: Math.floor(begunAt / 1_000) - before,
      });
      await page.oauth.beginSignIn(client, { maxAge: 0 });
      await page.load(page.login());
      // A consent page, perhaps.
      later(ms);
      const outcome = page.oauth.completeSignIn(client, page.vault).catch((error) => error);
      expect(Object.values(await outcome)).toContain(type);
    },
  );

  it("leaves an application alone that has gone elsewhere meanwhile", async () => {
    const page = await back();
    const completing = page.oauth.completeSignIn(client, page.vault);
    page.href = `${APP}/elsewhere`;
    await completing;
    expect(page.href).toBe(`${APP}/elsewhere`);
  });
});

describe("a stale callback", () => {
  it("opened twice is told as used (replay of a callback)", async () => {
    const page = await back();
    const { href } = page;
    await page.oauth.completeSignIn(client, page.vault);
    await page.load(href);
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({
      type: "stale",
      reason: "used",
    });
    expect(page.href).toBe(`${APP}/callback`);
    expect(page.server.to("/token")).toHaveLength(1);
    expect(page.vault.snapshot().status).toBe("signed-in");
  });

  it("opened in two tabs at once is completed in one", async () => {
    const page = await back();
    const { href } = page;
    const first = page.oauth.completeSignIn(client, page.vault);
    const other = await page.load(href);
    const outcomes = await Promise.all([first, other.completeSignIn(client, page.vault)]);
    expect(outcomes.map(({ type }) => type).toSorted()).toEqual(["signed-in", "stale"]);
    expect(page.server.to("/token")).toHaveLength(1);
  });

  it.each([11 * MINUTE, 24 * 60 * MINUTE, -11 * MINUTE])(
    "opened %i ms later is told as expired",
    async (ms) => {
      const page = await back();
      later(ms);
      expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({
        type: "stale",
        reason: "expired",
      });
      expect(page.server.to("/token")).toEqual([]);
    },
  );

  it("is still good after nine minutes", async () => {
    const page = await back();
    later(9 * MINUTE);
    expect(await page.oauth.completeSignIn(client, page.vault)).toMatchObject({
      type: "signed-in",
    });
  });

  it("that was never begun here is unknown (CSRF on the callback)", async () => {
    const page = await openPage();
    await page.load(`${APP}/callback?code=mallorys&state=mallorys&iss=${ISSUER}`);
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({
      type: "stale",
      reason: "unknown",
    });
    expect(page.href).toBe(`${APP}/callback`);
    expect(page.server.to("/token")).toEqual([]);
  });

  it("with another's state and this login's code is unknown", async () => {
    const page = await back();
    await page.load(page.href.replace(/state=[\w-]+/, "state=another"));
    expect(await page.oauth.completeSignIn(client, page.vault)).toMatchObject({
      reason: "unknown",
    });
    expect(page.server.to("/token")).toEqual([]);
  });

  it("of a page that was reloaded in mid-callback is told as interrupted", async () => {
    const page = await back();
    void page.oauth.completeSignIn(client, { signIn: () => new Promise(() => {}) });
    const { href } = page;
    await page.load(href);
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({
      type: "stale",
      reason: "interrupted",
    });
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({ type: "none" });
  });

  it("does not go by what somebody has put into the database", async () => {
    const page = await back();
    const state = new URL(page.href).searchParams.get("state");
    const db = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open("tokenkeep-oauth");
      request.onsuccess = () => resolve(request.result);
    });
    // The entry of one login under the name of another: the seal is bound to the state.
    await new Promise((resolve) => {
      const transaction = db.transaction("logins", "readwrite");
      const store = transaction.objectStore("logins");
      const keys = store.getAllKeys();
      const all = store.getAll();
      all.onsuccess = () => {
        store.put(all.result[0], String(keys.result[0]).replace(state ?? "", "mallorys"));
        transaction.oncomplete = resolve;
      };
    });
    await page.load(page.href.replace(/state=[\w-]+/, "state=mallorys"));
    expect(await page.oauth.completeSignIn(client, page.vault)).toMatchObject({
      reason: "unknown",
    });
  });
});

describe("mix-up", () => {
  it.each([
    ["another issuer", (href: string) => href.replace(/iss=[^&]+/, "iss=https://evil.test")],
    ["no issuer where one is promised", (href: string) => href.replace(/&iss=[^&]+/, "")],
    ["two issuers", (href: string) => `${href}&iss=https://evil.test`],
  ])("a callback of %s spends no code", async (_, change) => {
    const page = await back();
    await page.load(change(page.href));
    const error = await rejection(page.oauth.completeSignIn(client, page.vault));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "issuer_mismatch" });
    expect(page.server.to("/token")).toEqual([]);
    expect(page.href).toBe(`${APP}/vms?page=2#third`);
  });

  it("a login at a server without an issuer is not completed at another's endpoints [S11]", async () => {
    const at = (host: string): OAuthClient => ({
      clientId: client.clientId,
      redirectUri: "/callback",
      endpoints: { authorization: `https://${host}/authorize`, token: `https://${host}/token` },
    });
    const page = await openPage();
    await page.oauth.beginSignIn(at("one.test"));
    const state = new URL(page.left[0]!).searchParams.get("state");
    await page.load(`${APP}/callback?code=1&state=${state}`);
    const signIn = vi.fn(async () => {});
    expect(await page.oauth.completeSignIn(at("two.test"), { signIn })).toMatchObject({
      reason: "unknown",
    });
    expect(signIn).not.toHaveBeenCalled();
    await page.load(`${APP}/callback?code=1&state=${state}`);
    expect(await page.oauth.completeSignIn(at("one.test"), { signIn })).toMatchObject({
      type: "signed-in",
    });
  });

  it("a client without an issuer is told to have one, where the server names itself", async () => {
    const { issuer: _, scope: _s, ...rest } = client;
    const nameless = { ...rest, endpoints: { authorization: `${ISSUER}/authorize` } };
    const page = await openPage();
    await page.oauth.beginSignIn(nameless);
    await page.load(page.login());
    const error = await rejection(page.oauth.completeSignIn(nameless, page.vault));
    expect(error).toMatchObject({
      reason: "issuer_mismatch",
      message: expect.stringContaining("Give the client its issuer"),
    });
  });

  it("a login begun for one client is not completed for another", async () => {
    const page = await back();
    const other = { ...client, issuer: "https://other.test" };
    expect(await page.oauth.completeSignIn(other, page.vault)).toMatchObject({ reason: "unknown" });
    expect(page.server.to("/token")).toEqual([]);
  });
});

describe("two logins in two tabs at once", () => {
  it("are two, and each is completed in its own tab", async () => {
    const page = await openPage();
    await page.oauth.beginSignIn(client, { returnTo: "/one" });
    await page.oauth.beginSignIn(client, { returnTo: "/two" });
    const [one, two] = page.left.map((url) => page.server.login(url));
    await page.load(two!);
    const second = await page.oauth.completeSignIn(client, page.vault);
    await page.load(one!);
    const first = await page.oauth.completeSignIn(client, page.vault);
    expect([first, second]).toEqual([
      { type: "signed-in", returnTo: "/one" },
      { type: "signed-in", returnTo: "/two" },
    ]);
  });
});

describe("afterwards", () => {
  it("is completed by the client that began it, where two differ in the query alone [S11]", async () => {
    const page = await openPage();
    const [ada, grace] = ["ada", "grace"].map((name) => ({
      ...client,
      redirectUri: `/callback?account=${name}`,
    })) as [OAuthClient, OAuthClient];
    await page.oauth.beginSignIn(grace);
    await page.load(page.login());
    const signIn = vi.fn();
    expect(await page.oauth.completeSignIn(ada, { signIn })).toEqual({ type: "none" });
    expect(signIn).not.toHaveBeenCalled();
    expect(page.href).toContain("code=");
    const outcome = await page.oauth.completeSignIn(grace, page.vault);
    expect(outcome).toEqual({ type: "signed-in", returnTo: "/vms?page=2#third" });
    expect(page.href).not.toContain("code=");
  });

  it("is completed though another client of the page looks at the same time [S11]", async () => {
    const page = await openPage();
    const other = { ...client, redirectUri: "/other" };
    await page.oauth.beginSignIn(client);
    await page.load(page.login());
    const signIn = vi.fn();
    const outcomes = await Promise.all([
      page.oauth.completeSignIn(other, { signIn }),
      page.oauth.completeSignIn(client, page.vault),
    ]);
    expect(outcomes.map(({ type }) => type)).toEqual(["none", "signed-in"]);
    expect(signIn).not.toHaveBeenCalled();
  });

  it("userinfo that is not to be had now is no user without claims", async () => {
    const page = await back();
    await page.oauth.completeSignIn(client, page.vault);
    const headers = { "retry-after": "7" };
    page.server.answer = ({ path }) =>
      path === "/userinfo" ? new Response("busy", { status: 503, headers }) : undefined;
    expect(await rejection(page.oauth.readUserInfo(client, page.vault))).toMatchObject({
      code: "sign_in_failed",
      status: 503,
      retryAfter: 7_000,
    });
  });

  it("userinfo that never begins is given up [F84]", async () => {
    const page = await back();
    await page.oauth.completeSignIn(client, page.vault);
    const asked: (AbortSignal | null | undefined)[] = [];
    const silent = {
      snapshot: () => page.vault.snapshot(),
      fetch: (_: string, init?: RequestInit) =>
        new Promise<Response>(() => void asked.push(init?.signal)),
    };
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const reading = rejection(page.oauth.readUserInfo(client, silent));
    while (!asked.length) await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await reading).toMatchObject({ code: "sign_in_failed", reason: "timed_out" });
    expect(asked[0]?.aborted).toBe(true);
  });

  it("userinfo that never ends is given up [F84]", async () => {
    const page = await back();
    await page.oauth.completeSignIn(client, page.vault);
    let isGone = false;
    const endless = new ReadableStream<Uint8Array>({
      start: (to) => to.enqueue(new TextEncoder().encode("{")),
      cancel: () => void (isGone = true),
    });
    let isAsked = false;
    page.server.answer = ({ path }) => {
      if (path !== "/userinfo") return undefined;
      isAsked = true;
      return new Response(endless);
    };
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const reading = rejection(page.oauth.readUserInfo(client, page.vault));
    while (!isAsked) await new Promise((resolve) => setImmediate(resolve));
    while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await reading).toMatchObject({ code: "sign_in_failed", reason: "timed_out" });
    await vi.waitFor(() => expect(isGone).toBe(true));
  });

  it("userinfo is read with the session's token, and is this user's only", async () => {
    const page = await back();
    await page.oauth.completeSignIn(client, page.vault);
    expect(await page.oauth.readUserInfo(client, page.vault)).toMatchObject({
      sub: "ada",
      email: "ada@acme.test",
    });
    expect(page.server.to("/userinfo")[0]?.headers.get("authorization")).toMatch(/^Bearer access-/);
    page.server.answer = ({ path }) =>
      path === "/userinfo" ? Response.json({ sub: "mallory" }) : undefined;
    expect(await page.oauth.readUserInfo(client, page.vault)).toBeUndefined();
    page.server.answer = ({ path }) =>
      path === "/userinfo" ? new Response("<html>", { status: 403 }) : undefined;
    expect(await page.oauth.readUserInfo(client, page.vault)).toBeUndefined();
    expect(API).not.toBe(ISSUER);
  });

  it("signing out ends the session here, revokes it, and leaves for the server's logout [S14]", async () => {
    const page = await back();
    await page.oauth.completeSignIn(client, page.vault);
    await page.oauth.beginSignOut(client, page.vault, { returnTo: "/bye" });
    expect(page.vault.snapshot().status).toBe("signed-out");
    const url = new URL(page.left.at(-1)!);
    expect(url.origin + url.pathname).toBe(`${ISSUER}/logout`);
    expect(url.searchParams.get("post_logout_redirect_uri")).toBe(`${APP}/bye`);
    await vi.waitFor(() => expect(page.server.to("/revoke")).toHaveLength(1));
  });

  it("signing out ends the grant before the page is left, and tells whose login to end [S14]", async () => {
    const page = await back();
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    page.server.answer = async ({ path }) => {
      if (path !== "/revoke") return undefined as never;
      await held;
      return new Response(null);
    };
    await page.oauth.completeSignIn(client, page.vault);
    const before = page.left.length;
    const leaving = page.oauth.beginSignOut(client, {
      signOut: (options) => page.vault.signOut(options),
      snapshot: () => ({ profile: { id_token: "the.id.token" } }),
    });
    await vi.waitFor(() => expect(page.server.to("/revoke")).toHaveLength(1));
    expect(page.left).toHaveLength(before);
    answer();
    await leaving;
    expect(new URL(page.left.at(-1)!).searchParams.get("id_token_hint")).toBe("the.id.token");
  });

  it.each<[string, Record<string, unknown>, OAuthClient]>([
    ["tells no logout page", {}, client],
    ["tells one by http", { end_session_endpoint: "http://login.acme.test/logout" }, client],
    [
      "is known by endpoints without one",
      {},
      { ...client, endpoints: { authorization: `${ISSUER}/authorize`, token: `${ISSUER}/token` } },
    ],
  ])(
    "signing out at a server that %s is done here, and the error says so [S14 F87]",
    async (_, told, at) => {
      const page = await back();
      await page.oauth.completeSignIn(client, page.vault);
      // A new load, so that the server is looked up anew.
      await page.load(page.href);
      page.server.answer = ({ path }) =>
        path.startsWith("/.well-known/") ? Response.json({ issuer: ISSUER, ...told }) : undefined;
      const before = page.left.length;
      const error = await rejection(page.oauth.beginSignOut(at, page.vault));
      expect(isVaultError(error)).toBe(true);
      expect(error).toMatchObject({ code: "invalid_option", reason: "metadata_invalid" });
      expect(error.message).toMatch(
        /^Cannot go to the server's logout page: .*The session here has ended/,
      );
      expect(page.vault.snapshot().status).toBe("signed-out");
      await vi.waitFor(() => expect(page.server.to("/revoke")).toHaveLength(1));
      expect(page.left).toHaveLength(before);
    },
  );

  it("signing out here works where the server cannot be reached", async () => {
    const page = await back();
    await page.oauth.completeSignIn(client, page.vault);
    await page.load(page.href);
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
    const error = await rejection(page.oauth.beginSignOut(client, page.vault));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "no_connection" });
    expect(error.message).toBe(
      "Cannot go to the server's logout page: no connection. The session here has ended: try again, or go on without that page.",
    );
    expect(page.vault.snapshot().status).toBe("signed-out");
    expect(
      await rejection(page.oauth.beginSignOut(client, page.vault, { returnTo: "//e.test" })),
    ).toMatchObject({ code: "invalid_option" });
  });
});

/** What the browser leaves with, and what is kept until it is back. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { API, CLIENT, ISSUER } from "../../support/oauth-server.ts";
import { rejection } from "../../support/vault.ts";
import { APP, client, openPage, type Page } from "./bare-browser.ts";

afterEach(() => vi.unstubAllGlobals());

const query = (url: string | undefined): Record<string, string> =>
  Object.fromEntries(new URL(url ?? "").searchParams);

/** Metadata that stands at RFC 8414's address, while it is there; `usual` answers at OpenID Connect's. */
function elsewhere(page: Page, usual: () => Response | void): { isThere: boolean } {
  const at = { isThere: true };
  page.server.answer = ({ path }) => {
    if (path === "/.well-known/openid-configuration") return usual() ?? undefined;
    if (path !== "/.well-known/oauth-authorization-server" || !at.isThere) return undefined;
    return Response.json({ issuer: ISSUER, authorization_endpoint: `${ISSUER}/elsewhere` });
  };
  return at;
}

describe("a login that is begun", () => {
  it("leaves for the server's login page, with PKCE, state and nonce", async () => {
    const page = await openPage();
    await page.oauth.beginSignIn(client);
    expect(page.left[0]).toMatch(`${ISSUER}/authorize?`);
    const random = expect.stringMatching(/^[\w-]{43}$/);
    expect(query(page.left[0])).toEqual({
      response_type: "code",
      client_id: CLIENT,
      redirect_uri: `${APP}/callback`,
      scope: "openid offline_access",
      state: random,
      nonce: random,
      code_challenge: random,
      code_challenge_method: "S256",
    });
    await page.oauth.beginSignIn(client);
    for (const name of ["state", "nonce", "code_challenge"])
      expect(query(page.left[1])[name]).not.toBe(query(page.left[0])[name]);
  });

  it("says what the application wants of the login, and nothing that would weaken it", async () => {
    const page = await openPage();
    await page.oauth.beginSignIn(
      { ...client, resource: [API, `${API}/2`] },
      {
        prompt: "login",
        loginHint: "ada@acme.test",
        maxAge: 60,
        parameters: {
          audience: "x",
          state: "mine",
          response_type: "token",
          response_mode: "form_post",
          code_challenge_method: "plain",
          redirect_uri: "https://evil.test",
          client_id: "another",
          nonce: "mine",
        },
      },
    );
    expect(query(page.left[0])).toMatchObject({
      prompt: "login",
      login_hint: "ada@acme.test",
      max_age: "60",
      audience: "x",
      response_type: "code",
      code_challenge_method: "S256",
      client_id: CLIENT,
      redirect_uri: `${APP}/callback`,
    });
    const { searchParams } = new URL(page.left[0]!);
    expect(searchParams.getAll("resource")).toEqual([API, `${API}/2`]);
    expect(searchParams.get("state")).not.toBe("mine");
    expect(searchParams.get("nonce")).not.toBe("mine");
  });

  it("says what its client says each time, and the login's own words in their place", async () => {
    const page = await openPage();
    const parameters = { audience: "things", prompt: "consent", state: "mine" };
    const speaking = { ...client, parameters };
    await page.oauth.beginSignIn(speaking);
    await page.oauth.beginSignIn(speaking, { prompt: "login", parameters: { audience: "others" } });
    const [first, second] = page.left.map(query);
    expect(first).toMatchObject({ audience: "things", prompt: "consent" });
    expect(second).toMatchObject({ audience: "others", prompt: "login" });
    expect(first?.["state"]).not.toBe("mine");
  });

  it("with other words is another client's login: its code is redeemed for nobody else [S11]", async () => {
    const page = await openPage();
    await page.oauth.beginSignIn({ ...client, parameters: { audience: "things" } });
    await page.load(page.login());
    const others = { ...client, parameters: { audience: "others" } };
    const outcome = await page.oauth.completeSignIn(others, page.vault);
    expect(outcome).toEqual({ type: "stale", reason: "unknown" });
    expect(page.server.to("/token")).toEqual([]);
  });

  it("from the callback's own page comes back to the start, elsewhere to where it was", async () => {
    const page = await openPage();
    page.href = `${APP}/callback`;
    await page.oauth.beginSignIn(client);
    await page.load(page.login());
    expect(await page.oauth.completeSignIn(client, page.vault)).toMatchObject({ returnTo: "/" });
  });

  it("says prompt and login_hint where they come as parameters, too", async () => {
    const page = await openPage();
    const parameters = { prompt: "none", login_hint: "ada", max_age: "0" };
    await page.oauth.beginSignIn(client, { parameters });
    expect(query(page.left[0])).toMatchObject({ prompt: "none", login_hint: "ada" });
    // What would not be checked is not asked for.
    expect(query(page.left[0])).not.toHaveProperty("max_age");
  });

  it("follows no redirect of metadata [S2]", async () => {
    const page = await openPage();
    const location = "https://evil.test/";
    page.server.answer = () => new Response(null, { status: 307, headers: { location } });
    await page.load(page.href);
    const error = await rejection(page.oauth.beginSignIn(client));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "redirected", status: 307 });
    expect(page.server.seen).toHaveLength(1);
  });

  it("keeps what it needs sealed, and not in the clear [S8]", async () => {
    const page = await openPage();
    await page.oauth.beginSignIn(client);
    const db = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open("tokenkeep-oauth");
      request.onsuccess = () => resolve(request.result);
    });
    const entries = await new Promise<any[]>((resolve) => {
      const request = db.transaction("logins").objectStore("logins").getAll();
      request.onsuccess = () => resolve(request.result);
    });
    expect(entries).toHaveLength(1);
    expect(entries[0].key.extractable).toBe(false);
    expect(Object.keys(entries[0]).toSorted()).toEqual(["at", "data", "iv", "key"]);
    expect(Buffer.from(entries[0].data).toString("latin1")).not.toContain("codeVerifier");
  });

  it.each([
    "https://evil.test/",
    "//evil.test",
    "/.//evil.test",
    "javascript:alert(1)",
    "\\\\evil",
  ])("takes no place elsewhere to come back to: %s (open redirect)", async (returnTo) => {
    const page = await openPage();
    const error = await rejection(page.oauth.beginSignIn(client, { returnTo }));
    expect(error).toMatchObject({ code: "invalid_option" });
    expect(page.left).toEqual([]);
  });

  it("goes to no server without PKCE (PKCE downgrade)", async () => {
    const page = await openPage();
    page.server.metadata = (told) => ({ ...told, code_challenge_methods_supported: ["plain"] });
    await page.load(page.href);
    const error = await rejection(page.oauth.beginSignIn(client));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "pkce_unsupported" });
    expect(page.left).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["of another issuer", { issuer: "https://evil.test" }, "issuer_mismatch"],
    ["without an issuer", { issuer: undefined }, "metadata_invalid"],
    [
      "with a login page that is script",
      { authorization_endpoint: "javascript:1" },
      "metadata_invalid",
    ],
    [
      "with one over http",
      { authorization_endpoint: "http://login.acme.test/" },
      "metadata_invalid",
    ],
  ])("goes by no metadata that lies: %s [S3]", async (_, lie, reason) => {
    const page = await openPage();
    page.server.metadata = (told) => ({ ...told, ...lie });
    await page.load(page.href);
    const error = await rejection(page.oauth.beginSignIn(client));
    expect(error).toMatchObject({ code: "sign_in_failed", reason });
    expect(page.left).toEqual([]);
  });

  it("finds metadata at RFC 8414's address too, and says when there is none", async () => {
    const page = await openPage();
    const at = elsewhere(page, () => new Response(null, { status: 404 }));
    await page.load(page.href);
    await page.oauth.beginSignIn(client);
    expect(page.left).toHaveLength(1);
    at.isThere = false;
    await page.load(page.href);
    const error = await rejection(page.oauth.beginSignIn(client));
    expect(error).toMatchObject({ reason: "metadata_missing", status: 404 });
  });

  it("finds metadata at RFC 8414's address where a page cannot read the other one's 404", async () => {
    const page = await openPage();
    const at = elsewhere(page, () => {
      throw new TypeError("no CORS");
    });
    await page.load(page.href);
    await page.oauth.beginSignIn(client);
    expect(page.left).toHaveLength(1);
    at.isThere = false;
    await page.load(page.href);
    const error = await rejection(page.oauth.beginSignIn(client));
    expect(error).toMatchObject({
      reason: "no_connection",
      message: expect.stringContaining("CORS"),
    });
  });

  it("looks again at the address that tells more, where that was only out of reach", async () => {
    const page = await openPage();
    let isAway = true;
    elsewhere(page, () => {
      if (isAway) throw new TypeError("network");
    });
    await page.load(page.href);
    await page.oauth.beginSignIn(client);
    isAway = false;
    await page.oauth.beginSignIn(client);
    expect(page.left.map((url) => new URL(url).pathname)).toEqual(["/elsewhere", "/authorize"]);
  });

  it("at a server that is silent says so [F87]", async () => {
    const page = await openPage();
    const soon = new AbortController();
    vi.spyOn(AbortSignal, "timeout").mockReturnValue(soon.signal);
    vi.stubGlobal("fetch", (_: string, { signal }: RequestInit) => {
      soon.abort(new DOMException("late", "TimeoutError"));
      return Promise.reject(signal?.reason);
    });
    await page.load(page.href);
    const error = await rejection(page.oauth.beginSignIn(client));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "timed_out" });
  });

  it("at a place that no router takes for one of this origin comes back to the root", async () => {
    const page = await openPage();
    page.href = `${APP}//vms`;
    await page.oauth.beginSignIn(client);
    await page.load(page.login());
    expect(await page.oauth.completeSignIn(client, page.vault)).toEqual({
      type: "signed-in",
      returnTo: "/",
    });
    // Asked for, it is an error all the same.
    const error = await rejection(page.oauth.beginSignIn(client, { returnTo: `${APP}//vms` }));
    expect(error).toMatchObject({ code: "invalid_option" });
  });

  it.each<[string, object, object]>([
    ["clientId", { clientId: "" }, {}],
    ["dangerouslyAllowLoopbackHttp: true in the client", { issuer: "http://localhost:3000" }, {}],
    ["issuer", { issuer: "http://login.acme.test" }, {}],
    ["issuer", { issuer: undefined }, {}],
    ["openid", { issuer: undefined, endpoints: { authorization: `${ISSUER}/authorize` } }, {}],
    ["scope", {}, { scope: ["vms:write"] }],
    ["redirectUri", { redirectUri: "https://other.test/callback" }, {}],
    ["maxAge", {}, { maxAge: -1 }],
    ["maxAge", {}, { maxAge: Infinity }],
    ["maxAge", {}, { maxAge: "60" }],
    ["openid", { scope: "vms:write" }, { maxAge: 0 }],
    ["parameters", {}, { parameters: { audience: 7 } }],
    ["prompt", {}, { prompt: ["login"] }],
  ])("with a wrong %s is told [F87]", async (word, wrong, options) => {
    const page = await openPage();
    const error = await rejection(page.oauth.beginSignIn({ ...client, ...wrong }, options));
    expect(error).toMatchObject({ code: "invalid_option", message: expect.stringContaining(word) });
    expect(page.left).toEqual([]);
  });

  it.each<[string, unknown]>([
    [
      "is denied",
      {
        open: () => {
          throw new DOMException("no", "SecurityError");
        },
      },
    ],
    ["is missing", undefined],
  ])("does not leave where the database %s", async (_, factory) => {
    const page = await openPage();
    vi.stubGlobal("indexedDB", factory);
    const error = await rejection(page.oauth.beginSignIn(client));
    expect(error).toMatchObject({ code: "store_unavailable" });
    expect(page.left).toEqual([]);
  });
});

describe("a login that is pushed to the server (RFC 9126)", () => {
  const URN = "urn:ietf:params:oauth:request_uri:1";

  async function pushing(
    answer: () => Response | Promise<Response>,
    more: Record<string, unknown> = {},
  ): Promise<Page> {
    const page = await openPage();
    page.server.metadata = (told) => ({
      ...told,
      pushed_authorization_request_endpoint: `${ISSUER}/par`,
      ...more,
    });
    page.server.answer = ({ path }) => (path === "/par" ? answer() : undefined);
    await page.load(page.href);
    return page;
  }

  it("shows the browser nothing but the name of the request", async () => {
    const page = await pushing(() =>
      Response.json({ request_uri: URN, expires_in: 60 }, { status: 201 }),
    );
    await page.oauth.beginSignIn({ ...client, resource: [API, `${API}/2`] }, { loginHint: "ada" });
    expect(query(page.left[0])).toEqual({ client_id: CLIENT, request_uri: URN });
    const [{ form, headers, init } = page.server.seen[0]!] = page.server.to("/par");
    expect(headers.get("content-type")).toBe("application/x-www-form-urlencoded");
    expect(init).toMatchObject({ redirect: "manual", credentials: "omit" });
    expect(Object.fromEntries(form)).toMatchObject({
      response_type: "code",
      client_id: CLIENT,
      login_hint: "ada",
      state: expect.any(String),
      nonce: expect.any(String),
      code_challenge_method: "S256",
    });
    expect(form.getAll("resource")).toEqual([API, `${API}/2`]);
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ["lets no page in by CORS", () => Promise.reject(new TypeError("CORS"))],
    ["wants a secret", () => Response.json({ error: "invalid_client" }, { status: 401 })],
    ["answers something else", () => new Response("<html>", { status: 200 })],
    ["leads elsewhere", () => new Response(null, { status: 307, headers: { location: "/x" } })],
  ])("goes by the browser as ever where the server %s and does not insist", async (_, answer) => {
    const page = await pushing(answer);
    await page.oauth.beginSignIn(client);
    expect(query(page.left[0])).toMatchObject({ response_type: "code", state: expect.any(String) });
  });

  it("does not begin where the server insists and refuses", async () => {
    const page = await pushing(() => Response.json({ error: "invalid_request" }, { status: 400 }), {
      require_pushed_authorization_requests: true,
    });
    const error = await rejection(page.oauth.beginSignIn(client));
    expect(error).toMatchObject({
      code: "sign_in_failed",
      reason: "pushed_request_refused",
      status: 400,
    });
    expect(page.left).toEqual([]);
  });

  it("goes by the page's own server where the client says so, and never by another way", async () => {
    const page = await pushing(() => Response.json({ request_uri: "urn:by-the-page" }));
    const mine = { ...client, pushedBy: "/login/push" };
    page.server.answer = ({ path }) =>
      path === "/login/push" ? Response.json({ request_uri: URN }, { status: 201 }) : undefined;
    await page.oauth.beginSignIn(mine);
    expect(query(page.left[0])).toEqual({ client_id: CLIENT, request_uri: URN });
    expect(page.server.to("/par")).toEqual([]);
    page.server.answer = ({ path }) =>
      path === "/login/push" ? new Response(null, { status: 503 }) : undefined;
    const error = await rejection(page.oauth.beginSignIn(mine));
    expect(error).toMatchObject({ reason: "pushed_request_refused", status: 503 });
    expect(page.left).toHaveLength(1);
  });

  it("is pushed by no server of another origin, and nothing is begun then [S2]", async () => {
    const page = await openPage();
    for (const pushedBy of ["https://evil.test/push", "//evil.test/push"]) {
      const error = await rejection(page.oauth.beginSignIn({ ...client, pushedBy }));
      expect(error).toMatchObject({ code: "invalid_option" });
    }
    expect(page.server.seen.filter(({ method }) => method === "POST")).toEqual([]);
    expect(page.left).toEqual([]);
  });
});

describe("a step-up", () => {
  it("asks for more scope, once each, and is completed by the client as it is", async () => {
    const page = await openPage();
    await page.oauth.beginSignIn(client, { scope: "vms:write openid" });
    expect(query(page.left[0])).toMatchObject({ scope: "openid offline_access vms:write" });
    await page.load(page.login());
    expect(await page.oauth.completeSignIn(client, page.vault)).toMatchObject({
      type: "signed-in",
    });
    // RFC 6749 §5.1: the reply names no scope, because it grants what was asked for.
    expect(page.vault.snapshot().scope).toBe("openid offline_access vms:write");
  });
});

it("without Web Crypto no login begins, and nothing is asked: an insecure page [F87]", async () => {
  const page = await openPage();
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  const error = await rejection(page.oauth.beginSignIn(client));
  expect(error).toMatchObject({ name: "VaultError", code: "store_unavailable" });
  expect(String(error)).toContain("https or localhost");
  expect(page.server.seen).toEqual([]);
});

describe("a popup", () => {
  it("that the browser does not open is told as blocked, and nothing is begun", async () => {
    const page = await openPage();
    expect(await page.oauth.signInByPopup(client, page.vault)).toEqual({ type: "blocked" });
    expect(page.server.seen).toEqual([]);
    const error = await rejection(page.oauth.signInByPopup(client, page.vault, { width: 0 }));
    expect(error).toMatchObject({ code: "invalid_option" });
  });

  it("is one, though a second click comes while the browser still opens it", async () => {
    const page = await openPage();
    const ask = (): Promise<unknown> => page.oauth.signInByPopup(client, page.vault);
    let second: Promise<unknown> | undefined;
    // Firefox runs the page's other tasks before `open` returns.
    const open = vi.fn<() => null>(() => {
      if (open.mock.calls.length === 1) second = ask();
      return null;
    });
    vi.stubGlobal("window", { open });
    expect(await Promise.all([ask(), second])).toEqual([{ type: "blocked" }, { type: "blocked" }]);
    expect(open).toHaveBeenCalledOnce();
    await ask();
    expect(open).toHaveBeenCalledTimes(2);
  });

  it("whose signal is aborted while the browser still opens it is closed", async () => {
    const page = await openPage();
    const controller = new AbortController();
    const close = vi.fn<() => void>();
    vi.stubGlobal("window", {
      open() {
        controller.abort(new Error("the user has gone on"));
        return { closed: false, close };
      },
    });
    const { signal } = controller;
    const error = await rejection(page.oauth.signInByPopup(client, page.vault, { signal }));
    expect(error).toMatchObject({ message: "the user has gone on" });
    expect(close).toHaveBeenCalledOnce();
    expect(page.server.seen).toEqual([]);
  });
});

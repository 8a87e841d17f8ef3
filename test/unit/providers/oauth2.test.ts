/** The OAuth 2.0 mechanism: what it sends, what it makes of the answers, and what it lets nobody do. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { inspect } from "node:util";
import { createVault, type Vault } from "../../../src/index.ts";
import { type CodeCredentials, oauth2, type OAuth2Options } from "../../../src/providers/oauth2.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Clock, ExchangeContext, Fetch } from "../../../src/types.ts";
import { manualClock, settle } from "../../support/clock.ts";
import { API, CLIENT, ISSUER } from "../../support/oauth-server.ts";
import { rejection } from "../../support/vault.ts";
import { HOUR, options, signedIn, stage } from "./oauth2-stage.ts";

/** What the engine gives with each exchange. */
const contextOf = (clock: Clock): ExchangeContext => ({
  store: memoryStore(),
  key: "acme",
  standing: async () => "good",
  clock,
  isClosed: () => false,
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a code", () => {
  it("is redeemed once by who began the login, and its ID token is shown [S2 S12]", async () => {
    const { server, vault } = await signedIn();
    const { form, headers, init } = server.to("/token")[0]!;
    expect(Object.fromEntries(form)).toMatchObject({
      grant_type: "authorization_code",
      client_id: CLIENT,
      code_verifier: expect.any(String),
      redirect_uri: "https://app.acme.test/callback",
    });
    expect([...headers.keys()].toSorted()).toEqual(["accept", "content-type"]);
    expect(init).toMatchObject({ redirect: "manual", credentials: "omit", cache: "no-store" });
    expect(await vault.authorization()).toMatch(/^Bearer access-/);
    expect(vault.snapshot().profile).toMatchObject({ sub: "ada", name: "Ada", iss: ISSUER });
    expect(vault.snapshot().profile).not.toHaveProperty("nonce");
    expect(vault.snapshot().scope).toBe("openid offline_access");
    expect(server.to("/keys")).toHaveLength(1);
  });

  it("shows the claims that the application picks, and signs nobody in where that throws", async () => {
    const { vault } = await signedIn({ profile: ({ name }) => ({ name }) });
    expect(vault.snapshot().profile).toEqual({ name: "Ada" });
    const wrong = await stage({ profile: () => JSON.parse("{") });
    const error = await rejection(wrong.vault.signIn(await wrong.login()));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "read_failed" });
  });

  it("that was used already is refused", async () => {
    const { vault, login } = await stage();
    const code = await login();
    await vault.signIn(code);
    expect(await rejection(vault.signIn(code))).toMatchObject({ code: "credentials_refused" });
  });

  it.each([
    ["nothing", undefined],
    ["a text", "code"],
    ["a code alone", { callback: "?code=1&state=2" }],
    ["a code by its prototype", Object.create({ callback: "x", state: "x", codeVerifier: "x" })],
  ])("that is %s is told, and nothing is sent [S17]", async (_, credentials) => {
    const { vault, server } = await stage();
    const error = await rejection(vault.signIn(credentials as never));
    expect(error).toMatchObject({ code: "invalid_option" });
    expect(server.seen).toEqual([]);
  });
});

describe("a code with a wrong member beside it", () => {
  it.each([
    ["maxAge", "60"],
    ["maxAge", NaN],
    ["maxAge", [60]],
    ["nonce", 7],
    ["nonce", ""],
  ])("%s: %j is told, and is not spent [S10 F87]", async (name, value) => {
    const { vault, server, login } = await stage();
    const error = await rejection(vault.signIn({ ...(await login()), [name]: value }));
    expect(error).toMatchObject({ code: "invalid_option" });
    expect(server.seen).toEqual([]);
  });

  it("maxAge: null, as some make of a member that is absent, wants no auth_time", async () => {
    const { vault, login } = await stage();
    await vault.signIn({ ...(await login()), maxAge: null as never });
    expect(vault.snapshot().status).toBe("signed-in");
  });
});

describe("a refresh", () => {
  it("spends each token once, and asks for the metadata once [P2]", async () => {
    const { vault, server, pass } = await signedIn();
    for (const _ of [1, 2, 3]) {
      pass(HOUR);
      await Promise.all([vault.fetch(`${API}/a`), vault.fetch(`${API}/b`)]);
    }
    const spent = server.to("/token").slice(1);
    expect(spent).toHaveLength(3);
    expect(new Set(spent.map(({ form }) => form.get("refresh_token"))).size).toBe(3);
    expect(server.to("/.well-known/openid-configuration")).toHaveLength(1);
    // A refresh waits for nothing once its token is spent.
    expect(server.to("/keys")).toHaveLength(1);
  });

  it("takes what is good in a reply and leaves the rest [F17 F70]", async () => {
    const { vault, server, pass } = await signedIn();
    server.token = (told) => ({
      ...told,
      token_type: "mac",
      expires_in: 1e300,
      refresh_token: "",
      scope: 7,
      id_token: "no.id.token",
    });
    pass(HOUR);
    await vault.fetch(`${API}/a`);
    expect(vault.snapshot()).toMatchObject({ generation: 2, scope: "openid offline_access" });
    expect(vault.snapshot().expiresAt).toBeUndefined();
    expect(vault.snapshot().profile).toMatchObject({ sub: "ada" });
  });

  it("that is refused asks for a sign-in; what is wrong with the client does not [F72]", async () => {
    const { vault, server, pass } = await signedIn();
    pass(HOUR);
    let error = "invalid_client";
    server.token = () => Response.json({ error }, { status: 400 });
    const first = await rejection(vault.fetch(`${API}/a`, { signal: AbortSignal.timeout(200) }));
    expect(first).not.toMatchObject({ code: "sign_in_required" });
    expect(vault.snapshot().status).toBe("signed-in");
    error = "invalid_grant";
    pass(HOUR);
    expect(await rejection(vault.fetch(`${API}/a`))).toMatchObject({ code: "sign_in_required" });
  });

  it.each<[string, () => Promise<Response>, object]>([
    ["is down", async () => new Response(null, { status: 503 }), { reason: "metadata_missing" }],
    ["cannot be reached", () => Promise.reject(new TypeError("x")), { reason: "no_connection" }],
    ["is another", async () => Response.json({ issuer: API }), { reason: "issuer_mismatch" }],
    ["has no token endpoint", async () => Response.json({ issuer: ISSUER }), {}],
  ])("where the server %s spends nothing, and says so [P2]", async (_, answer, facts) => {
    const exchange = { fetch: answer, signal: new AbortController().signal, now: Date.now };
    const outcome = await oauth2(options).renew?.({ refreshToken: "spent" }, exchange);
    expect(outcome).toMatchObject({ type: "trouble", unprocessed: true, ...facts });
  });

  it("looks for the server anew after a failure, and for its token with the same one [P2]", async () => {
    let isDown = true;
    const provider = oauth2(options);
    const { server } = await signedIn();
    server.answer = ({ path }) =>
      isDown && path.startsWith("/.well-known") ? new Response(null, { status: 503 }) : undefined;
    const exchange = { fetch: server.fetch, signal: new AbortController().signal, now: Date.now };
    const refreshToken = "refresh-2-secret";
    expect(await provider.renew?.({ refreshToken }, exchange)).toMatchObject({ type: "trouble" });
    isDown = false;
    expect(await provider.renew?.({ refreshToken }, exchange)).toMatchObject({ type: "granted" });
  });

  it("that does not answer is waited for briefly: nothing is spent, and the next try finds it [P2 P10]", async () => {
    const clock = manualClock();
    const provider = oauth2(options);
    const { server } = await signedIn();
    let isSilent = true;
    server.answer = ({ path }) =>
      isSilent && path.startsWith("/.well-known") ? new Promise<never>(() => {}) : undefined;
    const exchange = {
      fetch: server.fetch,
      // The exchange itself has more time.
      signal: new AbortController().signal,
      now: Date.now,
      context: contextOf(clock),
    };
    const refreshToken = "refresh-2-secret";
    const renewal = provider.renew!({ refreshToken }, exchange);
    await clock.advance(5_000);
    expect(await renewal).toMatchObject({
      type: "trouble",
      unprocessed: true,
      reason: "timed_out",
    });
    expect(server.to("/token")).toHaveLength(1);
    isSilent = false;
    expect(await provider.renew!({ refreshToken }, exchange)).toMatchObject({ type: "granted" });
  });

  it.each([
    ["do not come", () => Promise.reject(new TypeError("lost")), { reason: "no_connection" }],
    [
      "are not there",
      () => new Response(null, { status: 404 }),
      { reason: "no_keys", status: 404 },
    ],
    ["are a page", () => new Response("<!doctype html>"), { reason: "no_keys", status: 200 }],
    [
      "stand elsewhere",
      () => new Response(null, { status: 302, headers: { location: "https://evil.test/" } }),
      { reason: "redirected" },
    ],
  ] as const)("whose keys %s is told, and no code is spent [S12]", async (_, answer, told) => {
    const { vault, server, login } = await stage();
    let isBroken = true;
    server.answer = ({ path }) => (isBroken && path === "/keys" ? answer() : undefined);
    const code = await login();
    const error = await rejection(vault.signIn(code));
    expect(error).toMatchObject({ code: "sign_in_failed", ...told });
    expect(server.to("/token")).toEqual([]);
    expect(server.seen.some(({ path }) => path === "/")).toBe(false);
    isBroken = false;
    await vault.signIn(code);
    expect(server.to("/token")).toHaveLength(1);
  });

  it.each(["/.well-known/openid-configuration", "/keys"])(
    "whose %s takes nine seconds signs in all the same",
    async (slow) => {
      const clock = manualClock();
      const { server, login } = await stage();
      let arrive = (): void => {};
      const arrived = new Promise<undefined>((resolve) => (arrive = () => resolve(undefined)));
      const answered = arrived as Promise<unknown> as Promise<Response>;
      server.answer = ({ path }) => (path === slow ? answered : undefined);
      const signingIn = oauth2(options).signIn!(await login(), {
        fetch: server.fetch,
        signal: new AbortController().signal,
        now: Date.now,
        context: contextOf(clock),
      });
      while (server.to(slow).length === 0) await settle();
      await clock.advance(9_000);
      arrive();
      expect(await signingIn).toMatchObject({ type: "granted" });
    },
  );

  it("whose server shows a key only when it signs with it signs in all the same [S12]", async () => {
    const { vault, server, login } = await stage();
    const shown = { hasSigned: false };
    server.answer = ({ path }) => {
      if (path === "/token") shown.hasSigned = true;
      return path === "/keys" && !shown.hasSigned ? Response.json({ keys: [] }) : undefined;
    };
    await vault.signIn(await login());
    expect(server.to("/keys")).toHaveLength(2);
    expect(await vault.authorization()).toMatch(/^Bearer access-/);
  });

  it("whose server shows no key that fits signs nobody in, and gets its tokens back [P20 S12]", async () => {
    const { vault, server, login } = await stage();
    server.answer = ({ path }) => (path === "/keys" ? Response.json({ keys: [] }) : undefined);
    const error = await rejection(vault.signIn(await login()));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "id_token_invalid" });
    expect([server.to("/keys"), server.to("/revoke")].map(({ length }) => length)).toEqual([2, 1]);
  });

  it("whose look-ups take ten seconds has time for the request no more: nothing is spent", async () => {
    const clock = manualClock();
    const { server, login } = await stage();
    server.answer = ({ path }) => (path === "/keys" ? new Promise<never>(() => {}) : undefined);
    const signingIn = oauth2(options).signIn!(await login(), {
      fetch: server.fetch,
      signal: new AbortController().signal,
      now: Date.now,
      context: contextOf(clock),
    });
    while (server.to("/keys").length === 0) await settle();
    await clock.advance(10_000);
    expect(await signingIn).toMatchObject({ unprocessed: true, reason: "timed_out" });
    expect(server.to("/token")).toEqual([]);
  });

  it("whose reply comes to a login that is given up gets its tokens back [P20]", async () => {
    const { server, login } = await stage();
    const caller = new AbortController();
    const { signal } = caller;
    async function fetchAsRuntimesDo(...[url, init]: Parameters<Fetch>): Promise<Response> {
      init?.signal?.throwIfAborted();
      const reply = await server.fetch(url, init);
      if (String(url).endsWith("/token")) caller.abort();
      return reply;
    }
    const signingIn = oauth2(options).signIn!(await login(), {
      fetch: fetchAsRuntimesDo,
      signal,
      now: Date.now,
      context: contextOf(manualClock()),
    });
    expect(await signingIn).toMatchObject({ type: "trouble", reason: "timed_out" });
    expect(server.to("/revoke")).toHaveLength(1);
  });

  it("follows no redirect of metadata or token endpoint [S2]", async () => {
    const { vault, server, login } = await stage();
    server.answer = ({ path }) =>
      path === "/token"
        ? new Response(null, { status: 307, headers: { location: "https://evil.test/" } })
        : undefined;
    const error = await rejection(vault.signIn(await login()));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "redirected" });
    expect(server.seen.some(({ path }) => path === "/")).toBe(false);
  });
});

describe("a client", () => {
  it("shows its secret in a header, or in the body, and nowhere else [S4 S7]", async () => {
    const secret = "client-secret:with/odd chars";
    const basic = await signedIn({ clientSecret: secret });
    const { headers, form } = basic.server.to("/token")[0]!;
    const text = atob(headers.get("authorization")!.replace("Basic ", ""));
    // As forms are encoded: servers that do not decode it know an ordinary client by it.
    expect(text).toBe("acme-web:client-secret%3Awith%2Fodd+chars");
    expect(form.has("client_secret")).toBe(false);
    const post = await signedIn({ clientSecret: secret, clientAuthentication: "post" });
    const posted = post.server.to("/token")[0]!;
    expect(posted.form.get("client_secret")).toBe(secret);
    expect(posted.headers.has("authorization")).toBe(false);
    const provider = oauth2({ ...options, clientSecret: secret });
    expect(inspect(provider, { depth: 9, showHidden: true })).not.toContain(secret);
    expect(JSON.stringify(provider)).not.toContain(secret);
  });

  it.each(["", "undefined", "null", 7, null])(
    "has a secret, or none: %j is told, without the value [S17]",
    (clientSecret) => {
      const wrong = { ...options, clientSecret: clientSecret as string };
      const told = expect.objectContaining({
        code: "invalid_option",
        name: "VaultError",
      }) as object;
      expect(() => oauth2(wrong)).toThrow(told);
      expect(() => oauth2(wrong)).toThrow("clientSecret, a text");
    },
  );

  it("has no secret in a browser, unless it says that it dares [S16]", () => {
    vi.stubGlobal("document", {});
    expect(() => oauth2({ ...options, clientSecret: "x" })).toThrow("no clientSecret in a browser");
    expect(oauth2({ ...options, clientSecret: "x", dangerouslyAllowInBrowser: true })).toBeTruthy();
  });

  it.each<[string, object]>([
    ["clientId", { clientId: "" }],
    ["issuer", { issuer: undefined }],
    ["issuer", { issuer: "login.acme.test" }],
    ["openid", { issuer: undefined, endpoints: { token: `${ISSUER}/token` } }],
  ])("without a right %s is told at once", (word, wrong) => {
    expect(() => oauth2({ ...options, ...wrong })).toThrow(word);
  });

  it("asks for its resources, in each request [S11]", async () => {
    const { vault, server, pass } = await signedIn({ resource: [API, `${API}/2`] });
    pass(HOUR);
    await vault.getToken();
    for (const { form } of server.to("/token"))
      expect(form.getAll("resource")).toEqual([API, `${API}/2`]);
  });

  it("keeps sessions of another client, scope, resource or audience apart [S11]", () => {
    const one = JSON.stringify(oauth2(options).partition);
    const audience = { parameters: { audience: API } };
    for (const other of [{ clientId: "2" }, { scope: "openid" }, { resource: API }, audience])
      expect(JSON.stringify(oauth2({ ...options, ...other }).partition)).not.toBe(one);
    const turned = oauth2({ ...options, scope: "offline_access openid" });
    expect(JSON.stringify(turned.partition)).toBe(one);
  });

  it("may give endpoints, and then no metadata is asked for", async () => {
    const endpoints = { token: `${ISSUER}/token`, revocation: `${ISSUER}/revoke` };
    const { vault, server, login } = await stage({
      endpoints,
      issuer: undefined as never,
      scope: "",
    });
    await vault.signIn({
      ...(await login()),
      callback: (await login()).callback.split("&iss")[0]!,
    });
    await vault.signOut();
    expect(server.seen.map(({ path }) => path)).toEqual(["/token", "/revoke"]);
  });

  it("whose server has no issuer is told by its endpoints: no other server gets its session [S11]", async () => {
    const at = (host: string): Partial<OAuth2Options> => ({
      endpoints: { token: `https://${host}/token`, revocation: `https://${host}/revoke` },
      issuer: undefined as never,
      scope: "",
    });
    const asked: string[] = [];
    const store = memoryStore();
    const vaultAt = (host: string): Vault<CodeCredentials> =>
      createVault({
        provider: oauth2({ ...options, ...at(host) }),
        store,
        async fetch(input) {
          asked.push(new URL(String(input)).host);
          return Response.json({ access_token: "a-1-secret", refresh_token: "r-1-secret" });
        },
      });
    await vaultAt("one.test").adopt({ accessToken: "a-0-secret", refreshToken: "r-0-secret" });
    const other = vaultAt("two.test");
    expect(await rejection(other.getToken())).toMatchObject({ code: "no_session" });
    await other.signOut();
    expect(asked).toEqual([]);
    const same = vaultAt("one.test");
    await same.signOut({ untilRevoked: true });
    expect(asked).toEqual(["one.test"]);
  });

  it("without an issuer takes no callback that names one: nobody could compare it", async () => {
    const endpoints = { token: `${ISSUER}/token` };
    const given = { endpoints, issuer: undefined as never, scope: "" };
    const { vault, server, login } = await stage(given);
    const error = await rejection(vault.signIn(await login()));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "callback_invalid" });
    expect(server.seen).toEqual([]);
  });

  it("with an issuer and endpoints compares ID token and callback with the issuer [S12]", async () => {
    const endpoints = { token: `${ISSUER}/token`, revocation: `${ISSUER}/revoke` };
    const { vault, server, login } = await stage({ endpoints, idTokenAlgorithms: ["ES256"] });
    await vault.signIn(await login());
    expect(vault.snapshot().profile).toMatchObject({ iss: ISSUER });
    server.idToken = (told) => ({ ...told, iss: "https://evil.test" });
    const error = await rejection(vault.signIn(await login()));
    expect(error).toMatchObject({ reason: "id_token_invalid" });
  });

  it("keeps the ID token only where it says so, for the server's logout [S7]", async () => {
    const without = await signedIn();
    expect(without.vault.snapshot().profile).not.toHaveProperty("id_token");
    const { vault, server, pass } = await signedIn({ keepsIdToken: true });
    const shown = (): unknown => vault.snapshot().profile?.["id_token"];
    const first = shown();
    expect(first).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    pass(HOUR);
    await vault.getToken();
    expect([shown() === first, typeof shown()]).toEqual([false, "string"]);
    // One that is long costs nobody the profile.
    const second = shown();
    server.idToken = (told) => ({ ...told, groups: "x".repeat(3_000) });
    pass(HOUR);
    await vault.getToken();
    expect(vault.snapshot().profile).toMatchObject({ sub: "ada", groups: expect.any(String) });
    expect(vault.snapshot().profile).not.toHaveProperty("id_token", second);
  });

  it("revokes its refresh token when it signs out [S14]", async () => {
    const { vault, server } = await signedIn();
    await vault.signOut();
    await vi.waitFor(() => expect(server.to("/revoke")).toHaveLength(1));
    const { form } = server.to("/revoke")[0]!;
    expect(form.get("token")).toMatch(/^refresh-/);
    expect(form.get("token_type_hint")).toBe("refresh_token");
  });
});

describe("secrets", () => {
  it("stand in no error, event or snapshot [S4 S7]", async () => {
    const { vault, server, events, login, pass } = await signedIn();
    const errors: unknown[] = [];
    server.idToken = (told) => ({ ...told, aud: "another" });
    errors.push(await rejection(vault.signIn(await login())));
    server.token = (told) => Response.json({ ...told, error: "invalid_grant" }, { status: 500 });
    pass(HOUR);
    errors.push(await rejection(vault.getToken({ signal: AbortSignal.timeout(100) })));
    const text = inspect([errors, events, vault.snapshot(), vault], { depth: 9, showHidden: true });
    expect(text).not.toMatch(/-secret|verifier-x|code-\d/);
    for (const error of errors) expect(error).not.toHaveProperty("cause");
  });
});

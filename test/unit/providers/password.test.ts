/** The password mechanism: what it asks token endpoints, and what it makes of their answers. */
import { describe, expect, it } from "vitest";
import { createVault } from "../../../src/index.ts";
import { password, type TokenReply } from "../../../src/providers/password.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { settle } from "../../support/clock.ts";
import { acme, credentials, fakeApi, never, ORIGIN, reply } from "../../support/fake-api.ts";
import { bench, refreshes, rejection, signedIn, VMS } from "../../support/vault.ts";

describe("a provider that an application makes", () => {
  it("takes fifteen lines at most", async () => {
    // lines-begin
    const provider = password<{ user: string; pass: string }>({
      name: "own",
      origins: ["https://api.acme.test/v1"],
      tokenUrl: "https://api.acme.test/login",
      refreshUrl: "https://api.acme.test/refresh",
      write: ({ user, pass }) => ({ login: { user, pass } }),
      read: (body) => ({
        accessToken: body["access_token"],
        refreshToken: body["refresh_token"],
        expiresIn: body["expires_in"],
      }),
    });
    // lines-end
    const api = fakeApi();
    const vault = createVault({ provider, store: memoryStore(), fetch: api.fetch });
    await vault.signIn({ user: "ada", pass: "x" });
    expect(JSON.parse(api.calls[0]!.body)).toEqual({ login: { user: "ada", pass: "x" } });
    api.expire();
    expect((await vault.fetch(VMS)).status).toBe(200);
    const { readFileSync } = await import("node:fs");
    const [, own = ""] = readFileSync(new URL(import.meta.url), "utf8").split(/\/\/ lines-\w+\n/);
    expect(own.trim().split("\n").length).toBeGreaterThan(5);
    expect(own.trim().split("\n").length).toBeLessThanOrEqual(15);
  });
});

describe("the token request", () => {
  it("sets every member that matters [S2 S15]", async () => {
    const { vault, api } = await signedIn();
    api.expire();
    await vault.fetch(VMS);
    for (const path of ["/login", "/refresh"]) {
      const { init, method, headers } = api.to(path)[0]!;
      expect(method).toBe("POST");
      expect(init).toMatchObject({
        redirect: "manual",
        credentials: "omit",
        cache: "no-store",
        mode: "cors",
        referrerPolicy: "no-referrer",
        keepalive: false,
      });
      expect(Object.hasOwn(init!, "signal")).toBe(true);
      expect([...headers.keys()].sort()).toEqual(["accept", "content-type"]);
      expect(headers.get("content-type")).toBe("application/json");
    }
    expect(JSON.parse(api.to("/login")[0]!.body)).toEqual(credentials);
    expect(JSON.parse(api.to("/refresh")[0]!.body)).toEqual({ refresh_token: "refresh-1-secret" });
  });

  it("ends at its deadline, though the reply's body never does [P10]", async () => {
    const { vault, api, clock } = bench();
    const start = clock.now();
    let signal: AbortSignal | null | undefined;
    api.login = ({ init }) => {
      signal = init?.signal;
      return new Response(new ReadableStream({ start() {} }), { status: 200 });
    };
    const error = await rejection(clock.until(vault.signIn(credentials)));
    expect(error).toMatchObject({ code: "sign_in_failed" });
    expect(signal?.aborted).toBe(true);
    expect(clock.now() - start).toBe(15_000);
  });

  it("an aborted sign-in rejects with the caller's reason, and signs nobody in [P14]", async () => {
    const { vault, api } = bench();
    api.login = never;
    const controller = new AbortController();
    const signIn = vault.signIn(credentials, { signal: controller.signal });
    await settle();
    const reason = new Error("the caller's own");
    controller.abort(reason);
    expect(await rejection(signIn)).toBe(reason);
    expect(api.calls[0]!.init?.signal?.aborted).toBe(true);
    await expect(vault.getToken()).rejects.toMatchObject({ code: "no_session" });
  });
});

describe("a sign-in's answer", () => {
  it.each([
    ["credentials_refused", 401, { error: "no" }],
    ["credentials_refused", 400, {}],
    ["sign_in_failed", 403, { error: "firewall" }],
    ["sign_in_failed", 404, {}],
    ["sign_in_failed", 429, {}],
    ["sign_in_failed", 500, {}],
    ["sign_in_failed", 503, {}],
    ["sign_in_failed", 200, {}],
    ["sign_in_failed", 200, []],
    ["sign_in_failed", 200, null],
    ["sign_in_failed", 200, "<h1>Welcome to the hotel</h1>"],
    ["sign_in_failed", 401, "<h1>Welcome to the hotel</h1>"],
    ["sign_in_failed", 307, ""],
  ])("%s for %i %j", async (code, status, body) => {
    const { vault, api } = bench();
    api.login = () =>
      typeof body === "string"
        ? new Response(body, { status, headers: { location: "https://evil.test/" } })
        : reply(status, body);
    expect(await rejection(vault.signIn(credentials))).toMatchObject({ code, status });
    expect(vault.snapshot().status).not.toBe("signed-in");
    expect(api.calls).toHaveLength(1);
  });

  it("a wrong password leaves the session that is there alone", async () => {
    const { vault, api } = await signedIn();
    api.login = () => reply(401, {});
    await rejection(vault.signIn({ email: "a", password: "wrong" }));
    expect(await vault.getToken()).toBe("access-1-secret");
  });

  it("of 200 kB is read, because tokens may hold many claims [F77]", async () => {
    const { vault, api } = bench();
    api.login = () => reply(200, { access_token: "token", padding: "x".repeat(200_000) });
    await vault.signIn(credentials);
    expect(await vault.getToken()).toBe("token");
  });

  it("of more than 1 MiB is none, and one without an end is not read to it [F77 S10]", async () => {
    const { vault, api } = bench();
    let chunks = 0;
    api.login = () => {
      const chunk = new TextEncoder().encode(" ".repeat(65_536));
      return new Response(
        new ReadableStream({
          pull(controller) {
            // An end, far away: what reads it all shall not hang the tests.
            if ((chunks += 1) > 500) controller.close();
            else controller.enqueue(chunk);
          },
        }),
      );
    };
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "sign_in_failed", status: 200, reason: "no_token" });
    expect(chunks).toBeLessThan(25);
  });
});

describe("a refresh's answer", () => {
  it("isRefusal decides by status and body", async () => {
    const isRefusal = ({ status, body }: TokenReply): boolean =>
      status === 403 && body?.["error"] === "revoked";
    const { vault, api } = await signedIn({ provider: acme({ isRefusal }) });
    api.expire();
    api.refresh = () => reply(403, { error: "revoked" });
    expect(await rejection(vault.fetch(VMS))).toMatchObject({ code: "sign_in_required" });
    const other = await signedIn({ provider: acme({ isRefusal }) });
    await other.clock.advance(3_600_000);
    other.api.refresh = () => reply(401, { error: "revoked" });
    const call = other.vault.getToken({ rejected: "access-1-secret" });
    expect(await rejection(other.clock.until(call))).toMatchObject({ code: "refresh_failed" });
  });

  it.each([
    [true, 503],
    [false, 429],
  ])(
    "safe503 %s: after a %i the same refresh token may be sent again [P2]",
    async (safe503, status) => {
      const { vault, api, clock } = await signedIn({ provider: acme({ safe503 }) });
      await clock.advance(2_800_000);
      api.refresh = () => reply(status, {});
      const waitUntil = (): void => {};
      await vault.fetch(VMS, { waitUntil });
      await clock.advance(120_000);
      await vault.fetch(VMS, { waitUntil });
      await settle();
      expect(refreshes({ api })).toBe(2);
    },
  );

  it("otherwise not after a 503, which proves nothing, while the access token serves [P2]", async () => {
    const { vault, api, clock } = await signedIn();
    await clock.advance(2_800_000);
    api.refresh = () => reply(503, {});
    const waitUntil = (): void => {};
    for (let minute = 0; minute < 10; minute++) {
      expect((await vault.fetch(VMS, { waitUntil })).status).toBe(200);
      await clock.advance(60_000);
    }
    expect(refreshes({ api })).toBe(1);
  });

  it.each([{}, { refresh_token: null }])(
    "a reply without a refresh token (%j) keeps the old one [F23]",
    async (extra) => {
      const { vault, api, clock } = await signedIn({ provider: acme({ rotation: "none" }) });
      let n = 1;
      api.refresh = () =>
        reply(200, { access_token: `access-${++n}-secret`, expires_in: 3600, ...extra });
      for (let round = 2; round < 4; round++) {
        await clock.advance(3_600_000);
        expect(await clock.until(vault.getToken())).toBe(`access-${round}-secret`);
      }
      expect(api.to("/refresh").map(({ body }) => JSON.parse(body))).toEqual([
        { refresh_token: "refresh-1-secret" },
        { refresh_token: "refresh-1-secret" },
      ]);
    },
  );

  it("without a revokeUrl signing out is silent [S14]", async () => {
    const { revoke: _, ...provider } = acme();
    const { vault, api } = await signedIn({ provider });
    await vault.signOut();
    expect(api.calls.map(({ url }) => url)).toEqual([`${ORIGIN}/login`]);
  });
});

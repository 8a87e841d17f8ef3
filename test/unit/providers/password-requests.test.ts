/** The password mechanism's three requests: each in the shape that an API wants, and no other. */
import { describe, expect, it, vi } from "vitest";
import type { PasswordOptions } from "../../../src/providers/password.ts";
import { acme, credentials, ORIGIN, reply, type SeenCall } from "../../support/fake-api.ts";
import { findSecrets } from "../../support/secrets.ts";
import { bench, refreshes, rejection, signedIn, VMS } from "../../support/vault.ts";

const bearer = (accessToken: string): { authorization: string } => ({
  authorization: `Bearer ${accessToken}`,
});

/** What a request was, without what every one has. */
function shape({ method, headers, body }: SeenCall): object {
  const { accept: _, ...rest } = Object.fromEntries(headers);
  return { method, headers: rest, body };
}

describe("a request's shape", () => {
  it("is the option's: method, headers, form or JSON, and the access token where it is wanted", async () => {
    const provider = acme({
      headers: { apikey: "public" },
      request: ({ email, password }) => ({
        method: "PUT",
        body: new URLSearchParams({ username: email, password }),
      }),
      refresh: ({ refreshToken, accessToken }) => ({
        headers: bearer(accessToken),
        body: { refresh: refreshToken },
      }),
      revoke: ({ accessToken }) => ({ method: "DELETE", headers: bearer(accessToken) }),
    });
    const { vault, api } = await signedIn({ provider });
    api.expire();
    expect((await vault.fetch(VMS)).status).toBe(200);
    await vault.signOut();
    await vi.waitFor(() => expect(api.to("/revoke")).toHaveLength(1), 10_000);
    const json = "application/json";
    expect(["/login", "/refresh", "/revoke"].map((path) => shape(api.to(path)[0]!))).toEqual([
      {
        method: "PUT",
        headers: { apikey: "public", "content-type": "application/x-www-form-urlencoded" },
        body: "username=ada%40acme.test&password=hunter2-very-secret",
      },
      {
        method: "POST",
        headers: {
          apikey: "public",
          "content-type": json,
          authorization: "Bearer access-1-secret",
        },
        body: '{"refresh":"refresh-1-secret"}',
      },
      {
        method: "DELETE",
        headers: { apikey: "public", authorization: "Bearer access-2-secret" },
        body: "",
      },
    ]);
    // The API's own requests carry nothing but the token.
    expect([...api.to("/v1/vms")[0]!.headers.keys()]).toEqual(["authorization"]);
  });

  it("without a body has no type, and every guard that one with a body has [S2 S15]", async () => {
    const provider = acme({ refresh: () => ({ method: "GET", headers: { "x-refresh": "1" } }) });
    const { vault, api } = await signedIn({ provider });
    api.expire();
    await vault.fetch(VMS);
    const [{ init, headers } = expect.fail()] = api.to("/refresh");
    expect([...headers.keys()].sort()).toEqual(["accept", "x-refresh"]);
    expect(init).toMatchObject({ redirect: "manual", credentials: "omit", cache: "no-store" });
  });

  it("of write's URLSearchParams is a form [S4]", async () => {
    const write = ({ email, password }: typeof credentials): URLSearchParams =>
      new URLSearchParams({ email, password });
    const { api, vault } = await signedIn({ provider: acme({ write }) });
    const [{ headers, body } = expect.fail()] = api.to("/login");
    expect(headers.get("content-type")).toBe("application/x-www-form-urlencoded");
    expect(body).toBe("email=ada%40acme.test&password=hunter2-very-secret");
    expect(findSecrets(vault, [credentials.password])).toEqual([]);
  });
});

describe("a reply", () => {
  it("may hold its token in a header, and no JSON at all", async () => {
    const provider = acme({
      read: (body, { headers, status, text }) => ({
        accessToken: headers.get("authorization")?.replace("Bearer ", ""),
        scope: `${status} ${text} ${Object.keys(body).length}`,
      }),
    });
    const { vault, api } = bench({ provider });
    api.login = () =>
      new Response("welcome", { status: 201, headers: { authorization: "Bearer in-a-header" } });
    await vault.signIn(credentials);
    expect(await vault.getToken()).toBe("in-a-header");
    expect(vault.snapshot().scope).toBe("201 welcome 0");
  });

  it.each([
    ["no_token", "<h1>Welcome to the hotel</h1>"],
    ["read_failed", "{}"],
  ])("%s where read throws at %s [F87]", async (reason, text) => {
    const provider = acme({ read: (body) => ({ accessToken: (body["data"] as any).token }) });
    const { vault, api } = bench({ provider });
    api.login = () => new Response(text);
    expect(await rejection(vault.signIn(credentials))).toMatchObject({
      code: "sign_in_failed",
      reason,
    });
  });

  it("is read by RFC 6749's names where no read is given", async () => {
    const { read: _, ...options } = { read: undefined };
    const { password } = await import("../../../src/providers/password.ts");
    const provider = password({
      name: "acme",
      origins: [ORIGIN],
      tokenUrl: `${ORIGIN}/login`,
      refreshUrl: `${ORIGIN}/refresh`,
      ...options,
    });
    const { vault, clock } = await signedIn({ provider });
    expect(vault.snapshot()).toMatchObject({ expiresAt: clock.now() + 3_600_000 });
    await clock.advance(3_600_000);
    expect(await clock.until(vault.getToken())).toBe("access-2-secret");
  });
});

describe("without a refreshUrl", () => {
  const { refreshUrl: _, ...rest }: Partial<PasswordOptions> = { refreshUrl: "" };

  const plain = async () => {
    const { password } = await import("../../../src/providers/password.ts");
    return password({
      name: "acme",
      origins: [ORIGIN],
      tokenUrl: `${ORIGIN}/login`,
      assumedLifetime: 3_600_000,
      read: ({ access_token, refresh_token }) => ({
        accessToken: access_token,
        refreshToken: refresh_token,
      }),
      ...rest,
    });
  };

  it("nothing is refreshed: the 401 is returned, and the token's end asks for a sign-in [P11]", async () => {
    const { vault, api, clock } = await signedIn({ provider: await plain() });
    api.expire();
    expect((await vault.fetch(VMS)).status).toBe(401);
    expect(vault.snapshot().status).toBe("sign-in-required");
    await clock.advance(3_600_000);
    expect(await rejection(clock.until(vault.fetch(VMS)))).toMatchObject({
      code: "sign_in_required",
    });
    expect(refreshes({ api })).toBe(0);
  });

  it("a refresh token in the reply is not kept: nothing would send it", async () => {
    const { store } = await signedIn({ provider: await plain() });
    const [key = ""] = await store.list("");
    expect(findSecrets(await store.read(key), ["refresh-1-secret"])).toEqual([]);
  });
});

describe("a request that cannot be sent", () => {
  it.each<[string, Partial<PasswordOptions>]>([
    ["unsendable_body", { write: (given) => new Map(Object.entries(given)) }],
    ["unsendable_body", { write: () => undefined }],
    ["unsendable_body", { write: async (given) => given }],
    ["unsendable_header", { request: () => ({ headers: { apikey: undefined as never } }) }],
    ["unsendable_method", { request: () => ({ method: "TRACE" as never }) }],
    ["unsendable_request", { request: (async () => ({})) as never }],
  ])("%s: a sign-in says so before anything is sent [F87]", async (reason, options) => {
    const { vault, api } = bench({ provider: acme(options) });
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "invalid_option", reason });
    expect(error.message).toMatch(/^Cannot ask the token endpoint: unsendable \w+\. [A-Z]/);
    expect(api.calls).toEqual([]);
    expect(findSecrets(error, [credentials.password])).toEqual([]);
  });

  it("write_failed: what the function threw is not shown [F87 S4]", async () => {
    const write = ({ password }: typeof credentials): never => {
      throw new Error(`No ${password}`);
    };
    const { vault } = bench({ provider: acme({ write }) });
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "write_failed" });
    expect(findSecrets(error, [credentials.password])).toEqual([]);
  });

  it("of a refresh: the session stays, nothing is spent, and reason and advice are told [P2 P17]", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    let refresh: PasswordOptions["refresh"] = () => ({ body: new Set() });
    const provider = acme({ refresh: (tokens) => refresh!(tokens) });
    const { vault, api, clock } = await signedIn({ provider });
    await clock.advance(3_600_000);
    const error = await rejection(clock.until(vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "refresh_failed", reason: "unsendable_body" });
    expect(vault.snapshot().status).toBe("signed-in");
    expect(refreshes({ api })).toBe(0);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/"acme" refreshes nothing\. Cannot ask.*Return a plain object/)],
    ]);
    warn.mockRestore();
    refresh = ({ refreshToken }) => ({ body: { refresh_token: refreshToken } });
    await clock.advance(60_000);
    expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
    expect(refreshes({ api })).toBe(1);
  });

  it.each<[string, Partial<PasswordOptions>]>([
    ["Cannot use these arguments: no absolute url", { revokeUrl: "logout" }],
    ["unsendable body", { revoke: () => ({ body: new Map() }) }],
    [
      "The function that writes it threw",
      {
        revoke: ({ refreshToken }) => {
          throw new Error(refreshToken);
        },
      },
    ],
  ])("of a revocation is a warning, because nobody waits: %s [S4 S14]", async (text, options) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { vault } = await signedIn({ provider: acme(options) });
    await vault.signOut();
    await vi.waitFor(() => expect(warn).toHaveBeenCalledOnce(), 10_000);
    expect(warn.mock.calls[0]![0]).toContain(text);
    expect(findSecrets(warn.mock.calls, ["refresh-1-secret", "access-1-secret"])).toEqual([]);
    warn.mockRestore();
  });

  it("a network failure of a revocation is none", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { vault, api } = await signedIn();
    api.revoke = () => reply(500, {});
    await vault.signOut();
    await vi.waitFor(() => expect(api.to("/revoke")).toHaveLength(1), 10_000);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it.each<[string, Partial<PasswordOptions>]>([
    ["refreshUrl, beside refresh", { refreshUrl: undefined as never, refresh: () => ({}) }],
    ["revokeUrl, beside revoke", { revokeUrl: undefined as never, revoke: () => ({}) }],
  ])("that has no address is told when the provider is made: %s", (text, options) => {
    expect(() => acme(options)).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringContaining(text),
      }),
    );
  });

  it("an empty refreshUrl is a mistake, and not the wish for none [F87]", async () => {
    const { vault, clock } = await signedIn({ provider: acme({ refreshUrl: "" }) });
    await clock.advance(3_600_000);
    const error = await rejection(clock.until(vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "refresh_failed", reason: "no_absolute_url" });
  });

  it("a header of all requests is told when the provider is made", () => {
    expect(() => acme({ headers: { apikey: "a\nb" } })).toThrow(
      expect.objectContaining({ code: "invalid_option", reason: "unsendable_header" }),
    );
  });
});

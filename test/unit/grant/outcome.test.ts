/** What a token endpoint's reply means: what is granted, what refuses, and what is only trouble. */
import { describe, expect, it } from "vitest";
import { narrowGrant } from "../../../src/grant/outcome.ts";
import { meaningOf } from "../../../src/grant/error-codes.ts";
import type { PasswordOptions, TokenReply } from "../../../src/providers/password.ts";
import type { Outcome } from "../../../src/types.ts";
import { acme, reply } from "../../support/fake-api.ts";
import { bench, rejection, signedIn, VMS } from "../../support/vault.ts";

const body = (text: string, status: number, type = "text/plain"): Response =>
  new Response(text, { status, headers: { "content-type": type } });

/** What a refresh makes of a reply. */
async function outcomeOf(
  response: Response,
  options: Partial<PasswordOptions> = {},
): Promise<Outcome> {
  const exchange = {
    now: () => 0,
    signal: new AbortController().signal,
    fetch: async () => response,
  };
  return acme(options).renew!({ refreshToken: "r-1" }, exchange);
}

describe("a code decides, whatever the status", () => {
  it.each([
    ["refused", 400, { error: "invalid_grant" }],
    ["refused", 403, { error: "invalid_grant" }],
    ["refused", 200, { error: "bad_refresh_token" }],
    ["refused", 500, { error: "invalid_grant" }],
    ["refused", 429, { error: "INVALID_GRANT" }],
    ["refused", 403, { error: { code: "invalid_refresh_token" } }],
    ["refused", 422, { code: "invalid_grant", message: "x" }],
    ["refused", 200, { error: "interaction_required" }],
    ["trouble", 400, { error: "temporarily_unavailable" }],
    ["trouble", 401, { error: "temporarily_unavailable" }],
    ["trouble", 400, { error: "slow_down" }],
    ["trouble", 400, { error: "rate_limit_exceeded" }],
    ["trouble", 400, { error: { code: "rateLimitExceeded" } }],
    ["trouble", 401, { error: "too_many_requests" }],
    ["trouble", 400, { __type: "TooManyRequestsException", message: "Rate exceeded" }],
    ["trouble", 400, { __type: "ThrottlingException" }],
    ["trouble", 400, { code: "over_request_rate_limit" }],
    ["trouble", 401, { error: "invalid_client" }],
    ["trouble", 400, { error: "unauthorized_client" }],
    ["trouble", 400, { error: "invalid_request" }],
    ["trouble", 400, { error: "invalid_scope" }],
    ["trouble", 400, { error: "unsupported_grant_type" }],
    ["trouble", 401, { error: "invalid_dpop_proof" }],
    ["trouble", 400, { error: "use_dpop_nonce" }],
    // No code that is known: the status decides, as before.
    ["refused", 400, {}],
    ["refused", 401, { error: "no" }],
    ["refused", 401, { error: { code: 401, message: "Invalid or expired token" } }],
    ["refused", 400, { error: { toString: "invalid_client" } }],
    ["trouble", 403, { error: "firewall" }],
    ["trouble", 200, {}],
    ["trouble", 500, {}],
  ])("%s by %i %j [F72]", async (type, status, json) => {
    expect(await outcomeOf(reply(status, json))).toMatchObject({ type, status });
  });

  it.each(["text/plain", "text/html", "application/problem+json", ""])(
    "and whatever the type: %j [F72]",
    async (type) => {
      const refusal = body('{"error":"invalid_grant"}', 403, type);
      expect(await outcomeOf(refusal)).toMatchObject({ type: "refused" });
    },
  );

  it.each([
    ["<h1>invalid_grant</h1>", 401],
    ['["invalid_grant"]', 401],
    ['"invalid_grant"', 400],
    ["", 401],
  ])("a page, a list or nothing is no refusal by itself: %j [F72 P17]", async (text, status) => {
    expect(await outcomeOf(body(text, status))).toMatchObject({ type: "trouble", status });
  });

  it.each([
    [429, {}, true],
    [400, { error: "use_dpop_nonce" }, true],
    [401, { error: "invalid_dpop_proof" }, true],
    [400, { error: "temporarily_unavailable" }, false],
    [401, { error: "invalid_client" }, false],
    [503, {}, false],
  ])("%i %j proves that nothing was spent: %s [F72 P2]", async (status, json, unprocessed) => {
    const outcome = await outcomeOf(reply(status, json));
    expect((outcome as { unprocessed?: boolean }).unprocessed ?? false).toBe(unprocessed);
  });

  it("a name of a prototype is no code [S15]", () => {
    for (const error of ["constructor", "__proto__", "toString", "has"])
      expect(meaningOf({ error })).toBeUndefined();
  });

  it.each(["constructor", "toString", "valueOf", "__proto__", "hasOwnProperty"])(
    "the code %s is unknown, whatever member of a reply it stands in [S10 S15]",
    async (code) => {
      const json = (text: string): Response => body(text, 403);
      for (const text of [
        `{"error":"${code}"}`,
        `{"error":{"code":"${code}"}}`,
        `{"code":"${code}"}`,
        `{"__type":"${code}"}`,
        `{"${code}":"invalid_grant"}`,
      ]) {
        const { type, status, reason } = await outcomeOf(json(text));
        expect({ type, status, reason }).toEqual({
          type: "trouble",
          status: 403,
          reason: "no_token",
        });
      }
    },
  );

  it.each(["error", "code", "__type"])(
    "a page without fields has no code, though Object.prototype has %s [S15 P17]",
    async (name) => {
      const page = body("<h1>Sign in to this network</h1>", 200, "text/html");
      Reflect.defineProperty(Object.prototype, name, {
        configurable: true,
        value: "invalid_grant",
      });
      try {
        expect((await outcomeOf(page)).type).toBe("trouble");
      } finally {
        Reflect.deleteProperty(Object.prototype, name);
      }
    },
  );

  it("invalid_client for ten minutes ends no session, and the session goes on after it [F72]", async () => {
    const { vault, api, clock } = await signedIn({ provider: acme({ rotation: "none" }) });
    const { refresh } = api;
    api.refresh = () => reply(401, { error: "invalid_client" });
    await clock.advance(3_600_000);
    for (let minute = 0; minute < 10; minute++) {
      const error = await rejection(clock.until(vault.fetch(VMS)));
      expect(error).toMatchObject({ code: "refresh_failed", status: 401 });
      await clock.advance(60_000);
    }
    api.refresh = refresh;
    await clock.advance(600_000);
    expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
  });
});

describe("isRefusal", () => {
  const yes = (): boolean => true;
  const no = (): boolean => false;

  it.each([
    ["nothing", () => body("", 401)],
    ["a text", () => body("403 Forbidden", 403)],
    ["a page", () => body("<h1>Signed out</h1>", 200, "text/html")],
    ["a list", () => reply(401, [])],
    ["an object without a token", () => reply(200, {})],
    ["a passing code", () => reply(400, { error: "temporarily_unavailable" })],
    ["a redirect", () => new Response(null, { status: 302, headers: { location: "/login" } })],
    ["a server's error", () => reply(500, {})],
  ])("is asked of %s, and overrules all [F71]", async (_, make) => {
    expect(await outcomeOf(make(), { isRefusal: yes })).toMatchObject({ type: "refused" });
    expect(await outcomeOf(make(), { isRefusal: no })).toMatchObject({ type: "trouble" });
  });

  it("overrules a final code too [F71]", async () => {
    const refusal = reply(400, { error: "invalid_grant" });
    expect(await outcomeOf(refusal, { isRefusal: no })).toMatchObject({ type: "trouble" });
  });

  it("is asked where read() throws [F71]", async () => {
    const read = (fields: Record<string, unknown>) => ({
      accessToken: (fields["data"] as any).token.value as unknown,
    });
    const options = { read, isRefusal: yes };
    expect(await outcomeOf(reply(200, {}), options)).toMatchObject({ type: "refused" });
  });

  it("gets status, fields and text [F71]", async () => {
    const seen: TokenReply[] = [];
    const isRefusal = (one: TokenReply): boolean => !seen.push(one);
    await outcomeOf(body("403 Forbidden", 403), { isRefusal });
    await outcomeOf(reply(401, { error: "no" }), { isRefusal });
    expect(seen).toMatchObject([
      { status: 403, text: "403 Forbidden", body: undefined },
      { status: 401, body: { error: "no" } },
    ]);
  });

  it("that throws, or promises, is no refusal [F71 P17]", async () => {
    const throws = ({ body }: TokenReply): boolean => (body!["error"] as any).code === "gone";
    expect(await outcomeOf(body("", 401), { isRefusal: throws })).toMatchObject({
      type: "trouble",
    });
    const promises = (async () => true) as never;
    expect(await outcomeOf(reply(401, {}), { isRefusal: promises })).toMatchObject({
      type: "trouble",
    });
  });

  it("is not asked of a reply with a token [F71]", async () => {
    const granted = reply(200, { access_token: "token" });
    expect(await outcomeOf(granted, { isRefusal: yes })).toMatchObject({ type: "granted" });
  });
});

describe("a good access token", () => {
  it.each([
    { refresh_token: "" },
    { refresh_token: 0 },
    { refresh_token: {} },
    { refresh_token: null },
    { refresh_token: " " },
    { refresh_token: "undefined" },
    { scope: null },
    { scope: ["a"] },
    { token_type: "mac" },
    { token_type: 17 },
  ])("is served with %j beside it, and the old refresh token is kept [F70]", async (odd) => {
    const { vault, api, clock } = await signedIn();
    api.refresh = () => reply(200, { access_token: "access-2-secret", expires_in: 3600, ...odd });
    api.expire();
    api.api = ({ headers }) =>
      reply(headers.get("authorization") === "Bearer access-2-secret" ? 200 : 401, {});
    expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", generation: 2 });
    await clock.advance(3_600_000);
    await clock.until(vault.getToken()).catch(() => {});
    expect(JSON.parse(api.to("/refresh")[1]!.body)).toEqual({ refresh_token: "refresh-1-secret" });
  });

  it("of a provider that an application wrote is narrowed alike [F70 S10]", async () => {
    const grant = { accessToken: "own", refreshToken: {}, scope: 17, expiresAt: "soon" };
    const provider = { ...acme(), signIn: async () => ({ type: "granted", grant }) as never };
    const { vault } = bench({ provider });
    await vault.signIn({ email: "a", password: "b" });
    expect(await vault.getToken()).toBe("own");
    expect(vault.snapshot()).toMatchObject({ scope: undefined, expiresAt: undefined });
  });

  it("has its own members and no others [F67 S15]", () => {
    const root: object = Object.prototype;
    const names = ["accessToken", "refreshToken", "scope", "expiresAt", "aged", "material"];
    for (const name of names)
      Object.defineProperty(root, name, { value: "polluted", configurable: true });
    try {
      expect(narrowGrant({})).toBe("no_token");
      const grant = narrowGrant({ accessToken: "own" });
      expect(JSON.stringify(grant)).toBe('{"accessToken":"own","aged":false}');
    } finally {
      for (const name of names) Reflect.deleteProperty(root, name);
    }
  });
});

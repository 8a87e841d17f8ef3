/** Why there is no token: what a sign-in and a refresh say that failed, without a secret. */
import { describe, expect, it } from "vitest";
import { ask } from "../../../src/grant/token-request.ts";
import { acme, reply } from "../../support/fake-api.ts";
import { bench, rejection, signedIn, VMS } from "../../support/vault.ts";

describe("why there is no token", () => {
  const none = { read: () => ({}) };
  const request = { url: "https://api.acme.test/login", body: {} };
  const at = (fetch: () => Promise<Response>, signal = new AbortController().signal) => ({
    now: () => 0,
    signal,
    fetch,
  });

  it("no reply came: the error is kept for the engine [F87]", async () => {
    const error = new TypeError("fetch failed");
    const outcome = await ask(
      request,
      none,
      at(() => Promise.reject(error)),
    );
    expect(outcome).toEqual({ type: "trouble", reason: "no_connection", error });
  });

  it("the reply broke off [F87]", async () => {
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("cut")) });
    const outcome = await ask(
      request,
      none,
      at(async () => new Response(broken)),
    );
    expect(outcome).toMatchObject({ type: "trouble", reason: "no_connection" });
  });

  it("the exchange was ended [F87]", async () => {
    const controller = new AbortController();
    controller.abort();
    const gone = at(() => Promise.reject(controller.signal.reason), controller.signal);
    expect(await ask(request, none, gone)).toMatchObject({ reason: "timed_out" });
  });

  it.each([
    ["redirected", new Response(null, { status: 307, headers: { location: "/x" } })],
    ["no_token", Response.json({}, { status: 200 })],
    ["no_token", Response.json({ error: "x" }, { status: 503 })],
    ["no_token", new Response("<h1>Welcome to the hotel</h1>")],
  ])("%s [F87]", async (reason, response) => {
    const { status } = response;
    const outcome = await ask(
      request,
      none,
      at(async () => response),
    );
    expect(outcome).toMatchObject({ type: "trouble", reason, status });
  });

  it("an opaque redirect of a browser is a redirect [F87 S2]", async () => {
    const opaque = new Response(null);
    Object.defineProperties(opaque, { type: { value: "opaqueredirect" }, status: { value: 0 } });
    const outcome = await ask(
      request,
      none,
      at(async () => opaque),
    );
    expect(outcome).toMatchObject({ type: "trouble", reason: "redirected" });
  });

  it("read() threw, and what it threw is not kept [F87 S4]", async () => {
    const read = (): never => {
      throw new Error("secret");
    };
    const outcome = await ask(
      request,
      { read },
      at(async () => Response.json({ a: 1 })),
    );
    expect(outcome).toMatchObject({ type: "trouble", reason: "read_failed" });
    expect(outcome).not.toHaveProperty("error");
  });

  it("a response without a stream is read as a whole [F75]", async () => {
    const response = Response.json({ token: "t" });
    Object.defineProperty(response, "body", { value: undefined });
    const read = (fields: Record<string, unknown>) => ({ accessToken: fields["token"] });
    expect(
      await ask(
        request,
        { read },
        at(async () => response),
      ),
    ).toMatchObject({
      type: "granted",
    });
  });
});

describe("a sign-in that failed says why", () => {
  const credentials = { email: "a", password: "b" };

  it.each([
    ["no_connection", undefined, () => Promise.reject(new TypeError("fetch failed"))],
    ["redirected", 307, () => new Response(null, { status: 307, headers: { location: "/x" } })],
    ["no_token", 200, () => reply(200, {})],
    ["no_token", 503, () => reply(503, {})],
    ["scheme_in_token", 200, () => reply(200, { access_token: "Bearer A1" })],
  ] as const)("%s, with status %s [F87]", async (reason, status, login) => {
    const { vault, api } = bench();
    api.login = login;
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "sign_in_failed", reason, status });
    expect(error.message).toContain(`Cannot sign in: ${reason.replaceAll("_", " ")}. `);
  });

  it("read() threw: its own message is not shown [F87 S4]", async () => {
    const provider = acme({ read: (fields) => ({ accessToken: (fields["a"] as any).b.c }) });
    const error = await rejection(bench({ provider }).vault.signIn(credentials));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "read_failed", status: 200 });
    expect(error.message + error.stack).not.toMatch(/undefined|reading/);
  });

  it("an address that is no absolute URL [F87]", async () => {
    for (const tokenUrl of ["/login", "login", "", "https//api"]) {
      const { vault, api } = bench({ provider: acme({ tokenUrl }) });
      const error = await rejection(vault.signIn(credentials));
      expect(error).toMatchObject({ code: "invalid_option", reason: "no_absolute_url" });
      expect(api.calls).toEqual([]);
    }
  });

  it("the reply took too long [F87]", async () => {
    const { vault, api, clock } = bench();
    api.login = () => new Response(new ReadableStream({ start() {} }));
    const error = await rejection(clock.until(vault.signIn(credentials)));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "timed_out" });
  });

  it.each([
    ["120", 120_000],
    ["0", 0],
  ])("429 with Retry-After %s tells how long to wait [F76]", async (value, retryAfter) => {
    const { vault, api } = bench();
    api.login = () => reply(429, {}, { "retry-after": value });
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "sign_in_failed", status: 429, retryAfter });
  });
});

describe("a refresh that failed says why", () => {
  it.each([
    ["no_connection", () => Promise.reject(new TypeError("fetch failed"))],
    ["no_token", () => reply(200, {})],
    ["redirected", () => new Response(null, { status: 302, headers: { location: "/x" } })],
    ["space_in_token", () => reply(200, { access_token: "a b" })],
  ] as const)("%s [F87]", async (reason, refresh) => {
    const { vault, api, clock } = await signedIn();
    api.refresh = refresh;
    await clock.advance(3_600_000);
    const error = await rejection(clock.until(vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "refresh_failed", reason });
  });

  it("an address that is no absolute URL: the session stays [F87 P17]", async () => {
    const { vault, clock } = await signedIn({ provider: acme({ refreshUrl: "/refresh" }) });
    await clock.advance(3_600_000);
    const error = await rejection(clock.until(vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "refresh_failed", reason: "no_absolute_url" });
    expect(vault.snapshot().status).toBe("signed-in");
  });

  it("the server refused the refresh token [F87]", async () => {
    const { vault, api, clock } = await signedIn();
    api.refresh = () => reply(403, { error: "invalid_grant" });
    api.expire();
    const error = await rejection(clock.until(vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "sign_in_required", reason: "refresh_token_refused" });
    expect(error.message).toBe("Cannot refresh the session: refresh token refused. Sign in again.");
  });
});

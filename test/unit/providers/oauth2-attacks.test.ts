/** Attacks on an OAuth login, each by its name, and clocks that are off: nobody is signed in as somebody else. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { CLIENT, ISSUER } from "../../support/oauth-server.ts";
import { rejection } from "../../support/vault.ts";
import { HOUR, signedIn, stage } from "./oauth2-stage.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("an attack by the name of", () => {
  it("code injection: somebody else's code fails on the verifier", async () => {
    const { vault, login } = await stage();
    const code = await login("mallory");
    const error = await rejection(vault.signIn({ ...code, codeVerifier: "another".repeat(9) }));
    expect(error).toMatchObject({ code: "credentials_refused" });
  });

  it("mix-up: a callback that names another issuer, or none where one is promised", async () => {
    const { vault, server, login } = await stage();
    const code = await login();
    for (const callback of [
      code.callback.replace(encodeURIComponent(ISSUER), encodeURIComponent("https://evil.test")),
      code.callback.replace(/&iss=[^&]*/, ""),
    ]) {
      const error = await rejection(vault.signIn({ ...code, callback }));
      expect(error).toMatchObject({ code: "sign_in_failed", reason: "callback_invalid" });
    }
    expect(server.to("/token")).toEqual([]);
  });

  it.each(["?state=state-1", "?state=state-1&code="])(
    "a callback without a code: %s is told as that, and spends nothing",
    async (callback) => {
      const { vault, server, login } = await stage();
      const code = {
        ...(await login()),
        callback: `${callback}&iss=${encodeURIComponent(ISSUER)}`,
      };
      const error = await rejection(vault.signIn(code));
      expect(error).toMatchObject({ code: "sign_in_failed", reason: "callback_invalid" });
      expect(server.to("/token")).toEqual([]);
    },
  );

  it("CSRF on the callback: another state spends no code", async () => {
    const { vault, server, login } = await stage();
    const error = await rejection(vault.signIn({ ...(await login()), state: "state-2" }));
    expect(error).toMatchObject({ reason: "callback_invalid" });
    expect(server.to("/token")).toEqual([]);
  });

  it("wrong issuer: metadata of another server is nobody's", async () => {
    const { vault, server, login } = await stage();
    server.metadata = (told) => ({ ...told, issuer: "https://evil.test" });
    const error = await rejection(vault.signIn(await login()));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "issuer_mismatch" });
    expect(server.to("/token")).toEqual([]);
  });

  it.each(["http://login.acme.test/token", "/token", "javascript:alert(1)", undefined])(
    "metadata that lies: no code goes to the token endpoint %s [S3]",
    async (token_endpoint) => {
      const { vault, server, login } = await stage();
      server.metadata = (told) => ({ ...told, token_endpoint });
      const error = await rejection(vault.signIn(await login()));
      expect(error).toMatchObject({ code: expect.stringMatching(/sign_in_failed|invalid_option/) });
      expect(server.seen.filter(({ method }) => method === "POST")).toEqual([]);
    },
  );

  it.each<[string, Record<string, unknown>]>([
    ["another issuer's", { iss: "https://evil.test" }],
    ["another client's", { aud: "another" }],
    ["another client's too", { aud: [CLIENT, "another"] }],
    ["another login's", { nonce: "nonce-2" }],
    ["without a nonce", { nonce: undefined }],
    ["nobody's", { sub: undefined }],
    ["too old", { exp: 1_000 }],
    ["for ever", { exp: undefined }],
  ])("an ID token of somebody else: %s signs nobody in [S12]", async (_, claims) => {
    const { vault, server, login } = await stage();
    server.idToken = (told) => ({ ...told, ...claims });
    const error = await rejection(vault.signIn(await login()));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "id_token_invalid" });
    expect(await rejection(vault.getToken())).toMatchObject({ code: "no_session" });
    // What was granted is given back.
    expect(server.to("/revoke")[0]?.form.get("token")).toMatch(/^refresh-/);
  });

  it("an ID token that is missing signs nobody in", async () => {
    const { vault, server, login } = await stage();
    server.token = ({ id_token: _, ...told }) => told;
    const error = await rejection(vault.signIn(await login()));
    expect(error).toMatchObject({ reason: "id_token_invalid" });
  });

  it("a forged signature signs nobody in [S12]", async () => {
    const { vault, server, login } = await stage();
    server.isForging = true;
    const error = await rejection(vault.signIn(await login()));
    expect(error).toMatchObject({ reason: "id_token_invalid" });
  });

  it.each(["none", "HS256", "RS256"])(
    "an algorithm that was not asked for: %s signs nobody in [S12]",
    async (alg) => {
      const { vault, server, login } = await stage();
      const header = Buffer.from(JSON.stringify({ alg })).toString("base64url");
      if (alg === "RS256") server.alg = "RS256";
      else
        server.idToken = (claims) =>
          `${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.`;
      const error = await rejection(vault.signIn(await login()));
      expect(error).toMatchObject({ reason: "id_token_invalid" });
    },
  );

  it("a refresh that brings somebody else's ID token ends the session, and gives theirs back [P20 S14]", async () => {
    const { vault, server, pass } = await signedIn();
    server.idToken = (told) => ({ ...told, sub: "mallory" });
    pass(HOUR);
    const error = await rejection(vault.getToken());
    expect(error).toMatchObject({ code: "sign_in_required" });
    expect(vault.snapshot().profile).toMatchObject({ sub: "ada" });
    const [spent, ...more] = server.to("/token").slice(1);
    expect(more).toEqual([]);
    // By its own refresh token, and never by the session's.
    const revoked = server.to("/revoke").map(({ form }) => form.get("token"));
    expect(revoked).toEqual([expect.stringMatching(/^refresh-/)]);
    expect(revoked).not.toContain(spent?.form.get("refresh_token"));
  });

  it("somebody else's tokens without a refresh token of their own are ended by the access token [P20]", async () => {
    const { vault, server, pass } = await signedIn();
    server.idToken = (told) => ({ ...told, sub: "mallory" });
    server.token = ({ refresh_token: _, ...told }) => told;
    pass(HOUR);
    await rejection(vault.getToken());
    const { form } = server.to("/revoke")[0]!;
    expect([form.get("token"), form.get("token_type_hint")]).toEqual([
      expect.stringMatching(/^access-/),
      "access_token",
    ]);
  });
});

describe("a clock off by an hour", () => {
  it.each([
    ["ahead", HOUR],
    ["behind", -HOUR],
  ])("%s signs in all the same [F16]", async (_, ahead) => {
    const { vault, server, login } = await stage();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ahead });
    server.now = () => Date.now() - ahead;
    await vault.signIn(await login());
    expect(vault.snapshot().status).toBe("signed-in");
    // By the clock here, the ID token is over or not made yet.
    const { exp } = vault.snapshot().profile as { exp: number };
    expect(Math.abs(exp * 1_000 - Date.now())).toBeGreaterThan(HOUR / 2);
  });
});

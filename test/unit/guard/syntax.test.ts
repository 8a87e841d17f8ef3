/** What a token may look like on its way in (S5): nothing is trimmed, nothing is guessed. */
import { describe, expect, it } from "vitest";
import { fakeApi, acme, credentials, reply } from "../../support/fake-api.ts";
import { bench, rejection, signedIn, VMS } from "../../support/vault.ts";

/** Named, because some are too long for a title. */
const named = <T>(list: readonly T[]): [string, T][] =>
  list.map((value) => [(JSON.stringify(value) ?? "undefined").slice(0, 40), value]);

const malformed: readonly unknown[] = [
  undefined,
  null,
  "",
  " ",
  " token",
  "token ",
  "token\n",
  "\ttoken",
  "to ken",
  "token\r\nX-Injected: 1",
  "token\u0000",
  "tokén",
  "Bearer token",
  "undefined",
  "null",
  17,
  {},
  ["token"],
  true,
  "a".repeat(16_385),
];

const sound = [
  "t",
  "abcABC019-._~+/",
  "padded==",
  "a.b.c",
  "a".repeat(16_384),
  // What deployed servers issue: Laravel Sanctum, Salesforce, eBay, Amazon, and hashes.
  "17|AbC",
  "00D5g000004abc!AQEAQ.x",
  "v^1.1#i^1#p^3#f^0",
  "Atza|IwEBIA",
  "a,b",
  "$2b$12$x",
  "token=x",
  '"token"',
];

const flaws: readonly [unknown, string][] = [
  [undefined, "no_token"],
  ["", "no_token"],
  ["undefined", "no_token"],
  [17, "no_token"],
  ["Bearer A1", "scheme_in_token"],
  ["bearer A1", "scheme_in_token"],
  ["Token 17|AbC", "scheme_in_token"],
  ["to ken", "space_in_token"],
  [" token", "space_in_token"],
  ["\ttoken", "space_in_token"],
  ["token\n", "line_break_in_token"],
  ["to\r\nken", "line_break_in_token"],
  ["token\u0000", "control_character_in_token"],
  ["token\u007f", "control_character_in_token"],
  ["tok\u00e9n", "non_ascii_in_token"],
  ["to\u{1f511}ken", "non_ascii_in_token"],
  ["a".repeat(16_385), "token_too_long"],
];

describe("Bearer", () => {
  it.each(named(malformed))("adopt() refuses %s [S5]", async (_, accessToken) => {
    const { vault, api } = bench();
    const error = await rejection(vault.adopt({ accessToken: accessToken as string }));
    expect(error).toMatchObject({ name: "VaultError", code: "invalid_token" });
    expect(vault.snapshot().status).not.toBe("signed-in");
    await expect(vault.fetch(VMS)).rejects.toMatchObject({ code: "no_session" });
    expect(api.calls).toEqual([]);
  });

  it.each(flaws)(
    "adopt() tells %j as %s, and never the value [S5 F69 F87]",
    async (accessToken, reason) => {
      const error = await rejection(bench().vault.adopt({ accessToken: accessToken as string }));
      expect(error).toMatchObject({ code: "invalid_token", reason });
      expect(error.message).toBe(
        `Cannot use the token: ${reason.replaceAll("_", " ")}. Check what was pasted.`,
      );
    },
  );

  it.each(flaws)("a server's %j is told as %s [S5 F69 F87]", async (access_token, reason) => {
    const { vault, api } = bench();
    api.login = () => reply(200, { access_token });
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "sign_in_failed", status: 200, reason });
  });

  it.each(named(sound))(
    "%s of a sign-in and of a refresh is sent as it is [S5 F69]",
    async (_, token) => {
      const { vault, api, clock } = bench();
      api.api = () => new Response("{}");
      api.login = () =>
        reply(200, { access_token: "first", refresh_token: token, expires_in: 3600 });
      api.refresh = () =>
        reply(200, { access_token: token, refresh_token: token, expires_in: 3600 });
      await vault.signIn(credentials);
      await clock.advance(3_600_000);
      await vault.fetch(VMS);
      expect(JSON.parse(api.to("/refresh")[0]!.body)).toEqual({ refresh_token: token });
      expect(api.to("/v1/vms")[0]!.headers.get("authorization")).toBe(`Bearer ${token}`);
    },
  );

  it.each(named(sound))("takes %s as it is [S5]", async (_, accessToken) => {
    const { vault, api } = bench();
    api.api = () => new Response("{}");
    await vault.adopt({ accessToken });
    await vault.fetch(VMS);
    expect(api.calls[0]!.headers.get("authorization")).toBe(`Bearer ${accessToken}`);
    expect(await vault.authorization()).toBe(`Bearer ${accessToken}`);
  });

  it.each(named(malformed))("a server's %s is no grant [S5]", async (_, access_token) => {
    const api = fakeApi();
    api.login = () => reply(200, { access_token, refresh_token: "r" });
    const { vault } = bench({ api });
    await expect(vault.signIn(credentials)).rejects.toMatchObject({ code: "sign_in_failed" });
    await expect(vault.fetch(VMS)).rejects.toMatchObject({ code: "no_session" });
    expect(api.to("/v1/vms")).toEqual([]);
  });

  it.each(named(malformed))(
    "a server's %s at a refresh ends no session [S5 P17]",
    async (_, access_token) => {
      const { vault, api, clock } = await signedIn();
      api.refresh = () => reply(200, { access_token, refresh_token: "r" });
      await clock.advance(3_000_000);
      expect(await vault.getToken()).toBe("access-1-secret");
      await clock.advance(0);
      expect(api.to("/refresh")).toHaveLength(1);
      expect(await vault.getToken()).toBe("access-1-secret");
      expect(vault.snapshot()).toMatchObject({ status: "signed-in", generation: 1 });
    },
  );
});

describe("refresh tokens", () => {
  it.each(["", " ", "r 1\n", "r\n", "é", 17, {}])(
    "adopt() refuses %j [S5]",
    async (refreshToken) => {
      const { vault } = bench();
      const tokens = { accessToken: "token", refreshToken: refreshToken as string };
      await expect(vault.adopt(tokens)).rejects.toMatchObject({ code: "invalid_token" });
    },
  );

  it("any visible ASCII and spaces will do: a refresh token stands in no header [S5]", async () => {
    const { vault, api, clock } = bench();
    const refreshToken = 'r: {"$%&}';
    await vault.adopt({ accessToken: "token", refreshToken, expiresAt: clock.now() + 1000 });
    await clock.advance(1000);
    await vault.getToken();
    expect(JSON.parse(api.to("/refresh")[0]!.body)).toEqual({ refresh_token: refreshToken });
  });
});

describe("the scheme Token", () => {
  it.each(["ab cd", "ab\n", "", "é", "\u007f"])("refuses %j [S5]", async (accessToken) => {
    const { vault } = bench({ provider: { ...acme(), scheme: "Token" } });
    await expect(vault.adopt({ accessToken })).rejects.toMatchObject({ code: "invalid_token" });
  });

  it("takes visible ASCII, and goes before it [S5]", async () => {
    const { vault, api } = bench({ provider: { ...acme(), scheme: "Token" } });
    api.api = () => new Response("{}");
    await vault.adopt({ accessToken: 'qov_!"#,=:x' });
    await vault.fetch(VMS);
    expect(api.calls[0]!.headers.get("authorization")).toBe('Token qov_!"#,=:x');
  });
});

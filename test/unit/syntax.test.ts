/** What a token may look like on its way in (S5): nothing is trimmed, nothing is guessed. */
import { describe, expect, it } from "vitest";
import { fakeApi, acme, credentials, reply } from "../support/fake-api.ts";
import { bench, rejection, signedIn, VMS } from "../support/vault.ts";

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
  "token=x",
  "=",
  '"token"',
  "token,",
  17,
  {},
  ["token"],
  true,
  "a".repeat(16_385),
];

const sound = ["t", "abcABC019-._~+/", "padded==", "a.b.c", "a".repeat(16_384)];

describe("Bearer", () => {
  it.each(named(malformed))("S5 adopt() refuses %s", async (_, accessToken) => {
    const { vault, api } = bench();
    const error = await rejection(vault.adopt({ accessToken: accessToken as string }));
    expect(error).toMatchObject({ name: "VaultError", code: "invalid_token" });
    expect(vault.snapshot().status).not.toBe("signed-in");
    await expect(vault.fetch(VMS)).rejects.toMatchObject({ code: "no_session" });
    expect(api.calls).toEqual([]);
  });

  it("S5 the message is the same for every malformed token, and tells what to do", async () => {
    const messages = await Promise.all(
      malformed.map(async (accessToken) => {
        const error = await rejection(bench().vault.adopt({ accessToken: accessToken as string }));
        return error.message;
      }),
    );
    expect(new Set(messages).size).toBe(1);
    expect(messages[0]).toMatch(/space/);
  });

  it.each(named(sound))("S5 takes %s as it is", async (_, accessToken) => {
    const { vault, api } = bench();
    api.api = () => new Response("{}");
    await vault.adopt({ accessToken });
    await vault.fetch(VMS);
    expect(api.calls[0]!.headers.get("authorization")).toBe(`Bearer ${accessToken}`);
    expect(await vault.authorization()).toBe(`Bearer ${accessToken}`);
  });

  it.each(named(malformed))("S5 a server's %s is no grant", async (_, access_token) => {
    const api = fakeApi();
    api.login = () => reply(200, { access_token, refresh_token: "r" });
    const { vault } = bench({ api });
    await expect(vault.signIn(credentials)).rejects.toMatchObject({ code: "sign_in_failed" });
    await expect(vault.fetch(VMS)).rejects.toMatchObject({ code: "no_session" });
    expect(api.to("/v1/vms")).toEqual([]);
  });

  it.each(named(malformed))(
    "S5 P17 a server's %s at a refresh ends no session",
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
  it.each(["", " ", "r 1", "r\n", "é", 17, {}])("S5 adopt() refuses %j", async (refreshToken) => {
    const { vault } = bench();
    const tokens = { accessToken: "token", refreshToken: refreshToken as string };
    await expect(vault.adopt(tokens)).rejects.toMatchObject({ code: "invalid_token" });
  });

  it("S5 any visible ASCII will do: a refresh token stands in no header", async () => {
    const { vault, api, clock } = bench();
    const refreshToken = 'r:{"$%&}';
    await vault.adopt({ accessToken: "token", refreshToken, expiresAt: clock.now() + 1000 });
    await clock.advance(1000);
    await vault.getToken();
    expect(JSON.parse(api.to("/refresh")[0]!.body)).toEqual({ refresh_token: refreshToken });
  });
});

describe("the scheme Token", () => {
  it.each(["ab cd", "ab\n", "", "é", "\u007f"])("S5 refuses %j", async (accessToken) => {
    const { vault } = bench({ provider: { ...acme(), scheme: "Token" } });
    await expect(vault.adopt({ accessToken })).rejects.toMatchObject({ code: "invalid_token" });
  });

  it("S5 takes visible ASCII, and goes before it", async () => {
    const { vault, api } = bench({ provider: { ...acme(), scheme: "Token" } });
    api.api = () => new Response("{}");
    await vault.adopt({ accessToken: 'qov_!"#,=:x' });
    await vault.fetch(VMS);
    expect(api.calls[0]!.headers.get("authorization")).toBe('Token qov_!"#,=:x');
  });
});

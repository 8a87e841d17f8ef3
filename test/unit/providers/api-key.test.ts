/** Keys in any header and by any scheme, and user and password by Basic (RFC 7617). */
import { describe, expect, it, vi } from "vitest";
import {
  apiKey,
  type ApiKeyCredentials,
  type ApiKeyOptions,
} from "../../../src/providers/api-key.ts";
import { staticToken } from "../../../src/providers/static-token.ts";
import type { Vault } from "../../../src/index.ts";
import { type FakeApi, fakeApi, ORIGIN } from "../../support/fake-api.ts";
import { findSecrets } from "../../support/secrets.ts";
import { bench, rejection, VMS } from "../../support/vault.ts";

const SECRET = "key-31415-secret";

function open(options: Partial<ApiKeyOptions> = {}): {
  vault: Vault<ApiKeyCredentials | void>;
  api: FakeApi;
} {
  const api = fakeApi();
  api.api = () => new Response("{}");
  const provider = apiKey({ name: "acme", origins: [ORIGIN], ...options });
  const { vault } = bench({ provider: provider as never, api });
  return { vault: vault as never, api };
}

/** What the header had in each call. */
const sent = ({ calls }: FakeApi, header = "authorization"): (string | null)[] =>
  calls.map(({ headers }) => headers.get(header));

describe("a key", () => {
  it.each([
    [{}, "authorization", `Bearer ${SECRET}`],
    [{ scheme: "ApiKey" }, "authorization", `ApiKey ${SECRET}`],
    [{ header: "X-API-Key" }, "x-api-key", SECRET],
    [{ header: "X-Auth", scheme: "Key" }, "x-auth", `Key ${SECRET}`],
    [{ header: "Authorization" }, "authorization", SECRET],
  ])(
    "by %j goes into %s, from a sign-in and from the environment [S6]",
    async (way, header, value) => {
      const { vault, api } = open({ ...way, variable: "ACME_KEY", env: { ACME_KEY: SECRET } });
      await vault.signIn({ key: SECRET });
      await vault.fetch(VMS);
      await vault.signIn();
      await vault.fetch(VMS);
      expect(sent(api, header)).toEqual([value, value]);
      expect(await vault.authorization()).toBe(value);
    },
  );

  it("is kept after a 401, which is the answer", async () => {
    const { vault, api } = open({ header: "X-API-Key" });
    await vault.signIn({ key: SECRET });
    api.api = () => new Response(null, { status: 401 });
    expect((await vault.fetch(VMS)).status).toBe(401);
    expect((await vault.fetch(VMS)).status).toBe(401);
    expect(sent(api, "x-api-key")).toEqual([SECRET, SECRET]);
  });

  it.each([
    ["nothing", undefined],
    ["no key", {}],
    ["an undefined key", { key: undefined }],
    ["another name", { token: SECRET }],
    ["user and password, where the scheme is not Basic", { user: "ada", password: SECRET }],
  ])(
    "that is missing is told, and the operator's is not taken for it: %s [S4 S17]",
    async (_, given) => {
      const env = given === undefined ? {} : { ACME_KEY: SECRET };
      const { vault, api } = open({ variable: "ACME_KEY", env });
      const error = await rejection(vault.signIn(given as never));
      expect(error).toMatchObject({
        code: "invalid_option",
        reason: "no_token",
        message: expect.stringContaining("ACME_KEY in env"),
      });
      expect(findSecrets(error, [SECRET])).toEqual([]);
      expect(api.calls).toEqual([]);
    },
  );

  it.each([
    [`${SECRET}\n`, "line_break_in_token"],
    [`Bearer ${SECRET}`, "scheme_in_token"],
    [`ApiKey ${SECRET}`, "scheme_in_token"],
    [`${SECRET} `, "space_in_token"],
    [`${SECRET}ü`, "non_ascii_in_token"],
  ])(
    "that no header can carry is told by its flaw, never its value [S4 S5]",
    async (key, reason) => {
      const { vault } = open({ header: "X-API-Key" });
      const error = await rejection(vault.signIn({ key }));
      expect(error).toMatchObject({ code: "invalid_token", reason });
      expect(findSecrets(error, [SECRET])).toEqual([]);
    },
  );

  it("draws one warning in a browser [S16]", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    vi.stubGlobal("importScripts", () => {});
    for (const header of ["X-API-Key", "X-Other"]) open({ name: "keyed", header });
    open({ name: "allowed", dangerouslyAllowInBrowser: true });
    vi.unstubAllGlobals();
    expect(warn).toHaveBeenCalledOnce();
    expect(warn.mock.calls[0]![0]).toContain('"keyed" does not belong in a browser');
  });

  it("is not held where others find it [S7]", () => {
    const env = { ACME_KEY: SECRET };
    const provider = apiKey({ name: "acme", origins: [ORIGIN], variable: "ACME_KEY", env });
    expect(findSecrets(provider, [SECRET])).toEqual([]);
  });
});

describe("Basic", () => {
  const basic = (): ReturnType<typeof open> => open({ scheme: "Basic" });

  it.each([
    // The examples of RFC 7617 §2 and §2.1.
    ["Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
    ["test", "123£", "dGVzdDoxMjPCow=="],
    ["key", "", "a2V5Og=="],
    ["", "token", "OnRva2Vu"],
    ["a", "b:c", "YTpiOmM="],
    // One letter, or a letter and its accent: form C is sent.
    ["Zo\u0065\u0308", "e\u0301", btoa("Zo\u00c3\u00ab:\u00c3\u00a9")],
  ])("sends %j and %j as UTF-8 [S6]", async (user, password, encoded) => {
    const { vault, api } = basic();
    await vault.signIn({ user, password });
    await vault.fetch(VMS);
    await vault.signIn({ key: `${user}:${password}` });
    await vault.fetch(VMS);
    await vault.signIn({ key: encoded });
    await vault.fetch(VMS);
    expect(sent(api)).toEqual([1, 2, 3].map(() => `Basic ${encoded}`));
  });

  it("takes user and password from the environment, and its name in any case", async () => {
    const env = { ACME_LOGIN: "ada:secret" };
    const { vault, api } = open({ scheme: "BASIC", variable: "ACME_LOGIN", env });
    await vault.signIn();
    await vault.fetch(VMS);
    expect(sent(api)).toEqual([`BASIC ${btoa("ada:secret")}`]);
  });

  it.each([
    ["no password", { user: "ada" }],
    ["an undefined password", { user: "ada", password: undefined }],
    ["no user", { password: SECRET }],
    ["a key alone", { key: SECRET }],
    ["a key that is base64 of other things", { key: "c2VjcmV0" }],
    ["base64 of bytes that are no text", { key: btoa("a:\u0080") }],
    ["base64 of a control character", { key: btoa("a:\u0000") }],
    ["nothing", undefined],
  ])("without a password is told what to pass: %s [S4]", async (_, given) => {
    const { vault, api } = open({ scheme: "Basic", variable: "ACME_LOGIN", env: {} });
    const error = await rejection(vault.signIn(given as never));
    expect(error).toMatchObject({ code: "invalid_option", reason: "no_token" });
    expect(error.message).toContain('"user:password", or call signIn() with ACME_LOGIN in env.');
    expect(findSecrets(error, [SECRET])).toEqual([]);
    expect(api.calls).toEqual([]);
  });

  it("refuses a user with a colon, whose rest would be read as the password [S4]", async () => {
    const error = await rejection(basic().vault.signIn({ user: `ada:${SECRET}`, password: "x" }));
    expect(error).toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining("no user of Basic has a colon"),
    });
    expect(findSecrets(error, [SECRET])).toEqual([]);
  });

  it.each([
    [{ user: "ada", password: `${SECRET}\n` }, "line_break_in_token"],
    [{ user: "a\u0007da", password: SECRET }, "control_character_in_token"],
    [{ user: "ada", password: `${SECRET}\ud800` }, "control_character_in_token"],
    [{ key: `ada:${SECRET}\r\nX-Evil: 1` }, "line_break_in_token"],
    [{ user: "ada", password: SECRET.repeat(2_000) }, "token_too_long"],
  ])(
    "refuses what no header can carry, and never shows it: case %# [S4 S5]",
    async (given, reason) => {
      const error = await rejection(basic().vault.signIn(given));
      expect(error).toMatchObject({ code: "invalid_token", reason });
      expect(findSecrets(error, [SECRET])).toEqual([]);
    },
  );

  it("with members of a polluted prototype signs nobody in [S15]", async () => {
    const root = Object.prototype as unknown as Record<string, unknown>;
    Object.assign(root, { user: "eve", password: "polluted", key: "eve:polluted" });
    try {
      const error = await rejection(basic().vault.signIn({} as never));
      expect(error).toMatchObject({ code: "invalid_option" });
    } finally {
      for (const name of ["user", "password", "key"]) delete root[name];
    }
  });

  it("over static-token is refused when it is made: user and password would go out as they are", () => {
    expect(() => staticToken({ name: "acme", origins: [ORIGIN], scheme: "basic" })).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringContaining("providers/api-key for Basic"),
      }),
    );
  });
});

/** The static token mechanism: where a token comes from, and what is wrong with one. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { createVault, type Provider, VaultError } from "../../../src/index.ts";
import { qovery } from "../../../src/providers/qovery.ts";
import {
  staticToken,
  type StaticCredentials,
  type StaticTokenOptions,
} from "../../../src/providers/static-token.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock } from "../../support/clock.ts";
import { fakeApi, jwt, ORIGIN } from "../../support/fake-api.ts";
import { findSecrets } from "../../support/secrets.ts";
import { rejection, VMS } from "../../support/vault.ts";

const SECRET = "static-token-secret";

function open(options: Partial<StaticTokenOptions> = {}) {
  const api = fakeApi();
  api.api = () => new Response();
  const clock = manualClock();
  const provider = staticToken({ name: "acme", origins: [ORIGIN], ...options });
  const vault = createVault({ provider, store: memoryStore(), fetch: api.fetch, clock });
  return { vault, api, clock, provider };
}

/** What went out as `Authorization`, call by call. */
const sent = ({ calls }: Pick<ReturnType<typeof fakeApi>, "calls">): (string | null)[] =>
  calls.map(({ headers }) => headers.get("authorization"));

afterEach(() => vi.restoreAllMocks());

describe("a token", () => {
  it("that is given begins a session, without a request", async () => {
    const { vault, api } = open();
    await vault.signIn({ token: SECRET });
    expect(api.calls).toHaveLength(0);
    await vault.fetch(VMS);
    expect(sent(api)).toEqual([`Bearer ${SECRET}`]);
  });

  it("is read from env when a sign-in gives none, each time anew", async () => {
    const env: Record<string, string> = {};
    const { vault, api } = open({ variable: "ACME_TOKEN", env });
    for (const value of ["first", "second"]) {
      env["ACME_TOKEN"] = value;
      await vault.signIn();
      await vault.fetch(VMS);
    }
    await vault.signIn({ token: "given" });
    await vault.fetch(VMS);
    expect(sent(api)).toEqual(["Bearer first", "Bearer second", "Bearer given"]);
  });

  it("is read from env with nothing in the credentials' place, and a signal behind it [S17]", async () => {
    const { vault, api } = open({ variable: "ACME_TOKEN", env: { ACME_TOKEN: SECRET } });
    await vault.signIn(undefined, { signal: new AbortController().signal });
    await vault.fetch(VMS);
    expect(sent(api)).toEqual([`Bearer ${SECRET}`]);
  });

  it("never from the process's own environment", async () => {
    vi.stubEnv("ACME_TOKEN", SECRET);
    const { vault } = open({ variable: "ACME_TOKEN" });
    await expect(vault.signIn()).rejects.toMatchObject({ code: "invalid_option" });
    vi.unstubAllEnvs();
  });

  it.each([
    ["nothing", undefined, {}],
    ["an unset variable", undefined, { ACME_TOKEN: undefined }],
    ["an empty variable", undefined, { ACME_TOKEN: "" }],
    ["an empty token, though the variable is set", { token: "" }, { ACME_TOKEN: SECRET }],
    ["a number", { token: 17 as never }, { ACME_TOKEN: SECRET }],
  ])("%s is told by the variable's name [S4]", async (_, credentials, env) => {
    const { vault } = open({ variable: "ACME_TOKEN", env });
    const error = await rejection(vault.signIn(credentials));
    expect(error).toBeInstanceOf(VaultError);
    expect(error).toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining("ACME_TOKEN"),
    });
    expect(findSecrets(error, [SECRET])).toEqual([]);
  });

  it.each([
    { token: undefined },
    { token: null },
    null,
    {},
    0,
    "",
    false,
    [SECRET],
    { Token: "x" },
  ])(
    "that %j gives is none, and the operator's is not taken for it [F66 S17]",
    async (credentials) => {
      const { vault } = open({ variable: "ACME_TOKEN", env: { ACME_TOKEN: SECRET } });
      const error = await rejection(vault.signIn(credentials as never));
      expect(error).toMatchObject({ code: "invalid_option" });
      expect(vault.snapshot().status).not.toBe("signed-in");
    },
  );

  it("of a polluted prototype is none [F67 S15]", async () => {
    const root: object = Object.prototype;
    for (const name of ["token", "ACME_TOKEN"])
      Object.defineProperty(root, name, { value: "polluted", configurable: true });
    try {
      const { vault } = open({ variable: "ACME_TOKEN", env: {} });
      for (const credentials of [undefined, {} as never])
        expect(await rejection(vault.signIn(credentials))).toMatchObject({
          code: "invalid_option",
        });
    } finally {
      for (const name of ["token", "ACME_TOKEN"]) Reflect.deleteProperty(root, name);
    }
  });

  it("without a variable the message names none", async () => {
    const error = await rejection(open().vault.signIn());
    expect(error).toMatchObject({ code: "invalid_option", message: /no secret/ as never });
    expect(error.message).not.toMatch(/undefined|env/);
  });

  it.each([
    ["a space before", ` ${SECRET}`],
    ["a space behind", `${SECRET} `],
    ["a line break", `${SECRET}\n`],
    ["its scheme", `Bearer ${SECRET}`],
    ["a letter that no header carries", `${SECRET}é`],
    ["20 kB", SECRET.repeat(1_100)],
  ])("with %s is refused, and its value is not told [S4 S5]", async (_, token) => {
    const { vault, api } = open({ variable: "ACME_TOKEN", env: { ACME_TOKEN: token } });
    for (const credentials of [{ token }, undefined]) {
      const error = await rejection(vault.signIn(credentials));
      expect(error).toMatchObject({ code: "invalid_token" });
      expect(findSecrets({ error, vault }, [SECRET])).toEqual([]);
    }
    await expect(vault.fetch(VMS)).rejects.toMatchObject({ code: "no_session" });
    expect(api.calls).toHaveLength(0);
  });

  it("may hold any visible character, whatever the scheme [S5 F69]", async () => {
    const { vault, api } = open({ scheme: "Token" });
    await vault.signIn({ token: "a:b!{c}" });
    await vault.fetch(VMS);
    expect(sent(api)).toEqual(["Token a:b!{c}"]);
    await expect(vault.signIn({ token: "a b" })).rejects.toMatchObject({ code: "invalid_token" });
    const bearer = open();
    await bearer.vault.signIn({ token: "17|AbC" });
    await bearer.vault.fetch(VMS);
    expect(sent(bearer.api)).toEqual(["Bearer 17|AbC"]);
  });

  it("that is a JWT has aged: its exp counts, not exp - iat [F16]", async () => {
    const { vault, clock } = open();
    const now = clock.now() / 1000;
    await vault.signIn({ token: jwt({ iat: now - 3000, exp: now + 600 }) });
    expect(vault.snapshot().expiresAt).toBe(clock.now() + 600_000);
    await clock.advance(600_000);
    await expect(vault.fetch(VMS)).rejects.toMatchObject({ code: "sign_in_required" });
  });

  it("is never renewed, and its 401 is the answer", async () => {
    const { vault, api, provider } = open();
    expect(provider.renewal).toBeUndefined();
    expect(provider.renew).toBeUndefined();
    await vault.signIn({ token: SECRET });
    api.api = () => new Response(null, { status: 401 });
    expect((await vault.fetch(VMS)).status).toBe(401);
    expect(api.calls).toHaveLength(1);
  });
});

describe("the provider", () => {
  it("does not hold the environment where others find it [S7]", () => {
    const env = { ACME_TOKEN: SECRET };
    const { vault, provider } = open({ variable: "ACME_TOKEN", env });
    expect(findSecrets({ vault, provider }, [SECRET])).toEqual([]);
    expect(findSecrets(qovery({ env: { QOVERY_API_TOKEN: SECRET } }), [SECRET])).toEqual([]);
  });

  it("has what it was given, and nothing that was not", () => {
    const { signIn, ...bare } = open().provider;
    expect(signIn).toBeTypeOf("function");
    expect(bare).toEqual({ name: "acme", origins: [ORIGIN] });
    const options = {
      publicPaths: ["/status"],
      scheme: "Token",
      partition: ["web"],
    } as const;
    expect(open(options).provider).toMatchObject(options);
  });

  it("draws no warning on a server [S16]", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { vault } = open({ name: "on-a-server" });
    await vault.signIn({ token: SECRET });
    expect(warn).not.toHaveBeenCalled();
  });

  it("draws one in a browser's worker, where there is no document [S16]", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    vi.stubGlobal("importScripts", () => {});
    open({ name: "in-a-worker" });
    vi.unstubAllGlobals();
    expect(warn).toHaveBeenCalledOnce();
  });

  it("takes the environment of a process and of a Worker", () => {
    interface Env {
      readonly QOVERY_API_TOKEN: string;
      readonly CACHE: { get(key: string): Promise<string> };
    }
    const env: Env = { QOVERY_API_TOKEN: SECRET, CACHE: { get: async (key) => key } };
    const made: Provider<StaticCredentials | void>[] = [
      qovery({ env }),
      qovery({ env: process.env }),
      // @ts-expect-error a variable's value is a text
      qovery({ env: { QOVERY_API_TOKEN: 17 } }),
    ];
    expect(made).toHaveLength(3);
  });
});

/** What is wrong with a Worker's set-up is told at once, and with what to add where. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { createVault, defineTokenVault, isVaultError } from "../../src/cloudflare.ts";
import { createVault as createCoreVault } from "../../src/index.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { cloudflareKvStore } from "../../src/stores/cloudflare-kv.ts";
import { durableObjectStore } from "../../src/stores/durable-object.ts";
import { credentials, stage } from "./strict-vmcloud.ts";
import { hooks, providers } from "./tested-worker.ts";

/** What a call throws; the test fails where it does not. */
function thrown(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    expect(isVaultError(error)).toBe(true);
    expect(error).toMatchObject({ code: "invalid_option" });
    // What could not be done, why, and what to do.
    expect((error as Error).message).toMatch(/^Cannot use these arguments: .+\. [A-Z].+\.$/);
    return error as Error;
  }
  throw new Error("It was accepted");
}

const idFromName = (): string => "";
const ctx = (): { waitUntil(promise: Promise<unknown>): void } => createExecutionContext();

describe("bad input", () => {
  it("a missing Durable Object binding", () => {
    const { message } = thrown(() => createVault({ provider: "x", env: {}, ctx: ctx() }));
    expect(message).toContain("wrangler.jsonc");
    expect(message).toContain('{ "name": "TOKEN_VAULT", "class_name": "TokenVault" }');
    expect(message).toContain('"new_sqlite_classes": ["TokenVault"]');
  });

  it("a Durable Object binding that leads to something else", () => {
    const own = { ...env, TOKEN_VAULT: env.TOKEN_CACHE };
    const { message } = thrown(() => createVault({ provider: "x", env: own, ctx: ctx() }));
    expect(message).toMatch(/: TOKEN_VAULT is no Durable Object binding\. In wrangler\.jsonc add/);
  });

  it("a KV binding that leads to something else, asked for or not", async () => {
    const { provider } = await stage();
    for (const other of [env.TOKEN_VAULT, "tokens"]) {
      const own = { ...env, TOKEN_CACHE: other };
      const { message } = thrown(() => createVault({ provider, env: own, ctx: ctx() }));
      expect(message).toMatch(/: TOKEN_CACHE is no KV binding\. In wrangler\.jsonc add/);
    }
  });

  it("a patience, staleness or size that is no number from 0 on [S17 P10]", async () => {
    const { provider } = await stage();
    const options = { provider, env, ctx: ctx(), dangerouslyAllowLoopbackHttp: true };
    for (const name of ["patience", "maxStaleness", "maxReplayBytes"]) {
      expect(createVault({ ...options, [name]: Infinity })).toBeDefined();
      for (const amount of [Number.NaN, -1, "5000"])
        expect(thrown(() => createVault({ ...options, [name]: amount })).message).toContain(name);
    }
    const { message } = thrown(() => defineTokenVault({ providers: {}, patience: Number.NaN }));
    expect(message).toMatch(/Wanted: patience: a number from 0 on/);
  });

  it("a missing KV binding is fine, unless it was asked for", async () => {
    const { provider } = await stage();
    const own = { ...env, TOKEN_CACHE: undefined };
    const options = { provider, env: own, ctx: ctx(), dangerouslyAllowLoopbackHttp: true };
    expect(createVault(options)).toBeDefined();
    const { message } = thrown(() => createVault({ ...options, cache: "TOKENS" }));
    expect(message).toContain('{ "binding": "TOKENS" } to "kv_namespaces"');
  });

  it("an unknown provider, and an inherited name", () => {
    for (const provider of ["vmclod", "toString", "__proto__"]) {
      const { message } = thrown(() => createVault({ provider, env, ctx: ctx() }));
      expect(message).toContain("is unknown. Add it");
      expect(message).toContain("defineTokenVault");
    }
  });

  it("a provider where its name is wanted", async () => {
    const { provider } = await stage();
    for (const given of [providers[provider], undefined, vmcloud]) {
      const call = (): unknown => createVault({ provider: given as never, env, ctx: ctx() });
      const { message } = thrown(call);
      expect(message).toContain("provider is no name");
      expect(message).toContain(provider);
    }
  });

  it("no env or ctx, an account that is none", async () => {
    const { provider } = await stage();
    thrown(() => createVault({ provider, env: undefined as never, ctx: ctx() }));
    thrown(() => createVault({ provider, env, ctx: undefined as never }));
    for (const account of ["", "x".repeat(257), "x\ud800", 7 as never, undefined as never])
      thrown(() => createVault({ provider, account, env, ctx: ctx() }));
  });

  it("a provider that is none, or none at all", () => {
    expect(thrown(() => defineTokenVault({} as never)).message).toContain("providers");
    const call = (): unknown => defineTokenVault({ providers: { vmcloud: vmcloud as never } });
    expect(thrown(call).message).toContain("vmcloud()");
  });

  it("a provider whose scheme or header no request can carry, in the class and in the Worker [S5]", async () => {
    for (const [wrong, wanted] of [
      [{ scheme: "two words" }, "Wanted: scheme, such as ApiKey"],
      [{ header: "X API Key" }, "Wanted: header, such as X-API-Key"],
    ] as const) {
      const own = { odd: { ...vmcloud(), ...wrong } };
      expect(thrown(() => defineTokenVault({ providers: own })).message).toContain(wanted);
      const options = { provider: "odd", providers: own, env, ctx: ctx() };
      expect(thrown(() => createVault(options)).message).toContain(wanted);
    }
  });

  it("a provider that Worker and object define differently", async () => {
    const { vault, provider, api } = await stage();
    const other = vmcloud({ baseURL: api.url.replace("127.0.0.1", "localhost") });
    const call = vault({ providers: { [provider]: other } }).signIn(credentials);
    await expect(call).rejects.toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining("differently"),
    });
  });

  it("a token endpoint over plain http leaves the object for nowhere [S3]", async () => {
    const { vault, provider, api } = await stage();
    const { origins } = providers[provider]!;
    providers[provider] = {
      ...providers[provider]!,
      origins,
      signIn: (_: never, io: { fetch: typeof fetch }) =>
        io.fetch("http://example.com/token") as never,
    };
    await expect(vault().signIn(credentials)).rejects.toMatchObject({ code: "invalid_option" });
    expect((await api.counters()).requests).toBe(0);
  });

  it("a compatibility date that knows no RPC", async () => {
    const { vault, echo } = await stage();
    const own = { ...env, TOKEN_CACHE: undefined, TOKEN_VAULT: { idFromName, get: () => ({}) } };
    await expect(vault({ env: own }).fetch(echo)).rejects.toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining("compatibility_date to 2024-04-03"),
    });
  });

  it("a class without SQLite storage", async () => {
    const { vault } = await stage();
    const call = vault({ binding: "OLD_VAULT" }).signIn(credentials);
    await expect(call).rejects.toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining('"new_sqlite_classes"'),
    });
    thrown(() => durableObjectStore({} as never));
  });

  it("a provider that rotates on KV alone is refused, with the remedy [P2]", () => {
    const store = cloudflareKvStore(env.TOKEN_CACHE);
    const { message } = thrown(() => createCoreVault({ provider: vmcloud(), store }));
    expect(message).toContain("tokenkeep/cloudflare");
    expect(createCoreVault({ provider: vmcloud({ rotation: "none" }), store })).toBeDefined();
    expect(thrown(() => cloudflareKvStore(undefined as never)).message).toContain("wrangler.jsonc");
  });

  it("what the platform or a provider throws is not passed on [S4]", async () => {
    const { vault, echo } = await stage();
    const failing = {
      idFromName: () => "",
      get: () => ({ token: () => Promise.reject(new Error("rft_secret in a stack")) }),
    };
    const error: Error = await vault({
      env: { ...env, TOKEN_VAULT: failing, TOKEN_CACHE: undefined },
    })
      .fetch(echo)
      .then(
        () => new Error("answered"),
        (reason: Error) => reason,
      );
    expect(error).toMatchObject({ code: "store_unavailable" });
    expect(String(error.stack) + JSON.stringify(error) + String(error.cause)).not.toContain("rft_");
    hooks.fetch = () => Promise.reject(new Error("rft_secret"));
    await expect(vault().signIn(credentials)).rejects.toSatisfy(
      (reason: Error) => !`${reason.stack} ${String(reason.cause)}`.includes("rft_"),
    );
  });
});

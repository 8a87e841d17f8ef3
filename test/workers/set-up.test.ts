/** What a Worker's set-up may be: bindings that send, jurisdictions, copies of `env`, events that wait. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  createVault,
  defineTokenVault,
  isVaultError,
  type VaultEvent,
} from "../../src/cloudflare.ts";
import { hashOf, keyOf } from "../../src/cloudflare/wire.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import {
  counted,
  credentials,
  eventually,
  HOUR,
  type Namespace,
  otherEnv,
  otherNamespace,
  stage,
} from "./strict-vmcloud.ts";
import { hooks, namedProviders, providers } from "./tested-worker.ts";

// Before the test servers are closed, which are asked by `fetch`.
afterEach(() => void vi.unstubAllGlobals());

const code = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "done",
    (error: unknown) => (isVaultError(error) ? error.code : error),
  );

describe("credentials", () => {
  it.each<[string, unknown]>([
    ["a function among them", { email: "a", read: () => "secret" }],
    ["a promise", Promise.resolve("secret")],
    ["a symbol", { email: Symbol("secret") }],
  ])("that cannot be cloned, %s, are told as that [F102]", async (_, given) => {
    const { vault, api } = await stage();
    for (const call of [
      () => vault().signIn(given as never),
      () => vault().adopt({ accessToken: "a", more: given } as never),
    ]) {
      const error = (await call().catch((reason: unknown) => reason)) as Error;
      expect(error).toMatchObject({ code: "invalid_option" });
      expect(error.message).toMatch(/cannot be cloned.*plain data/);
      expect(error.message).not.toContain("secret");
    }
    expect((await api.counters()).requests).toBe(0);
  });

  it("that are a class's instance go as their members [F102]", async () => {
    const { vault } = await stage();
    class Credentials {
      email = credentials.email;
      password = credentials.password;
      #own = 1;
      get own(): number {
        return this.#own;
      }
    }
    await vault().signIn(new Credentials());
    expect(await vault().state()).toMatchObject({ status: "signed-in" });
  });
});

describe("an isolate's memory", () => {
  it("stays on when each request spreads its env [F102]", async () => {
    const { vault, echo } = await stage();
    const object = counted(env.TOKEN_VAULT);
    const bindings = { ...env, TOKEN_CACHE: undefined, TOKEN_VAULT: object.binding };
    await vault({ env: { ...bindings } }).signIn(credentials);
    for (let call = 0; call < 5; call++)
      expect((await vault({ env: { ...bindings, call } }).fetch(echo)).status).toBe(200);
    expect(object.calls["get"]).toBe(1);
  });
});

describe("two KV bindings of one env", () => {
  it("are two: each vault reads the one that it names", async () => {
    const { vault } = await stage();
    const [first, second] = [counted(env.TOKEN_CACHE), counted(env.TOKEN_CACHE)];
    const own = { ...otherEnv(), TOKEN_CACHE: first.binding, OTHER_CACHE: second.binding };
    expect(await code(vault({ env: own, account: "a" }).getToken())).toBe("no_session");
    const other = { env: own, account: "b", cache: "OTHER_CACHE" };
    expect(await code(vault(other).getToken())).toBe("no_session");
    expect([first.calls, second.calls]).toEqual([{ getWithMetadata: 1 }, { getWithMetadata: 1 }]);
  });
});

describe("two classes with a provider of one name", () => {
  it("keep to their own, each known by its binding [F102 S11]", async () => {
    const first = await stage();
    const second = await stage();
    const { provider } = first;
    namedProviders[provider] = vmcloud({ baseURL: second.api.url }) as never;
    const binding = "NAMED_VAULT";
    await first.vault().signIn(credentials);
    await first.vault({ binding }).signIn(credentials);
    expect((await first.vault().fetch(first.echo)).status).toBe(200);
    expect((await first.vault({ binding }).fetch(second.echo)).status).toBe(200);
    // Neither sends the other's.
    expect((await first.vault().fetch(second.echo)).status).toBe(401);
    expect((await first.vault({ binding }).fetch(first.echo)).status).toBe(401);
    expect(await first.api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
    expect(await second.api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
  });
});

describe("a binding that sends", () => {
  it("sends to the token endpoint and to the API, on both sides", async () => {
    const { api, provider, vault, echo } = await stage();
    namedProviders[provider] = providers[provider]!;
    const sent: string[] = [];
    hooks.sender = {
      // A binding's method minds who it belongs to.
      async fetch(this: unknown, input: never, init: never) {
        expect(this).toBe(hooks.sender);
        sent.push(new URL(new Request(input, init).url).pathname);
        return fetch(input, init);
      },
    };
    const options = { env: { ...env }, binding: "NAMED_VAULT", fetch: undefined as never };
    await vault(options).signIn(credentials);
    expect((await vault(options).fetch(echo)).status).toBe(200);
    hooks.ahead = HOUR;
    await api.expireAccessTokens();
    expect((await vault(options).fetch(echo)).status).toBe(200);
    expect(sent.map((path) => path.split("/").at(-1))).toEqual([
      "token",
      "echo",
      "echo",
      "refresh",
      "echo",
    ]);
  });

  it("sends to nobody else, neither what goes bare nor what a redirect leads away [S1 S2]", async () => {
    const { api, provider, vault, echo } = await stage();
    const foreign = await stage();
    namedProviders[provider] = providers[provider]!;
    const hosts: string[] = [];
    hooks.sender = {
      async fetch(input: never, init: never) {
        hosts.push(new URL(new Request(input, init).url).origin);
        return fetch(input, init);
      },
    };
    const options = { env: { ...env }, binding: "NAMED_VAULT", fetch: undefined as never };
    await vault(options).signIn(credentials);
    const target = `${foreign.api.url}/public/echo`;
    expect((await vault(options).fetch(target)).status).toBe(200);
    // With a token, and with an Authorization of the caller's own.
    for (const init of [{}, { headers: { authorization: "Bearer own" } }]) {
      await api.fault("api", { redirect: target });
      const response = await vault(options).fetch(echo, init);
      expect([response.status, response.redirected, response.url]).toEqual([200, true, target]);
    }
    expect((await foreign.api.counters()).requests).toBe(3);
    expect(hosts.length).toBe(3);
    expect(new Set(hosts)).toEqual(new Set([new URL(echo).origin]));
  });

  it("that is none is told", () => {
    defineTokenVault({ binding: "X", providers: { x: vmcloud() }, fetch: () => ({}) as never });
    const make = (): unknown =>
      createVault({
        provider: "x",
        binding: "X",
        env: { ...env, X: env.TOKEN_VAULT },
        ctx: createExecutionContext(),
      });
    expect(make).toThrow(/fetch of defineTokenVault gives no binding/);
  });
});

describe("events", () => {
  it("come with env and ctx, in the object and in the Worker", async () => {
    const { api, vault, echo } = await stage();
    const told: { type: string; hasEnv: boolean; hasCtx: boolean }[] = [];
    hooks.onEvent = ({ type }, given, ctx) => {
      const hasEnv = (given as typeof env).TOKENKEEP_KEYS === env.TOKENKEEP_KEYS;
      told.push({ type, hasEnv, hasCtx: typeof ctx.waitUntil === "function" });
    };
    await vault().signIn(credentials);
    hooks.ahead = HOUR;
    await api.expireAccessTokens();
    expect((await vault().fetch(echo)).status).toBe(200);
    await eventually(() => told.length === 4);
    expect(told.map(({ type }) => type).toSorted()).toEqual([
      "refreshed",
      "refreshing",
      "retried",
      "signed-in",
    ]);
    expect(told.every(({ hasEnv, hasCtx }) => hasEnv && hasCtx)).toBe(true);
  });

  it("tell once in an isolate where something went bare, whichever request it was of [F88]", async () => {
    const { provider, vault } = await stage();
    const told: VaultEvent[] = [];
    const envs: unknown[] = [];
    hooks.onEvent = (event, given) => {
      told.push(event);
      envs.push(given);
    };
    const own = { env: otherEnv() };
    // What goes elsewhere goes by the platform's own.
    vi.stubGlobal("fetch", async () => new Response("bare"));
    for (const account of ["ada", "grace", "ada"])
      await (await vault({ ...own, account }).fetch("https://elsewhere.example/?secret=1")).text();
    await vault(own).fetch("https://third.example/path");
    const one = { type: "bare", account: "ada", origin: "https://elsewhere.example" };
    const other = { type: "bare", account: "default", origin: "https://third.example" };
    await eventually(() => told.length >= 2);
    expect(told).toEqual([one, other]);
    expect(envs).toEqual([own.env, own.env]);
    // Another provider's vault lists other origins.
    providers["other"] = { ...providers[provider]!, name: "other" };
    await vault({ ...own, provider: "other" }).fetch("https://third.example/path");
    await eventually(() => told.length >= 3);
    expect(told[2]).toEqual(other);
  });

  it("that take their time are waited for, and one that rejects spoils nothing [F102]", async () => {
    const { api, vault, echo } = await stage();
    await vault().signIn(credentials);
    hooks.ahead = HOUR;
    await api.expireAccessTokens();
    const ctx = createExecutionContext();
    let written = false;
    const held: Promise<unknown>[] = [];
    const onEvent = async ({ type }: VaultEvent): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      written = true;
      throw new Error(`nobody heard of ${type}`);
    };
    const response = await vault({
      ctx: {
        waitUntil(work) {
          held.push(work);
          ctx.waitUntil(work.catch(() => {}));
        },
      },
      onEvent,
    }).fetch(echo);
    expect(response.status).toBe(200);
    await waitOnExecutionContext(ctx);
    expect(written).toBe(true);
    // The platform is told of it, as of everything that is left to `waitUntil`.
    const ends = await Promise.allSettled(held);
    expect(ends.filter(({ status }) => status === "rejected")).toHaveLength(1);
  });
});

describe("a jurisdiction", () => {
  /** A namespace as production has it: workerd has no jurisdictions. */
  function regional(everywhere: Namespace = env.TOKEN_VAULT): {
    namespace: Namespace;
    asked: string[];
    hints: unknown[];
  } {
    const asked: string[] = [];
    const hints: unknown[] = [];
    const namespace = {
      ...otherNamespace(everywhere),
      jurisdiction(name: string) {
        asked.push(name);
        return {
          idFromName: (id: string) => everywhere.idFromName(`${name}-${id}`),
          get(id: unknown, options: unknown) {
            hints.push(options);
            return everywhere.get(id);
          },
        };
      },
    };
    return { namespace, asked, hints };
  }

  it("has objects and memory of its own, and leaves KV out on both sides", async () => {
    const { vault, echo, settled } = await stage();
    const { namespace, asked } = regional();
    const kv = counted(env.TOKEN_CACHE);
    hooks.env = { TOKEN_CACHE: kv.binding };
    const own = { ...env, TOKEN_CACHE: kv.binding, TOKEN_VAULT: namespace };
    const inEurope = { env: own, jurisdiction: "eu" } as const;
    await vault(inEurope).signIn(credentials);
    expect((await vault(inEurope).fetch(echo)).status).toBe(200);
    const cold = { ...own, TOKEN_VAULT: regional().namespace };
    expect((await vault({ ...inEurope, env: cold }).fetch(echo)).status).toBe(200);
    await settled();
    expect(asked).toContain("eu");
    expect(kv.calls).toEqual({});
    // Elsewhere nobody is signed in.
    expect(await code(vault({ env: own }).getToken())).toBe("no_session");
    expect(await code(vault({ env: own, jurisdiction: "us" }).getToken())).toBe("no_session");
    expect((await vault(inEurope).state()).status).toBe("signed-in");
  });

  it("uses a KV that both sides name, because that one stays where the object does", async () => {
    const { provider, vault } = await stage();
    namedProviders[provider] = providers[provider]!;
    const binding = "NAMED_VAULT";
    const there = () => ({ ...env, NAMED_VAULT: regional(env.NAMED_VAULT).namespace });
    const inEurope = { binding, jurisdiction: "eu", cache: "TOKEN_CACHE" } as const;
    await vault({ ...inEurope, env: there() }).signIn(credentials);
    const token = await vault({ ...inEurope, env: there() }).getToken();
    const hash = await hashOf(keyOf(providers[provider]!, "default"));
    const name = `tokenkeep:cache:${String(env.NAMED_VAULT.idFromName(`eu-${hash}`))}`;
    await eventually(
      async () => (await env.TOKEN_CACHE.getWithMetadata(name, { type: "text" })).value,
    );
    const kv = counted(env.TOKEN_CACHE);
    const { namespace, hints } = regional(env.NAMED_VAULT);
    const cold = { ...env, NAMED_VAULT: namespace, TOKEN_CACHE: kv.binding };
    // Where only the class names it, a Worker does not look into it.
    const unnamed = { ...inEurope, env: { ...there(), TOKEN_CACHE: kv.binding } };
    expect(await vault({ ...unnamed, cache: undefined as never }).getToken()).toBe(token);
    expect(kv.calls).toEqual({});
    expect(await vault({ ...inEurope, env: cold }).getToken()).toBe(token);
    expect(kv.calls).toEqual({ getWithMetadata: 1 });
    // The object was not asked.
    expect(hints).toEqual([]);
  });

  it("that the platform does not have is told, and nothing is asked of objects elsewhere", async () => {
    const { vault } = await stage();
    // workerd itself has none.
    const make = (): unknown => vault({ jurisdiction: "eu" });
    expect(make).toThrow(
      expect.objectContaining({
        code: "invalid_option",
        message: expect.stringMatching(/TOKEN_VAULT has no jurisdiction eu.*jurisdiction: env\./),
      }),
    );
    expect(() => vault({ jurisdiction: "" as never })).toThrow(/has no jurisdiction/);
    expect(() => vault({ jurisdiction: undefined })).not.toThrow();
    expect(hooks.asked).toBe(0);
  });

  it("is none, and a hint for a place is taken by the real namespace, too", async () => {
    const { vault, echo } = await stage();
    const hinted = { jurisdiction: undefined, locationHint: "weur" };
    await vault(hinted).signIn(credentials);
    expect((await vault({ ...hinted, env: otherEnv() }).fetch(echo)).status).toBe(200);
    expect((await vault(hinted).state()).status).toBe("signed-in");
  });

  it("and a hint for a place go along with each question", async () => {
    const { vault } = await stage();
    const { namespace, hints } = regional();
    const own = { ...otherEnv(), TOKEN_VAULT: namespace };
    await vault({ env: own, jurisdiction: "eu", locationHint: "weur" }).signIn(credentials);
    await vault({ env: own, jurisdiction: "eu" }).state();
    expect(hints).toEqual([{ locationHint: "weur" }, undefined]);
  });
});

describe("plain http for development", () => {
  it("that one vault allows is not allowed for the next one in the isolate [S3]", async () => {
    const { vault, echo } = await stage();
    await vault().signIn(credentials);
    expect((await vault().fetch(echo)).status).toBe(200);
    expect(() => vault({ dangerouslyAllowLoopbackHttp: false })).toThrow("plain http");
    expect((await vault().fetch(echo)).status).toBe(200);
  });

  it("that createVault does not allow is told of createVault", async () => {
    const { vault } = await stage();
    expect(() => vault({ dangerouslyAllowLoopbackHttp: false })).toThrow(
      /dangerouslyAllowLoopbackHttp: true to createVault\./,
    );
  });
});

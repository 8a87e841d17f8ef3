/** What the tests in workerd stand on: a strict VMCloud on a real socket, and a vault of its own. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { afterEach, inject } from "vitest";
import {
  type CloudflareVault,
  type CloudflareVaultOptions,
  createVault,
  type Sender,
} from "../../src/cloudflare.ts";
import { hashOf, keyOf } from "../../src/cloudflare/wire.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import type { DurableStorage } from "../../src/stores/durable-object.ts";
import type { KvNamespace } from "../../src/stores/cloudflare-kv.ts";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import { wordsOf } from "../apis/log.ts";
import type { SpawnOptions } from "../apis/serve.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { clock, FRONT, hooks, providers } from "./tested-worker.ts";

export interface Stub {
  readonly id: unknown;
}
export interface Namespace {
  idFromName(name: string): unknown;
  get(id: unknown, options?: object): Stub;
}
export interface ObjectState {
  readonly storage: DurableStorage & {
    getAlarm(): Promise<number | null>;
    setAlarm(time: number): Promise<void>;
    deleteAlarm(): Promise<void>;
    readonly sql: { exec(query: string): Iterable<object> };
  };
  abort(reason?: string): void;
}
export interface Env {
  readonly TOKEN_VAULT: Namespace;
  readonly OTHER_VAULT: Namespace;
  readonly OLD_VAULT: Namespace;
  readonly DOCS_VAULT: Namespace;
  readonly NAMED_VAULT: Namespace;
  readonly MEASURED_VAULT: Namespace;
  readonly SENDING_VAULT: Namespace;
  readonly EVENTS: { writeDataPoint(point: object): void };
  readonly VMCLOUD_CERT: Sender;
  readonly LIST_VMS: {
    create(options: object): Promise<{
      status(): Promise<{ status: string; output?: unknown; error?: unknown }>;
    }>;
  };
  readonly TOKEN_CACHE: KvNamespace;
  readonly TOKENKEEP_KEYS: string;
}

export const credentials: PasswordCredentials = { email: ada.email, password: ada.password };

export interface Stage {
  readonly api: SpawnedApi;
  /** The name under which `createVault` finds this test's provider. */
  readonly provider: string;
  readonly echo: string;
  /** The object of an account. */
  stub(account?: string): Promise<Stub>;
  /** A vault as a request makes it, in this isolate. */
  vault(options?: Partial<CloudflareVaultOptions>): CloudflareVault<PasswordCredentials>;
  /** A vault of an isolate that knows nothing yet. */
  elsewhere(options?: Partial<CloudflareVaultOptions>): CloudflareVault<PasswordCredentials>;
  /** One request through the Worker's front door. */
  request(account?: string, init?: RequestInit): Promise<Response>;
  /** Waits until the object has put an account's token into KV, and gives it as it lies there. */
  cached(account?: string): Promise<{ value: string; metadata: unknown }>;
  /** Waits for what requests of this test have left to `waitUntil`. */
  settled(): Promise<void>;
}

/** Counts how often a binding is used, method by method. */
export function counted<T extends object>(
  binding: T,
): { binding: T; calls: Record<string, number> } {
  const calls: Record<string, number> = {};
  const proxy = new Proxy(binding, {
    get(target, name: string) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        calls[name] = (calls[name] ?? 0) + 1;
        return (member as (...args: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  return { binding: proxy, calls };
}

/** KV as one location sees it: what was read once, "nothing" too, is answered until it thaws. */
export function laggingKv(kv: KvNamespace): KvNamespace & { thaw(): void } {
  const seen = new Map<string, Promise<{ value: string | null; metadata: unknown }>>();
  return {
    getWithMetadata(key, options) {
      const known = seen.get(key) ?? kv.getWithMetadata(key, options);
      seen.set(key, known);
      return known;
    },
    put: (...args) => kv.put(...args),
    delete: (key) => kv.delete(key),
    list: (options) => kv.list(options),
    thaw: () => seen.clear(),
  };
}

export const HOUR = 3_600_000;

/** A binding as another isolate has it: the same objects behind an object of its own. */
export const otherNamespace = (namespace: Namespace): Namespace => ({
  idFromName: (name) => namespace.idFromName(name),
  get: (id, options) => namespace.get(id, options),
});

/** The `env` of another isolate: memory belongs to the bindings, and these are not the ones here. */
export const otherEnv = (): Env => ({
  ...env,
  TOKEN_VAULT: otherNamespace(env.TOKEN_VAULT),
  OTHER_VAULT: otherNamespace(env.OTHER_VAULT),
});

/** Waits until `isTrue`, looking again and again: for what happens behind a reply. */
export async function eventually(isTrue: () => unknown): Promise<void> {
  for (let tries = 0; !(await isTrue()); tries++) {
    if (tries > 200) throw new Error("It did not come true");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

let count = 0;
const open: SpawnedApi[] = [];

afterEach(async ({ task }) => {
  if (task.result?.state === "fail")
    for (const api of open) {
      const [counters, log] = await Promise.all([api.counters(), api.log()]);
      console.error("The server's counters and log:", counters, wordsOf(log, "refresh"));
    }
  hooks.ahead = hooks.asked = 0;
  hooks.outbound.length = 0;
  hooks.fetch = hooks.onEvent = hooks.keys = hooks.env = hooks.sender = hooks.adopted = undefined;
  await Promise.all(open.splice(0).map((one) => one.close()));
});

export async function stage(options: SpawnOptions = {}): Promise<Stage> {
  const api = await spawnApi(inject("control"), options);
  open.push(api);
  const provider = `vmcloud-${++count}`;
  // The system gives a port out again, and then an object of an earlier test would answer here, with
  // the keys that it was built with.
  const partition = [provider];
  providers[provider] = { ...vmcloud({ baseURL: api.url }), partition } as never;
  const contexts: object[] = [];

  function vault(
    given: Partial<CloudflareVaultOptions> = {},
  ): CloudflareVault<PasswordCredentials> {
    const ctx = createExecutionContext();
    contexts.push(ctx);
    return createVault({
      provider,
      env,
      ctx,
      clock,
      // A test's hook is for the object's own requests.
      fetch: (...request) => fetch(...request),
      dangerouslyAllowLoopbackHttp: true,
      ...given,
    });
  }

  return {
    api,
    provider,
    echo: `${api.url}/v1/echo`,
    vault,
    elsewhere: (given) => vault({ env: otherEnv(), ...given }),
    stub: async (account = "default") =>
      env.TOKEN_VAULT.get(
        env.TOKEN_VAULT.idFromName(await hashOf(keyOf(providers[provider]!, account))),
      ),
    request(account = "default", init = {}) {
      const query = new URLSearchParams({ provider, account, url: `${api.url}/v1/echo` });
      return exports.default.fetch(`https://${FRONT}/?${query}`, init);
    },
    async cached(account = "default") {
      const hash = await hashOf(keyOf(providers[provider]!, account));
      const name = `tokenkeep:cache:${String(env.TOKEN_VAULT.idFromName(hash))}`;
      let value: string | null = null;
      let metadata: unknown;
      await eventually(async () => {
        ({ value, metadata } = await env.TOKEN_CACHE.getWithMetadata(name, { type: "text" }));
        return value;
      });
      return { value: value ?? "", metadata };
    },
    async settled() {
      await Promise.all(contexts.splice(0).map((ctx) => waitOnExecutionContext(ctx)));
    },
  };
}

/** Tokens that somebody got elsewhere. */
export async function grantOf({
  api,
}: Pick<Stage, "api">): Promise<{ accessToken: string; refreshToken: string }> {
  const reply = await fetch(`${api.url}/api/v1/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(credentials),
  });
  const { token, refresh_token } = (await reply.json()) as Record<string, string>;
  return { accessToken: token ?? "", refreshToken: refresh_token ?? "" };
}

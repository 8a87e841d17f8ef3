/**
 * A program: one account's life in a Worker and its object, once as it is and then with members on
 * `Object.prototype` (S15). It prints what was another life, as JSON. In a process of its own, because a
 * test runner does not live through that.
 */
import { registerHooks } from "node:module";
import type { CloudflareVaultOptions, TokenVaultClass } from "../../src/cloudflare.ts";
import { cloudflareKvStore, type KvNamespace } from "../../src/stores/cloudflare-kv.ts";
import { createCache } from "../../src/cloudflare/cache.ts";
import { exchangeFetch } from "../../src/cloudflare/exchange.ts";
import { systemClock } from "../../src/refresh/clock.ts";
import { keyring } from "../../src/stores/encrypted.ts";
import { acme, ORIGIN, own, root, step, VMS } from "./polluted-parts.ts";

// Workerd's own module, as far as the class needs it.
registerHooks({
  resolve: (name, context, next) =>
    name === "cloudflare:workers"
      ? { url: "data:text/javascript,export class DurableObject {}", shortCircuit: true }
      : next(name, context),
});
const { createVault, defineTokenVault } = await import("../../src/cloudflare.ts");

const KEYS = `k1:${btoa("0123456789abcdef0123456789abcdef")}`;

const reply = (status: number, body: object): Response =>
  new Response(JSON.stringify(body), own({ status }));

interface World {
  readonly log: string[];
  issued: number;
  /** The least token that the API lets through. */
  least: number;
  fetch(input: unknown, init?: object): Promise<Response>;
}

function world(): World {
  const log: string[] = [];
  const here: World = own({
    log,
    issued: 0,
    least: 1,
    async fetch(input: unknown, init?: object) {
      const said = own({ ...init }) as { headers?: object; method?: string; signal?: AbortSignal };
      if (said.signal?.aborted) throw said.signal.reason;
      const headers = new Headers(own({ ...said.headers }) as Record<string, string>);
      const shown = headers.get("authorization");
      const url = String(input);
      log.push(`${said.method ?? "GET"} ${url} ${shown}`);
      if (/login|refresh/.test(url)) {
        here.issued += 1;
        const { issued } = here;
        return reply(200, { access_token: `t-${issued}`, refresh_token: `r-${issued}` });
      }
      const number = Number(/t-(\d+)$/.exec(shown ?? "")?.[1] ?? 0);
      return reply(number < here.least ? 401 : 200, {});
    },
  });
  return here;
}

/** A binding as the platform has it: questions and answers are copies, with a prototype. */
function namespace(Class: TokenVaultClass, env: object, log: string[]): object {
  const objects = new Map<string, InstanceType<TokenVaultClass>>();
  function open(id: string): InstanceType<TokenVaultClass> {
    const stored = new Map<string, unknown>();
    const storage = own({
      transactionSync: (task: () => unknown) => task(),
      sync: async () => {},
      kv: own({
        get: (key: string) => structuredClone(stored.get(key)),
        put: (key: string, value: unknown) => void stored.set(key, structuredClone(value)),
        delete: (key: string) => stored.delete(key),
        list: ({ prefix = "" }) => [...stored].filter(([key]) => key.startsWith(prefix)),
      }),
      getAlarm: async () => null,
      setAlarm: async () => {},
      deleteAlarm: async () => {},
      deleteAll: async () => void log.push("all is deleted"),
    });
    const waitUntil = (work: Promise<unknown>): void => void work.catch(() => {});
    const ctx = own({ id: own({ toString: () => id }), storage, waitUntil });
    return new Class(ctx as never, env as never);
  }
  const ask =
    (id: string, method: "token") =>
    async (...question: unknown[]): Promise<unknown> => {
      const [name, ...rest] = structuredClone(question) as [never, object | undefined];
      const told = own({ ...rest[0] }) as { rejected?: object };
      log.push(`${method} ${Object.keys(own({ ...told.rejected })).join()}`);
      const object = objects.get(id) ?? open(id);
      objects.set(id, object);
      return structuredClone(await object[method](name, ...(rest as [never])));
    };
  const methods = ["token", "signIn", "adopt", "signOut", "removeAccount", "state"] as const;
  return own({
    idFromName: (name: string) => name,
    get: (id: string) =>
      own(Object.fromEntries(methods.map((name) => [name, ask(id, name as "token")]))),
    jurisdiction: () => log.push("a jurisdiction"),
  });
}

/** What the cache writes and reads, where KV is at hand. */
async function edge(log: string[]): Promise<void> {
  const entries = new Map<string, { value: string; metadata: unknown }>();
  const kv: KvNamespace = own({
    getWithMetadata: async (key: string) =>
      own(entries.get(key) ?? { value: null, metadata: null }) as never,
    async put(key: string, value: string, options: { metadata: unknown; expirationTtl?: number }) {
      const names: string[] = [];
      // As the platform reads a dictionary.
      for (const name in options) names.push(name);
      log.push(`put ${key} ${names.join()} ${options.expirationTtl}`);
      entries.set(key, own({ value, metadata: structuredClone(options.metadata) }));
    },
    delete: async () => {},
    list: async () => own({ keys: [], list_complete: true }),
  });
  const cache = createCache(kv, () => keyring(KEYS));
  const lease = own({ accessToken: "t-1", sessionId: "s", generation: 1, until: 2_000 });
  await step(log, "KV's none", () => cache.read("id", 1_000));
  await step(log, "KV's put", () => cache.write("id", own({ revision: 1, lease })));
  await step(log, "KV's lease", () => cache.read("id", 1_000));
  await step(log, "KV's end", () => cache.write("id", own({ revision: 2 })));
  await step(log, "KV's note", () => cache.read("id", 1_000));
  await step(log, "KV's list", () => cloudflareKvStore(kv).list?.("a"));
}

async function live(pollute: () => void): Promise<string[]> {
  const here = world();
  const { log } = here;
  const events: string[] = [];
  // Time passes between two steps alone, so that no two lives differ by a millisecond.
  const [now, running] = [systemClock.now(), systemClock.running()];
  let ahead = 0;
  const clock = own({ ...systemClock, now: () => now + ahead, running: () => running + ahead });
  const act = (name: string, work: () => unknown): Promise<void> => {
    ahead += 5;
    return step(log, name, work);
  };
  const env: Record<string, unknown> = own({ TOKENKEEP_KEYS: KEYS });
  const Class = defineTokenVault(
    own({
      providers: own({ acme: acme() }),
      clock,
      fetch: () => here.fetch as typeof fetch,
      onEvent: ({ type }: { type: string }) => events.push(type),
    }),
  );
  env["TOKEN_VAULT"] = namespace(Class, env, log);
  const ctx = own({ waitUntil: (work: Promise<unknown>) => void work.catch(() => {}) });
  pollute();
  // Under pollution a caller's literal has no member but its own, too.
  const open = (more: Partial<CloudflareVaultOptions> = {}) =>
    createVault(own({ provider: "acme", env, ctx, clock, ...own(more) }));
  const credentials = { email: "ada@acme.test", password: "secret" };
  const account = (name: string) => open({ account: name });
  await act("nobody", () => open().fetch(VMS));
  await act("signing in", () => open().signIn(credentials));
  await act("signing in once", () => open().signIn(credentials, { unlessSignedIn: true }));
  await act("signing in again", () => open().signIn(credentials));
  const vault = open();
  await act("a text", () => vault.fetch(VMS));
  await act("an init", () => vault.fetch(VMS, own({ method: "POST", body: "x" })));
  await act("elsewhere", () => vault.fetch("https://other.test/"));
  here.least = here.issued + 1;
  // No 401 begins a refresh within five seconds of the last one.
  ahead += 10_000;
  await act("a 401", () => vault.fetch(VMS));
  await act("a token", () => vault.getToken());
  ahead += 10_000;
  await act("a rejected one", async () =>
    vault.getToken(own({ rejected: await vault.getToken() })),
  );
  await act("a header", () => vault.authorization());
  await act("the state", async () => {
    const { status, persisted, keyId } = own(await vault.state());
    return own({ status, persisted, keyId });
  });
  await act("another account", () => account("b").getToken());
  await act("adopting", () => account("b").adopt({ accessToken: "t-99" }));
  await act("its call", () => account("b").fetch(VMS));
  await act("removing", () => account("b").removeAccount());
  await act("the removed", () => account("b").fetch(VMS));
  await act("signing out", () => vault.signOut());
  await act("after it", () => vault.fetch(VMS));
  await edge(log);
  const older = exchangeFetch(here.fetch as typeof fetch);
  await act("an exchange", () => older(`${ORIGIN}/login`, own({ method: "POST" })));
  return [...log, ...events];
}

/** What these members change, if anything. */
async function difference(members: Readonly<Record<string, unknown>>): Promise<string | undefined> {
  const pollute = (): void => void Object.assign(root, members);
  const got = await live(pollute).finally(() => {
    for (const name of Object.keys(members)) Reflect.deleteProperty(root, name);
  });
  const at = got.findIndex((line, index) => line !== asIs[index]);
  if (at < 0 && got.length === asIs.length) return undefined;
  return `${Object.keys(members).join()}: ${got[at]}, and not: ${asIs[at]}`;
}

const stolen = own({ accessToken: "t-1000", sessionId: "stolen", generation: 1_000 });
const failure = own({ code: "no_session", message: "polluted" });
/** What would do harm as a value of its kind. */
const kinds: Readonly<Record<string, unknown>> = own({
  accessToken: "t-1000",
  sessionId: "stolen",
  generation: 1_000,
  rejected: own({ sessionId: "stolen", generation: 0 }),
  lease: stolen,
  error: failure,
  snapshot: own({ status: "signed-in", persisted: true }),
  signal: AbortSignal.abort(new Error("polluted")),
  waitUntil: () => {
    throw new Error("polluted");
  },
  fetch: async () => reply(200, own({ access_token: "stolen" })),
  onEvent: () => {
    throw new Error("polluted");
  },
  providers: own({}),
  waited: 1e9,
  patience: 0,
  revision: 1e9,
  until: 1,
  unlessSignedIn: true,
  isRegional: true,
  jurisdiction: "eu",
  isLeaving: true,
  owes: own({ sessionId: "stolen", since: 0 }),
  tombstone: true,
  locationHint: "weur",
  dangerouslyAllowLoopbackHttp: true,
  TOKEN_CACHE: own({ getWithMetadata: () => Promise.reject(new Error("polluted")) }),
  account: "b",
  binding: "OTHER_VAULT",
  keys: "k9:" + btoa("9".repeat(32)),
  status: 401,
  headers: own({ authorization: "Bearer polluted" }),
});

const asIs = await live(() => {});
const differences: string[] = [];
for (const [name, value] of Object.entries(kinds))
  differences.push((await difference(own({ [name]: value }))) ?? "");
console.log(JSON.stringify({ steps: asIs.length, differences: differences.filter(Boolean) }));
process.exit(0);

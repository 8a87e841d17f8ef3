/** `tokenkeep/deno`: what it wires, and what it says when something is missing. */
import { afterEach, describe, expect, inject, it, vi } from "vitest";
import { createVault, type DenoVaultOptions } from "../../src/deno.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Provider } from "../../src/types.ts";
import { spawnApi } from "../apis/client.ts";
import { ada } from "../apis/vmcloud-data.ts";
import { acme, credentials, fakeApi, ORIGIN } from "../support/fake-api.ts";
import { clockAhead } from "../support/clock.ts";
import { findSecrets } from "../support/secrets.ts";
import { freshKeys, KEYS, openKv } from "./kv-databases.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

type Options = Partial<DenoVaultOptions<PasswordCredentials>>;

function make(options: Options) {
  const vault = createVault<PasswordCredentials>({ provider: acme(), ...options });
  open.push(vault);
  return vault;
}

const keys = KEYS;
const wanted = (message: string | RegExp): unknown =>
  expect.objectContaining({ code: "invalid_option", message: expect.stringMatching(message) });

it("two vaults on one database share a session, and one refreshes for both [P1]", async () => {
  const kv = await openKv();
  const api = fakeApi();
  const clock = { passed: 0 };
  const options: Options = {
    kv,
    keys,
    fetch: api.fetch,
    refreshAhead: false,
    clock: clockAhead(() => clock.passed),
  };
  const [one, two] = [make(options), make(options)];
  await one.signIn(credentials);
  expect(await two.getToken()).toBe("access-1-secret");
  clock.passed += 3_600_000;
  const tokens = await Promise.all([one, two, one, two].map((vault) => vault.getToken()));
  expect(tokens).toEqual(Array(4).fill("access-2-secret"));
  expect(api.to("/refresh")).toHaveLength(1);
});

it("what it stores is sealed; dangerouslyUnsealed is not [S8]", async () => {
  const api = fakeApi();
  for (const [options, isSealed] of [
    [{ keys }, true],
    [{ dangerouslyUnsealed: true }, false],
    [{ keys, dangerouslyUnsealed: true }, true],
  ] as const) {
    const kv = await openKv();
    await make({ kv, fetch: api.fetch, ...options }).signIn(credentials);
    const stored: unknown[] = [];
    const all = { prefix: ["tokenkeep"], start: ["tokenkeep", ""] };
    for await (const entry of kv.list(all, { consistency: "strong" })) stored.push(entry);
    expect(stored).toHaveLength(1);
    expect(findSecrets(stored, ["-secret"]).length === 0).toBe(isSealed);
  }
});

it("keys that have to be fetched: by a function or a promise, the same as the text [F99]", async () => {
  const api = fakeApi();
  const kv = await openKv();
  await make({ kv, fetch: api.fetch, keys: async () => keys }).signIn(credentials);
  for (const given of [() => keys, Promise.resolve(keys), keys])
    expect(await make({ kv, fetch: api.fetch, keys: given }).getToken()).toBe("access-1-secret");
  const lost = make({ kv, fetch: api.fetch, keys: () => Promise.reject(new Error(keys)) });
  const error = (await lost.getToken().catch((reason: unknown) => reason)) as Error;
  expect(error).toMatchObject({ code: "store_unavailable" });
  expect(`${error.message} ${String(error.cause)}`).not.toContain(keys);
  const none = make({ kv, fetch: api.fetch, keys: async () => undefined });
  await expect(none.getToken()).rejects.toEqual(wanted("export TOKENKEEP_KEYS="));
  expect(api.to("/login")).toHaveLength(1);
});

it("a store that the application brings needs neither database nor keys", async () => {
  const api = fakeApi();
  const vault = make({ store: memoryStore(), fetch: api.fetch });
  await vault.signIn(credentials);
  expect((await vault.fetch(`${ORIGIN}/v1/vms`)).status).toBe(200);
});

/** Its renewals are asked for by a `Request`. */
function byRequest(provider: Provider<PasswordCredentials>): Provider<PasswordCredentials> {
  const { renew } = provider;
  return {
    ...provider,
    renew: (grant, exchange) =>
      renew!(grant, {
        ...exchange,
        fetch: (input, init) => exchange.fetch(new Request(input, init)),
      }),
  };
}

it.each<[string, typeof byRequest]>([
  ["an address and an init", (provider) => provider],
  ["a Request", byRequest],
])(
  "a refresh by %s whose reply is lost has arrived once: Deno's own second send is kept off [P2 P5]",
  async (_, by) => {
    const api = await spawnApi(inject("control"), { rotation: "strict" });
    let passed = 0;
    const vault = createVault({
      provider: by(vmcloud({ baseURL: api.url })),
      kv: await openKv(),
      keys,
      refreshAhead: false,
      dangerouslyAllowLoopbackHttp: true,
      clock: clockAhead(() => passed),
    });
    open.push(vault);
    await vault.signIn(ada);
    const events: string[] = [];
    vault.events(({ type }) => events.push(type));
    await api.fault("refresh", { dropReply: "before" });
    passed += 86_400_000 * 0.81;
    await api.set({ clockOffset: passed });
    expect((await vault.fetch(`${api.url}/v1/vms`)).status).toBe(200);
    await vi.waitFor(() => expect(events).toContain("trouble"), { timeout: 10_000 });
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
    // It had not been processed, so that the last chance succeeds.
    passed += 86_400_000 * 0.2;
    await api.set({ clockOffset: passed });
    expect((await vault.fetch(`${api.url}/v1/vms`)).status).toBe(200);
    expect(await api.counters()).toMatchObject({ tokenCalls: 2, refreshed: 1 });
    await api.close();
  },
);

it("several vaults in one process share nothing but the database [S11]", async () => {
  const kv = await openKv();
  const api = fakeApi();
  const clock = { passed: 0 };
  const vaults = ["ada", "grace"].map((account) =>
    make({ kv, keys, account, fetch: api.fetch, clock: clockAhead(() => clock.passed) }),
  );
  const [ada_, grace] = vaults;
  await ada_!.signIn(credentials);
  await expect(grace!.getToken()).rejects.toMatchObject({ code: "no_session" });
  await grace!.signIn(credentials);
  const tokens = await Promise.all(vaults.map((vault) => vault.getToken()));
  expect(new Set(tokens).size).toBe(2);
  expect((await ada_!.accounts()).toSorted()).toEqual(["ada", "grace"]);
  await ada_!.signOut();
  expect(await grace!.getToken()).toBe(tokens[1]);
});

it("a provider that is a class, with private fields and frozen, refreshes [F102]", async () => {
  const api = fakeApi();
  const inner = acme();
  class Acme {
    readonly name = "acme";
    readonly origins = inner.origins;
    #asked = 0;
    get renewal() {
      return { ...inner.renewal, rotation: "strict" as const };
    }
    signIn(...given: Parameters<NonNullable<typeof inner.signIn>>) {
      this.#asked += 1;
      return inner.signIn!(...given);
    }
    renew(...given: Parameters<NonNullable<typeof inner.renew>>) {
      this.#asked += 1;
      return inner.renew!(...given);
    }
    get asked(): number {
      return this.#asked;
    }
  }
  const provider = Object.freeze(new Acme());
  const clock = { passed: 0 };
  const vault = make({
    kv: await openKv(),
    keys,
    provider,
    fetch: api.fetch,
    clock: clockAhead(() => clock.passed),
  });
  await vault.signIn(credentials);
  clock.passed += 3_600_000;
  expect(await vault.getToken()).toBe("access-2-secret");
  expect(provider.asked).toBe(2);
});

describe("says which line to add", () => {
  it("without a database, or with a promise of one, or something else", async () => {
    const promised = openKv();
    for (const kv of [undefined, promised, "tokens.db", new Map()])
      expect(() => make({ keys, kv: kv as never })).toThrow(wanted(/kv: await Deno\.openKv\(\)/));
    await promised;
  });

  it("without keys, be it that their variable is not set", async () => {
    const kv = await openKv();
    for (const none of [{}, { keys: undefined }, { keys: "" }])
      expect(() => make({ kv, ...none })).toThrow(
        wanted(
          /keys: Deno\.env\.get\("TOKENKEEP_KEYS"\)\. Set it: export .*openssl rand -base64 32/,
        ),
      );
    expect(() => make({ kv, keys: {} })).toThrow(wanted("has no key"));
  });

  it("with a malformed key, which it does not show [S4]", async () => {
    const kv = await openKv();
    let error;
    try {
      make({ kv, keys: `${KEYS},k2:${KEYS}` });
    } catch (thrown) {
      error = thrown;
    }
    const set = String.raw`\. Set it: export TOKENKEEP_KEYS="k1:\$\(openssl rand -base64 32\)"$`;
    expect(error).toEqual(
      wanted(`key 2 is malformed. Write it as <id>:<32 bytes in base64>${set}`),
    );
    expect(findSecrets(error, [KEYS.slice(3)])).toEqual([]);
  });

  it("with two keys of one id, a key without one, or keys that are none", async () => {
    const kv = await openKv();
    const wrong = [
      [`${KEYS},${freshKeys("k1")}`, "same id"],
      [KEYS.slice(3), "key 1 is malformed"],
      [`${KEYS},`, "key 2 is malformed"],
      [{ k1: KEYS }, "none for HKDF"],
      [{ k1: undefined }, "none for HKDF"],
      [[KEYS], "Put a letter into it"],
    ] as const;
    for (const [given, message] of wrong) {
      const call = (): unknown => make({ kv, keys: given as never });
      expect(call).toThrow(wanted(message));
      expect(call).toThrow(wanted("export TOKENKEEP_KEYS="));
    }
  });

  it("with a provider's name, or a preset that was not called", async () => {
    const kv = await openKv();
    for (const provider of ["vmcloud", vmcloud, undefined])
      expect(() => make({ kv, keys, provider: provider as never })).toThrow(wanted("provider"));
  });

  it("with a store that cannot compare and set, for a provider that rotates [P2]", () => {
    const store = { ...memoryStore(), atomic: false };
    expect(() => make({ store })).toThrow(wanted("tokenkeep/cloudflare"));
  });
});

it("an unknown key id, of a ring that was rotated, is unavailable; the ring with both opens it", async () => {
  const kv = await openKv();
  const api = fakeApi();
  await make({ kv, keys, fetch: api.fetch }).signIn(credentials);
  const other = freshKeys("k2");
  await expect(make({ kv, keys: other }).getToken()).rejects.toMatchObject({
    code: "store_unavailable",
    message: expect.stringContaining("key ring"),
  });
  const both = make({ kv, keys: `${keys},${other}` });
  expect(await both.getToken()).toBe("access-1-secret");
});

describe("cron", () => {
  it("refreshes what is due, though nobody calls, and is not awaited before it has", async () => {
    const api = fakeApi();
    let passed = 0;
    const jobs: { refresh: () => Promise<void>; signal: AbortSignal }[] = [];
    const vault = make({
      kv: await openKv(),
      keys,
      fetch: api.fetch,
      refreshAhead: false,
      cron: (refresh, signal) => jobs.push({ refresh, signal }),
      clock: clockAhead(() => passed),
    });
    await vault.signIn(credentials);
    const [job] = jobs;
    await job!.refresh();
    expect(api.to("/refresh")).toHaveLength(0);
    passed += 3_600_000 * 0.81;
    await job!.refresh();
    expect(api.to("/refresh")).toHaveLength(1);
    expect(vault.snapshot()).toMatchObject({ generation: 2, persisted: true });
    await job!.refresh();
    expect(api.to("/refresh")).toHaveLength(1);
    expect([jobs.length, job!.signal.aborted]).toEqual([1, false]);
    vault.close();
    expect(job!.signal.aborted).toBe(true);
    await job!.refresh();
  });

  it("and an onWake of the application's both wake it, and end with it [F102]", async () => {
    const api = fakeApi();
    let passed = 0;
    const wakers: (() => void)[] = [];
    const jobs: { refresh: () => Promise<void>; signal: AbortSignal }[] = [];
    let isStopped = false;
    const vault = make({
      kv: await openKv(),
      keys,
      fetch: api.fetch,
      refreshAhead: false,
      cron: (refresh, signal) => jobs.push({ refresh, signal }),
      onWake(look) {
        wakers.push(look);
        return () => void (isStopped = true);
      },
      clock: clockAhead(() => passed),
    });
    await vault.signIn(credentials);
    passed += 3_600_000 * 0.81;
    await jobs[0]!.refresh();
    expect(api.to("/refresh")).toHaveLength(1);
    passed += 3_600_000 * 0.81;
    wakers[0]!();
    await vi.waitFor(() => expect(api.to("/refresh")).toHaveLength(2));
    vault.close();
    expect([isStopped, jobs[0]!.signal.aborted]).toEqual([true, true]);
  });

  it("a name that is taken is told, and nothing stays open [F102]", async () => {
    const kv = await openKv();
    const timers = { set: 0, cleared: 0 };
    const clock = clockAhead(() => 0);
    const given = {
      kv,
      keys,
      clock: {
        ...clock,
        setTimeout: (task: () => void, ms: number) => (
          (timers.set += 1),
          clock.setTimeout(task, ms)
        ),
      },
    };
    const name = `taken ${Date.now()}`;
    const jobs: Promise<void>[] = [];
    const cron: Options["cron"] = (refresh, signal) =>
      jobs.push(Deno.cron(name, "*/5 * * * *", { signal }, refresh));
    const first = make({ ...given, cron });
    timers.set = 0;
    expect(() => make({ ...given, cron, account: "other" })).toThrow(
      wanted(/Cannot begin the schedule.*a name of its own/),
    );
    expect(timers.set).toBe(0);
    first.close();
    await Promise.all(jobs);
  });

  it("a schedule whose promise rejects ends no process: calls refresh without it [F102]", async () => {
    const faults: unknown[] = [];
    const listen = (event: PromiseRejectionEvent): void => {
      event.preventDefault();
      faults.push(event.reason);
    };
    globalThis.addEventListener("unhandledrejection", listen as EventListener);
    const cron = async (): Promise<void> => {
      throw new TypeError("This name is taken");
    };
    make({ kv: await openKv(), keys, cron });
    await new Promise((resolve) => setTimeout(resolve));
    globalThis.removeEventListener("unhandledrejection", listen as EventListener);
    expect(faults).toEqual([]);
  });

  it("an account that is wrong leaves no schedule behind", async () => {
    const signals: AbortSignal[] = [];
    const options: Options = {
      kv: await openKv(),
      keys,
      account: "",
      cron: (_, signal) => signals.push(signal),
    };
    expect(() => make(options)).toThrow(wanted("account"));
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it("several vaults in one process each have a name that Deno.cron takes", async () => {
    const kv = await openKv();
    const jobs: Promise<void>[] = [];
    const names: string[] = [];
    const accounts = ["ada@example.com", "grace@example.com", "名前", "x".repeat(256)];
    const vaults = accounts.map((account) =>
      make({
        kv,
        keys,
        account,
        cron(refresh, signal, name) {
          names.push(name);
          jobs.push(Deno.cron(name, "*/5 * * * *", { signal }, refresh));
        },
      }),
    );
    expect(new Set(names).size).toBe(accounts.length);
    for (const name of names) expect(name).toMatch(/^[\w -]{1,64}$/);
    expect(names.join()).not.toContain("ada");
    for (const vault of vaults) vault.close();
    await Promise.all(jobs);
  });

  it("works with Deno.cron", async () => {
    const name = `tokens ${Date.now()}`;
    let job: Promise<void> | undefined;
    const vault = make({
      kv: await openKv(),
      keys,
      cron: (refresh, signal) => (job = Deno.cron(name, "*/5 * * * *", { signal }, refresh)),
    });
    vault.close();
    // Deno ends the schedule when the signal says so.
    await job;
  });
});

/** Every code is reached once, with a sentence that says what to do. */
import { describe, expect, it, vi } from "vitest";
import { createVault, isVaultError, VaultError, type VaultErrorCode } from "../../src/index.ts";
import { remoteKeys } from "../../src/jwt.ts";
import { cloudflareKvStore } from "../../src/stores/cloudflare-kv.ts";
import { denoKvStore } from "../../src/stores/deno-kv.ts";
import { durableObjectStore } from "../../src/stores/durable-object.ts";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { indexedDbStore } from "../../src/stores/indexeddb.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { TokenStore } from "../../src/types.ts";
import { acme, credentials, never, reply } from "../support/fake-api.ts";
import { bench, rejection, signedIn, VMS } from "../support/vault.ts";
import { connectVault } from "../../src/worker.ts";
import { gate } from "./refresh/faulty-parts.ts";

const away: TokenStore = {
  atomic: true,
  shared: "origin",
  head: () => Promise.reject(new Error("gone")),
  read: () => Promise.reject(new Error("gone")),
  write: () => Promise.reject(new Error("gone")),
  list: () => Promise.reject(new Error("gone")),
};

/** A way into each error. */
const ways: Readonly<Record<VaultErrorCode, () => Promise<unknown>>> = {
  no_session: () => bench().vault.fetch(VMS),
  async session_changed() {
    const store: TokenStore = { ...memoryStore(), shared: "origin" };
    const { vault, api, clock } = await signedIn({ store });
    await clock.advance(3_600_000);
    const others = bench({ store, clock });
    const refresh = gate(() => reply(503, {}));
    api.refresh = refresh.answer;
    const call = vault.fetch(VMS);
    await others.vault.signIn(credentials);
    refresh.open();
    return clock.until(call);
  },
  async sign_in_required() {
    const { vault, api } = await signedIn();
    api.refresh = () => reply(401, {});
    api.expire();
    return vault.fetch(VMS);
  },
  credentials_refused() {
    const { vault, api } = bench();
    api.login = () => reply(401, {});
    return vault.signIn(credentials);
  },
  async refresh_failed() {
    const { vault, api, clock } = await signedIn();
    api.refresh = () => reply(503, {});
    await clock.advance(3_600_000);
    return clock.until(vault.fetch(VMS));
  },
  sign_in_failed() {
    const { vault, api } = bench();
    api.login = () => reply(500, {});
    return vault.signIn(credentials);
  },
  async clock_unknown() {
    const provider = { ...acme(), renewal: { rotation: "none", selfSigned: true } as const };
    const { vault, api } = await signedIn({ provider });
    api.api = () => reply(401, {});
    return vault.fetch(VMS);
  },
  store_unavailable() {
    const { vault, clock } = bench({ store: away });
    return clock.until(vault.getToken());
  },
  async worker_unavailable() {
    const vault = connectVault(() => Promise.reject(new Error("no worker here")));
    return vault.getToken().finally(() => vault.close());
  },
  keys_unavailable: () =>
    remoteKeys("https://acme.test/jwks", { fetch: async () => reply(503, {}) }).get(),
  invalid_token: () => bench().vault.adopt({ accessToken: "with space" }),
  invalid_option: async () => createVault({ provider: acme() } as never),
  async closed() {
    const { vault } = await signedIn();
    vault.close();
    return vault.getToken();
  },
};

/** The statuses that lead to them, where one does. */
const statuses: Partial<Record<VaultErrorCode, number>> = {
  sign_in_required: 401,
  credentials_refused: 401,
  clock_unknown: 401,
  refresh_failed: 503,
  sign_in_failed: 500,
  keys_unavailable: 503,
};

describe.each(Object.keys(ways) as VaultErrorCode[])("%s", (code) => {
  it("is reached, is typed, and says what to do", async () => {
    const error = (await rejection(ways[code]())) as VaultError;
    expect(error).toBeInstanceOf(VaultError);
    expect(error).toBeInstanceOf(Error);
    expect(isVaultError(error)).toBe(true);
    expect(error.code).toBe(code);
    expect(error.name).toBe("VaultError");
    expect(error.status).toBe(statuses[code]);
    // What could not be done, why, and what to do.
    expect(error.message).toMatch(/^Cannot [^.:]+[.:] [^.]+\.( [^.]+\.)?$/);
    expect(error.cause).toBeUndefined();
  });
});

describe("who knows more than the code says so in the same sentence", () => {
  const failing = async (): Promise<never> => {
    throw new Error("secret");
  };
  const kv = { getWithMetadata: failing } as never;
  const K1 = `k1:${btoa("k".repeat(32))}`;
  const noKeys: TokenStore = { ...memoryStore(), keepsKeys: false };
  const head = { format: 1, sessionId: "one", revision: 1 } as const;
  const calls: Readonly<Record<string, () => unknown>> = {
    "no store": () => createVault({ provider: acme() } as never),
    "an origin that is none": () =>
      createVault({ provider: { ...acme(), origins: ["acme"] }, store: memoryStore() }),
    "no IndexedDB": () => indexedDbStore().read("a"),
    "a store that keeps no keys": () =>
      encrypted(noKeys).write("a", { ...head, body: 1 }, undefined),
    "a session too large": () =>
      encrypted(memoryStore()).write("a", { ...head, body: "x".repeat(70_000) }, undefined),
    "a record of another format": () =>
      encrypted({ ...away, read: async () => ({}) as never }).read("a"),
    "a key ring without a key": () => keyring({}),
    "two keys of one id": () => keyring(`${K1},${K1}`),
    "a malformed key": () => keyring("k1:secret"),
    "a key that is a number": () => keyring(K1.replace("k1", "7")),
    "keys that cannot be had": () =>
      encrypted(memoryStore(), keyring(failing)).write("a", { ...head, body: 1 }, undefined),
    "no KV": () => cloudflareKvStore(undefined as never),
    "a long KV key": () => cloudflareKvStore(kv).read("k".repeat(600)),
    "KV that fails": () => cloudflareKvStore(kv).read("a"),
    "no Deno KV": () => denoKvStore(undefined as never),
    "Deno KV that fails": () => denoKvStore({ atomic() {}, get: failing } as never).read("a"),
    "no SQLite in the object": () => durableObjectStore({} as never),
  };

  it.each(Object.keys(calls))("%s", async (name) => {
    const error = (await rejection((async () => calls[name]!())())) as VaultError;
    expect(isVaultError(error)).toBe(true);
    expect(error.message).toMatch(/^Cannot [a-z ]+: [^.]+\. [A-Z].+/);
    expect(error.message).not.toContain("secret");
  });
});

describe("what an error tells besides its code", () => {
  it("a status only where that status led to this error", async () => {
    const { vault, api } = bench();
    api.login = () => reply(401, {});
    await rejection(vault.signIn(credentials));
    expect(await rejection(vault.getToken())).toMatchObject({ code: "no_session" });
    expect(((await rejection(vault.getToken())) as VaultError).status).toBeUndefined();
    const malformed = (await rejection(vault.adopt({ accessToken: "a b" }))) as VaultError;
    expect(malformed.status).toBeUndefined();
  });

  it("retryAfter is what is left of the cool-down [F14]", async () => {
    const { vault, api, clock } = await signedIn();
    api.refresh = () => reply(429, {}, { "retry-after": "120" });
    await clock.advance(3_600_000);
    const { code, retryAfter, status } = (await rejection(
      clock.until(vault.fetch(VMS)),
    )) as VaultError;
    expect({ code, status }).toEqual({ code: "refresh_failed", status: 429 });
    expect(retryAfter).toBeGreaterThanOrEqual(100_000);
    expect(retryAfter).toBeLessThanOrEqual(132_000);
  });

  it("retryAfter is never negative: a cool-down that is over is not told", async () => {
    const { vault, api, clock } = await signedIn({ patience: 10_000 });
    api.refresh = () => reply(429, {});
    await clock.advance(3_600_000);
    const call = vault.fetch(VMS);
    call.catch(() => {});
    await clock.advance(0);
    // The second try hangs until after the caller's patience.
    api.refresh = never;
    const { code, retryAfter } = (await rejection(clock.until(call))) as VaultError;
    expect(code).toBe("refresh_failed");
    expect(retryAfter ?? 0).toBeGreaterThanOrEqual(0);
  });
});

describe("a code or reason that no list here has, as a later version may tell it", () => {
  it.each(["constructor", "toString", "__proto__", "quota_spent", ""])(
    "code %j makes an error that says so [S10 S15]",
    (code) => {
      const error = new VaultError(code as VaultErrorCode);
      expect(isVaultError(error)).toBe(true);
      expect(error.code).toBe(code);
      expect(error.message).toBe(
        "Cannot go on: the error is unknown here. Update tokenkeep or its caller.",
      );
    },
  );

  it.each(["constructor", "toString", "__proto__"])(
    "reason %j is a word like any other [S10 S15]",
    (reason) => {
      const { message } = new VaultError("sign_in_failed", undefined, { reason: reason as never });
      expect(message).toBe(`Cannot sign in: ${reason.replaceAll("_", " ")}. Try again.`);
    },
  );
});

describe("isVaultError", () => {
  it("knows errors of another copy of the library", async () => {
    vi.resetModules();
    const copy = await import("../../src/errors.ts");
    expect(copy.VaultError).not.toBe(VaultError);
    const foreign = new copy.VaultError("no_session", "from a copy");
    expect(isVaultError(foreign)).toBe(true);
    expect(foreign).toBeInstanceOf(VaultError);
    expect(copy.isVaultError(new VaultError("closed", "from here"))).toBe(true);
  });

  it.each([
    undefined,
    null,
    "VaultError",
    17,
    {},
    { code: "no_session", name: "VaultError" },
    new Error("no_session"),
    () => {},
  ])("does not take %o for one", (value) => {
    expect(isVaultError(value)).toBe(false);
  });

  it("and instanceof know nothing of classes of somebody else's", () => {
    class Own extends VaultError {}
    expect(new Own("closed")).toBeInstanceOf(VaultError);
    expect(new Own("closed")).toBeInstanceOf(Own);
    expect(new VaultError("closed")).not.toBeInstanceOf(Own);
    expect(new Error("closed")).not.toBeInstanceOf(VaultError);
  });

  it("the brand shows nowhere", () => {
    const error = new VaultError("closed", "message");
    expect(Object.getOwnPropertySymbols({ ...error })).toEqual([]);
    expect(JSON.parse(JSON.stringify(error))).toEqual({ code: "closed", name: "VaultError" });
  });
});

it.each(["events", "subscribe"] as const)("%s takes a function, and says so at once", (kind) => {
  const { vault } = bench();
  const call = vault[kind] as (...args: unknown[]) => unknown;
  expect(() => call("signed-in", () => {})).toThrow(TypeError);
});

describe("options", () => {
  const store = memoryStore();
  const wrong: Readonly<Record<string, unknown>> = {
    "no options": {},
    "no provider": { store },
    "no store": { provider: acme() },
    "no origins": { store, provider: { ...acme(), origins: [] } },
    "an empty account": { store, provider: acme(), account: "" },
    "an account that is looked up and not there (S11)": {
      store,
      provider: acme(),
      account: undefined,
    },
    "an account that is no text": { store, provider: acme(), account: 7 },
    "an account without end": { store, provider: acme(), account: "a".repeat(257) },
    "a store that cannot compare, with rotation": {
      store: { ...store, atomic: false },
      provider: acme(),
    },
  };
  it.each(Object.keys(wrong))("%s is an invalid_option", (name) => {
    expect(() => createVault(wrong[name] as never)).toThrow(
      expect.objectContaining({ code: "invalid_option", name: "VaultError" }),
    );
  });

  it.each([
    ["a function that makes one", memoryStore],
    ["a Map", new Map()],
  ] as const)("a store that is %s is told as none", (_, no) => {
    expect(() => createVault({ provider: acme(), store: no as never })).toThrow(
      /Wanted: store, or/,
    );
  });

  it("a store that cannot compare will do where nothing rotates", () => {
    const provider = acme({ rotation: "none" });
    expect(() => createVault({ provider, store: { ...store, atomic: false } })).not.toThrow();
  });

  it("signIn without a provider's sign-in says to adopt", async () => {
    const { signIn: _, ...provider } = acme();
    const error = await rejection(bench({ provider }).vault.signIn(credentials));
    expect(error).toMatchObject({ code: "invalid_option" });
    expect(error.message).toMatch(/adopt/);
  });
});

/**
 * No secret in anything that the library hands out (S4, S7), on every way that goes wrong: looked
 * for in errors, events, snapshots, the vault itself, lock names, messages, and what was printed.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { VaultOptions } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Channel, Lock, TokenStore } from "../../../src/types.ts";
import { acme, credentials, never, reply } from "../../support/fake-api.ts";
import { findSecrets } from "../../support/secrets.ts";
import { bench, type Bench, rejection, VMS } from "../../support/vault.ts";
import { VaultError } from "../../../src/errors.ts";

const secrets = [
  credentials.password,
  "access-1-secret",
  "access-2-secret",
  "refresh-1-secret",
  "refresh-2-secret",
  "new-token-secret",
  "in-an-error-secret",
];

/** A vault that tells what others come to see of it. */
function watched(
  options: Partial<VaultOptions<typeof credentials>> = {},
): Bench & { seen: unknown[] } {
  const seen: unknown[] = [];
  const lock: Lock = {
    run(name, task) {
      seen.push(name);
      return task();
    },
  };
  const channel: Channel = {
    open(name) {
      seen.push(name);
      return { post: (message) => void seen.push(message), close() {} };
    },
  };
  for (const method of ["log", "info", "warn", "error", "debug"] as const)
    vi.spyOn(console, method).mockImplementation((...values) => void seen.push(values));
  const one = bench({ lock, channel, ...options });
  one.vault.events((event) => seen.push(event));
  one.vault.subscribe((snapshot) => seen.push(snapshot));
  return { ...one, seen };
}

afterEach(() => vi.restoreAllMocks());

const boom = (): never => {
  throw new TypeError("fetch failed: in-an-error-secret refresh-1-secret", {
    cause: new Error(credentials.password),
  });
};

/** A store that works until it is told to fail, with secrets in its errors. */
function fragile(): TokenStore & { broken: boolean } {
  const inner = memoryStore();
  const guard =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (store.broken) throw new Error(`quota: ${JSON.stringify(args)} in-an-error-secret`);
      return work(...args);
    };
  const store = {
    ...inner,
    broken: false,
    shared: "origin" as const,
    read: guard(inner.read),
    head: guard(inner.head),
    write: guard(inner.write),
    list: guard(inner.list),
  };
  return store;
}

/** What may go wrong after a sign-in, when the access token has ended. */
const refreshesGoneWrong: Readonly<Record<string, (bench: Bench) => unknown>> = {
  "a malformed token": () => reply(200, { access_token: "new-token-secret\nX: y" }),
  "a malformed refresh token": () =>
    reply(200, { access_token: "new-token-secret", refresh_token: "refresh-2-secret\u0000" }),
  "a nonsense reply": () => new Response('{"access_token":"new-token-secret'),
  "an object instead of a token": () =>
    reply(200, { access_token: { secret: "new-token-secret" } }),
  "a refusal that repeats the token": ({ api }) => reply(401, { sent: api.calls.at(-1)!.body }),
  "a server error that repeats it": ({ api }) => reply(500, { sent: api.calls.at(-1)!.body }),
  "a redirect with it": () =>
    new Response(null, {
      status: 307,
      headers: { location: "https://evil.test/refresh-1-secret" },
    }),
  "a network error": boom,
  "no reply at all": ({ api }) => never(api.calls.at(-1)!),
};

describe.each(Object.keys(refreshesGoneWrong))("a refresh that meets %s", (name) => {
  it("shows no secret in the error, nor anywhere else [S4 S7]", async () => {
    const one = watched();
    const { vault, api, clock, seen } = one;
    await vault.signIn(credentials);
    api.refresh = () => refreshesGoneWrong[name]!(one) as Response;
    await clock.advance(3_600_000);
    const error = await clock.until(vault.fetch(VMS)).catch((reason: unknown) => reason);
    // Beside a good access token a malformed refresh token is none (F70).
    if (name === "a malformed refresh token") expect(error).toMatchObject({ status: 401 });
    else expect(error).toBeInstanceOf(VaultError);
    expect(api.to("/refresh").length).toBeGreaterThan(0);
    // Enough was seen for the search to mean something: names, events, snapshots.
    expect(seen.length).toBeGreaterThan(3);
    expect(findSecrets({ error, seen, vault, snapshot: vault.snapshot() }, secrets)).toEqual([]);
  });
});

describe.each(["a malformed token", "a nonsense reply", "a network error"])(
  "a sign-in that meets %s",
  (name) => {
    it("shows no secret in the error, nor anywhere else [S4 S7]", async () => {
      const one = watched();
      one.api.login = () => refreshesGoneWrong[name]!(one) as Response;
      const error = await rejection(one.vault.signIn(credentials));
      expect(error).toBeInstanceOf(VaultError);
      expect(findSecrets({ error, seen: one.seen, vault: one.vault }, secrets)).toEqual([]);
    });
  },
);

describe("other ways to go wrong", () => {
  it("wrong credentials, which the reply repeats [S4 S7]", async () => {
    const { vault, api, seen } = watched();
    api.login = ({ body }) => reply(401, { error: `wrong: ${body}` });
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "credentials_refused" });
    expect(findSecrets({ error, seen, vault }, secrets)).toEqual([]);
  });

  it.each(["adopt", "signIn", "refresh", "signOut"])(
    "a store that fails during %s [S4 S7]",
    async (during) => {
      const store = fragile();
      const { vault, api, clock, seen } = watched({ store });
      const errors: unknown[] = [];
      const note = (error: unknown): void => void errors.push(error);
      if (during === "signIn" || during === "adopt") store.broken = true;
      if (during === "adopt") await vault.adopt({ accessToken: "access-1-secret" }).catch(note);
      else await vault.signIn(credentials).catch(note);
      store.broken = true;
      if (during === "refresh") {
        api.expire();
        await clock.until(vault.fetch(VMS)).catch(note);
      }
      if (during === "signOut") await clock.until(vault.signOut()).catch(note);
      expect(JSON.stringify(seen)).toMatch(/store-trouble|unpersisted/);
      expect(findSecrets({ errors, seen, vault, snapshot: vault.snapshot() }, secrets)).toEqual([]);
    },
  );

  it("a malformed token that is adopted [S4]", async () => {
    const { vault, seen } = watched();
    const tokens = { accessToken: "new-token-secret\n", refreshToken: "refresh-1-secret" };
    const error = await rejection(vault.adopt(tokens));
    expect(error).toMatchObject({ code: "invalid_token" });
    expect(findSecrets({ error, seen, vault }, secrets)).toEqual([]);
  });

  it("a provider that throws secrets around [S4]", async () => {
    const { vault, seen, clock } = watched({
      provider: { ...acme(), signIn: async () => boom(), renew: async () => boom() },
    });
    const errors = [await rejection(vault.signIn(credentials))];
    await vault.adopt({
      accessToken: "access-1-secret",
      refreshToken: "refresh-1-secret",
      expiresAt: clock.now(),
    });
    errors.push(await rejection(clock.until(vault.getToken())));
    expect(errors.every((error) => error instanceof VaultError)).toBe(true);
    expect(findSecrets({ errors, seen, vault }, secrets)).toEqual([]);
  });
});

describe("when all is well", () => {
  it("getToken() gives the access token alone, and nothing else gives any [S7]", async () => {
    const { vault, api, clock, seen } = watched();
    await vault.signIn(credentials);
    const token = await vault.getToken();
    expect(token).toBe("access-1-secret");
    api.expire();
    await clock.until(vault.fetch(VMS));
    await vault.accounts();
    await vault.signOut();
    expect(seen.length).toBeGreaterThan(5);
    expect(findSecrets({ seen, vault, snapshot: vault.snapshot() }, secrets)).toEqual([]);
  });

  it("secrets are not in any address [S7]", async () => {
    const { vault, api } = watched();
    await vault.signIn(credentials);
    api.expire();
    await vault.fetch(VMS);
    await vault.signOut();
    expect(api.calls.length).toBeGreaterThan(3);
    expect(
      findSecrets(
        api.calls.map(({ url }) => url),
        secrets,
      ),
    ).toEqual([]);
  });

  it("the search finds what is hidden", () => {
    const hidden = Object.defineProperty(new Error("x"), Symbol("s"), {
      value: "refresh-1-secret",
    });
    const places = [
      hidden,
      new Error("x", { cause: { deep: ["refresh-1-secret"] } }),
      new Map([["a", new Set(["refresh-1-secret"])]]),
      new (class {
        get token(): string {
          return "refresh-1-secret";
        }
      })(),
      { toJSON: () => "refresh-1-secret" },
      { toString: () => "refresh-1-secret" },
      { a: Buffer.from("refresh-1-secret").toString("base64") },
      Object.create({ inherited: "refresh-1-secret" }) as unknown,
    ];
    for (const place of places) expect(findSecrets(place, secrets)).not.toEqual([]);
  });
});

it.each(["stored-secret\r\nx-injected: 1", "stored secret", "stored-secret\u0100", "", 7])(
  "a stored token that no header can carry is no session, and stands in no error: %j [S4 S5 S10]",
  async (accessToken) => {
    const { vault, store } = bench();
    await vault.signIn(credentials);
    const [key = ""] = await store.list("");
    const stored = (await store.read(key))!;
    const body = { ...(stored.body as object), tokenSet: { accessToken } };
    await store.write(key, { ...stored, body }, stored);
    // The real one: it would quote the whole header.
    const other = bench({ store, fetch });
    const error = await rejection(other.vault.fetch(VMS));
    expect(error).toMatchObject({ code: "no_session" });
    expect(findSecrets(error, ["stored"])).toEqual([]);
    expect(other.types()).toContain("unreadable");
  },
);

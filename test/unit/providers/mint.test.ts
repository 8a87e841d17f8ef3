/** The mint mechanism: tokens made anew from what was given once. */
import { describe, expect, it } from "vitest";
import { createVault, type Vault } from "../../../src/index.ts";
import { artos } from "../../../src/providers/artos.ts";
import { mint, type MintOptions, type TokenReply } from "../../../src/providers/mint.ts";
import { encrypted } from "../../../src/stores/encrypted.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Provider, TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock, settle } from "../../support/clock.ts";
import { type FakeApi, fakeApi, ORIGIN, reply } from "../../support/fake-api.ts";
import { findSecrets } from "../../support/secrets.ts";
import { rejection, VMS } from "../../support/vault.ts";

const HOUR = 3_600_000;
const credentials = { id: "client-7", secret: "minting-secret" };
type Credentials = typeof credentials;

const acme = (options: Partial<MintOptions<Credentials>> = {}): Provider<Credentials | void> =>
  mint<Credentials>({
    name: "acme",
    origins: [ORIGIN],
    // The fake API calls its token endpoint so.
    tokenUrl: `${ORIGIN}/login`,
    read: ({ access_token, expires_in }) => ({ accessToken: access_token, expiresIn: expires_in }),
    ...options,
  });

interface Opened {
  readonly vault: Vault<Credentials | void>;
  readonly api: FakeApi;
  readonly clock: ManualClock;
  readonly store: TokenStore;
  readonly events: string[];
}

function open(
  provider = acme(),
  { api = fakeApi(), clock = manualClock(), store = memoryStore() } = {} as Partial<Opened>,
): Opened {
  const vault = createVault({ provider, store, clock, fetch: api.fetch, random: () => 0.5 });
  const events: string[] = [];
  vault.events(({ type }) => events.push(type));
  return { vault, api, clock, store, events };
}

async function signedIn(provider?: Provider<Credentials | void>): Promise<Opened> {
  const one = open(provider);
  await one.vault.signIn(credentials);
  return one;
}

const mints = ({ api }: Pick<Opened, "api">): number => api.to("/login").length;

describe("minting", () => {
  it("keeps the credentials as they were sent, whatever becomes of the object [S11]", async () => {
    const form = { id: "", secret: "minting-secret" };
    const provider = acme();
    const [ada, bob] = [open(provider), open(provider)];
    form.id = "ada";
    const signingIn = ada.vault.signIn(form);
    form.id = "bob";
    await signingIn;
    await bob.vault.signIn(form);
    form.secret = "";
    for (const { vault, clock } of [ada, bob]) {
      await clock.advance(HOUR);
      expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
    }
    const sent = (one: Opened): unknown[] =>
      one.api.to("/login").map(({ body }) => JSON.parse(body) as unknown);
    const kept = (id: string): unknown => ({ id, secret: "minting-secret" });
    expect(sent(ada)).toEqual([kept("ada"), kept("ada")]);
    expect(sent(bob)).toEqual([kept("bob"), kept("bob")]);
  });

  it("sends the credentials as JSON, guarded and without a token, again and again [S2 S15]", async () => {
    const { vault, api, clock } = await signedIn();
    await clock.advance(HOUR);
    expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
    expect(api.to("/login").map(({ body }) => JSON.parse(body))).toEqual([
      credentials,
      credentials,
    ]);
    for (const { init, method, headers } of api.to("/login")) {
      expect(method).toBe("POST");
      expect(headers.get("authorization")).toBeNull();
      expect(init).toMatchObject({ redirect: "manual", credentials: "omit", cache: "no-store" });
    }
  });

  it("writes and reads as it is told", async () => {
    const { vault, api } = await signedIn(
      acme({
        write: ({ id, secret }) => ({ client: [id, secret] }),
        read: (body) => ({ accessToken: `own-${body["expires_in"]}` }),
      }),
    );
    expect(JSON.parse(api.calls[0]!.body)).toEqual({ client: ["client-7", "minting-secret"] });
    expect(await vault.getToken()).toBe("own-3600");
    // No reply told a life: none is known.
    expect(vault.snapshot().expiresAt).toBeUndefined();
  });

  it("assumedLifetime counts where the reply tells none", async () => {
    const read = ({ access_token }: Record<string, unknown>) => ({ accessToken: access_token });
    const { vault, clock } = await signedIn(acme({ read, assumedLifetime: HOUR / 2 }));
    expect(vault.snapshot().expiresAt).toBe(clock.now() + HOUR / 2);
  });

  it("goes on after a reload: the credentials are kept with the session", async () => {
    const { clock, store, api } = await signedIn();
    const { vault } = open(acme(), { clock, store, api });
    await clock.advance(HOUR);
    expect(await clock.until(vault.getToken())).toBe("access-2-secret");
    await clock.advance(HOUR);
    expect(await clock.until(vault.getToken())).toBe("access-3-secret");
  });

  it("is done once for all callers of all contexts [P1]", async () => {
    const { vault, clock, store, api } = await signedIn();
    const other = open(acme(), { clock, store, api });
    await other.vault.getToken();
    api.expire();
    const replies = [vault, other.vault].flatMap((one) =>
      Array.from({ length: 5 }, () => one.fetch(VMS)),
    );
    const statuses = (await clock.until(Promise.all(replies))).map(({ status }) => status);
    expect(statuses).toEqual(Array(10).fill(200));
    expect(mints({ api })).toBe(2);
  });

  it("is tried again after trouble at once, because nothing was spent [P17]", async () => {
    const { vault, clock, api } = await signedIn();
    api.expire();
    let n = 0;
    const { login } = api;
    api.login = (call, ordinal) => (n++ < 3 ? reply(503, {}) : login(call, ordinal));
    const start = clock.now();
    expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
    expect(mints({ api })).toBe(5);
    // Within the caller's patience: no attempt waits for another's deadline.
    expect(clock.now() - start).toBeLessThan(20_000);
  });
});

describe("a reply", () => {
  it.each([
    ["credentials_refused", 400, {}],
    ["credentials_refused", 401, { error: "no" }],
    ["sign_in_failed", 403, { error: "no" }],
    ["sign_in_failed", 401, "<h1>Welcome to the hotel</h1>"],
    ["sign_in_failed", 403, "<h1>Access denied</h1>"],
    ["sign_in_failed", 200, {}],
    ["sign_in_failed", 200, "<h1>Welcome to the hotel</h1>"],
    ["sign_in_failed", 500, {}],
  ])("%s for %i %j", async (code, status, body) => {
    const { vault, api } = open();
    api.login = () =>
      typeof body === "string" ? new Response(body, { status }) : reply(status, body);
    expect(await rejection(vault.signIn(credentials))).toMatchObject({ code, status });
  });

  it.each([
    ["refused", 401, { detail: "Invalid authentication credentials" }],
    ["trouble", 401, { error: "proxy says no" }],
    ["trouble", 401, { detail: [{ loc: ["body"] }] }],
    ["trouble", 401, "<h1>Welcome to the hotel</h1>"],
    ["trouble", 403, { detail: "User has no organization or not authorized" }],
    ["trouble", 403, "<h1>Access denied</h1>"],
    ["trouble", 400, { detail: "Bad Request" }],
    ["trouble", 422, { detail: "user_id is required" }],
    ["trouble", 429, { detail: "Too many requests" }],
    ["trouble", 500, { detail: "Internal Server Error" }],
  ] as const)("artos: %s for %i %j [P9 P17]", async (type, status, body) => {
    const provider = artos({ baseURL: ORIGIN });
    const exchange = {
      now: () => 0,
      signal: new AbortController().signal,
      fetch: async () =>
        typeof body === "string" ? new Response(body, { status }) : reply(status, body),
    };
    const material = { userId: "usr_1" };
    expect(await provider.renew!({ material }, exchange)).toMatchObject({ type, status });
    expect(await provider.signIn!(material, exchange)).toMatchObject({ type, status });
  });

  it("artos: what one knows better is taken", async () => {
    const isRefusal = ({ status }: TokenReply): boolean => status === 404;
    const provider = artos({ baseURL: ORIGIN, isRefusal, assumedLifetime: HOUR });
    expect(provider.renewal).toEqual({
      rotation: "none",
      needsRefreshToken: false,
      needsMaterial: true,
      assumedLifetime: HOUR,
    });
    const fetch = async (): Promise<Response> => reply(404, { detail: "User not found" });
    const exchange = { now: () => 0, signal: new AbortController().signal, fetch };
    expect(await provider.signIn!({ userId: "usr_1" }, exchange)).toMatchObject({
      type: "refused",
    });
  });
});

describe("a token without its credentials", () => {
  it("serves to its end, then its 401s are returned, a sign-in is asked for, and nothing minted [P9]", async () => {
    const env = { ACME_TOKEN: "access-1-secret" };
    const { vault, api, clock, events } = open(acme({ variable: "ACME_TOKEN", env }));
    await vault.signIn();
    expect((await vault.fetch(VMS)).status).toBe(200);
    api.login(undefined as never, 0);
    api.expire();
    expect((await clock.until(vault.fetch(VMS))).status).toBe(401);
    expect(vault.snapshot().status).toBe("sign-in-required");
    expect(mints({ api })).toBe(0);
    await settle();
    expect(events.filter((type) => type === "refused")).toHaveLength(1);
  });

  it("one endpoint that always answers 401 fails no other, and ends no session [P13 P17 F36 F42]", async () => {
    const { vault, api, clock } = open();
    const { api: answer } = api;
    api.api = (call, n) => (call.url.includes("/odd") ? reply(401, {}) : answer(call, n));
    api.login(undefined as never, 0);
    await vault.adopt({ accessToken: "access-1-secret", expiresAt: clock.now() + HOUR });
    const statusAt = async (path: string): Promise<number> =>
      (await clock.until(vault.fetch(ORIGIN + path))).status;
    for (let round = 0; round < 3; round++) {
      expect(await statusAt("/odd")).toBe(401);
      expect(await statusAt("/good")).toBe(200);
      await clock.advance(10 * 60_000);
    }
    expect(await vault.getToken()).toBe("access-1-secret");
    expect(mints({ api })).toBe(0);
  });

  it("likewise one that was adopted", async () => {
    const { vault, api, clock } = open();
    await vault.adopt({ accessToken: "adopted", expiresAt: clock.now() + HOUR });
    await clock.advance(HOUR);
    expect(await rejection(clock.until(vault.getToken()))).toMatchObject({
      code: "sign_in_required",
    });
    expect(api.calls).toHaveLength(0);
  });

  it("is checked like any other [S5]", async () => {
    const { vault } = open(acme({ variable: "ACME_TOKEN", env: { ACME_TOKEN: "a b" } }));
    await expect(vault.signIn()).rejects.toMatchObject({ code: "invalid_token" });
    await expect(open().vault.signIn()).rejects.toMatchObject({ code: "invalid_option" });
  });
});

describe("the credentials", () => {
  it("are not reachable from anything that is handed out [S7]", async () => {
    const { vault, api, clock, events } = await signedIn();
    api.expire();
    await clock.until(vault.fetch(VMS));
    await clock.advance(HOUR / 2);
    api.expire();
    api.login = () => reply(401, { sent: credentials });
    const error = await rejection(clock.until(vault.getToken({ rejected: "access-2-secret" })));
    const all = { vault, error, events, snapshot: vault.snapshot(), provider: acme() };
    expect(findSecrets(all, [credentials.secret])).toEqual([]);
  });

  it("are sealed where the store seals, and gone after the sign-out [S8]", async () => {
    const inner = memoryStore();
    const { vault } = open(acme(), { store: encrypted(inner) });
    await vault.signIn(credentials);
    const [key = ""] = await inner.list("");
    const sealed = await inner.read(key);
    expect(sealed?.body).toBeDefined();
    expect(findSecrets({ key, sealed }, [credentials.secret])).toEqual([]);

    const plain = await signedIn();
    expect(findSecrets(await plain.store.read(key), [credentials.secret])).not.toEqual([]);
    await plain.vault.signOut();
    expect(findSecrets(await plain.store.read(key), [credentials.secret])).toEqual([]);
  });
});

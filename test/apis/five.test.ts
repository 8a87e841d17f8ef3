/** Each of the five APIs as a user meets it: through the public subpaths, over real sockets. */
import { afterEach, describe, expect, it } from "vitest";
import { createVault, type Provider, readProblem, type Vault, type VaultEvent } from "tokenkeep";
import { artos } from "tokenkeep/providers/artos";
import { clary } from "tokenkeep/providers/clary";
import { claryJwt } from "tokenkeep/providers/clary-jwt";
import { qovery } from "tokenkeep/providers/qovery";
import { simplismart } from "tokenkeep/providers/simplismart";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import { memoryStore } from "tokenkeep/stores/memory";
import {
  type Account,
  type ApiEntry,
  type ApiName,
  apis,
  createApi,
  type TestApi,
} from "./apis.ts";
import type { Echo } from "./replies.ts";
import type { QoveryApi } from "./qovery.ts";
import { serve } from "./sockets.ts";
import { findSecrets } from "../support/secrets.ts";
import type { VmcloudOptions } from "./vmcloud.ts";

const HOUR = 3_600_000;

const presets: Readonly<Record<ApiName, (baseURL: string) => Provider<any>>> = {
  vmcloud: (baseURL) => vmcloud({ baseURL }),
  simplismart: (baseURL) => simplismart({ baseURL }),
  artos: (baseURL) => artos({ baseURL }),
  qovery: (baseURL) => qovery({ baseURL }),
  clary: (baseURL) => clary({ baseURL }),
  "clary-jwt": (baseURL) => claryJwt({ baseURL }),
};
const names = Object.keys(apis) as ApiName[];
const entry = (name: ApiName): ApiEntry => apis[name];
const ofThose = (kind: (one: ApiEntry) => unknown): ApiName[] =>
  names.filter((name) => kind(entry(name)));

interface Opened {
  readonly api: TestApi;
  readonly url: string;
  readonly vault: Vault<any>;
  readonly events: VaultEvent[];
  /** Moves the clocks of both sides. */
  pass(ms: number): void;
}

const open: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** A server, and a vault that is not signed in. */
async function start(
  name: ApiName,
  options: VmcloudOptions = {},
  provider = presets[name],
): Promise<Opened> {
  let passed = 0;
  const now = (): number => Date.now() + passed;
  const api = createApi(name, { now, ...options });
  const served = await serve(api.fetch);
  const vault: Vault<any> = createVault({
    provider: provider(served.url),
    store: memoryStore(),
    dangerouslyAllowLoopbackHttp: true,
    clock: {
      now,
      running: () => performance.now() + passed,
      setTimeout: (callback, ms) => setTimeout(callback, ms),
      clearTimeout: (handle) => clearTimeout(handle as number),
    },
  });
  open.push(vault, served);
  const events: VaultEvent[] = [];
  vault.events((event) => events.push(event));
  return { api, url: served.url, vault, events, pass: (ms) => void (passed += ms) };
}

async function signedIn(
  name: ApiName,
  account: Account = "ada",
  options?: VmcloudOptions,
): Promise<Opened> {
  const opened = await start(name, options);
  await opened.vault.signIn(await opened.api.credentials(account));
  return opened;
}

const post: { method: string; headers: Record<string, string>; body: string } = {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: "{}",
};

describe.each(names)("%s", (name) => {
  const { read, write, scheme, foreign } = entry(name);

  it("signs in, reads and writes", async () => {
    const { vault, url } = await signedIn(name);
    const seen = await vault.fetch(url + read);
    expect(seen.status).toBe(200);
    expect(JSON.stringify(await seen.json())).toContain("org-analytical");
    expect((await vault.fetch(url + write, post)).status).toBe(201);
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", generation: 1 });
  });

  it(`S6 sends the auth-scheme ${scheme}, and the server takes no other`, async () => {
    const { vault, url, api } = await signedIn(name);
    expect(await vault.authorization()).toBe(`${scheme} ${await vault.getToken()}`);
    const other = scheme === "Token" ? "Bearer" : "Token";
    const authorization = `${other} ${await vault.getToken()}`;
    expect((await vault.fetch(url + read, { headers: { authorization } })).status).toBe(401);
    expect(api.counters().unauthorized).toBe(1);
  });

  it("F18 403: another organisation, or too few rights, is an answer, and refreshes nothing", async () => {
    const { vault, url, api, events } = await signedIn(name, "grace");
    const calls = api.counters().tokenCalls;
    const denied = await vault.fetch(url + write, post);
    expect(denied.status).toBe(403);
    const ada = await signedIn(name);
    const elsewhere = await ada.vault.fetch(ada.url + foreign);
    expect(elsewhere.status).toBe(name === "vmcloud" ? 404 : 403);
    expect(await readProblem(denied)).toMatchObject(problems[name][403]);
    expect(api.counters().tokenCalls).toBe(calls);
    expect(events.map(({ type }) => type)).toEqual(["signed-in"]);
  });

  it("401 and 429 in the API's shape are read by readProblem()", async () => {
    const { vault, url } = await signedIn(name, "ada", { rateLimit: 1 });
    const headers = { authorization: `${scheme} wrong` };
    const unauthorized = await vault.fetch(url + read, { headers });
    expect(await readProblem(unauthorized)).toMatchObject({ status: 401, ...problems[name][401] });
    await vault.fetch(url + read);
    const limited = await readProblem(await vault.fetch(url + read));
    expect(limited).toMatchObject({ status: 429, ...problems[name][429] });
    expect(limited.retryAfter).toBeGreaterThan(HOUR / 2);
  });

  it("the token goes nowhere else", async () => {
    const { vault } = await signedIn(name);
    const other = await serve((request) =>
      Promise.resolve(Response.json(request.headers.get("authorization"))),
    );
    open.push(other);
    expect(await (await vault.fetch(other.url + read)).json()).toBeNull();
  });

  it("P17 a firewall's 403 at the sign-in is no refusal", async () => {
    const { vault, api } = await start(name);
    api.set({ ipBlocked: true });
    const asks = api.counters().requests;
    const error = await vault.signIn(await api.credentials()).then(
      () => undefined,
      (error: unknown) => error,
    );
    // Where a sign-in is no request, there is nothing that a firewall could answer.
    if (entry(name).renewal) expect(error).toMatchObject({ code: "sign_in_failed", status: 403 });
    else expect([error, api.counters().requests]).toEqual([undefined, asks]);
  });
});

/** What `readProblem` makes of each page's errors. */
const detail = (message: string): object => ({ message });
const problems: Readonly<Record<ApiName, Readonly<Record<401 | 403 | 429, object>>>> = {
  vmcloud: {
    401: { code: "401", message: "Invalid or expired token" },
    403: { code: "403", message: "Insufficient permissions" },
    429: { code: "429", message: "Rate limit exceeded" },
  },
  simplismart: {
    401: detail("Invalid token."),
    403: detail("You do not have permission to perform this action."),
    429: detail("Request was throttled."),
  },
  artos: {
    401: detail("Invalid authentication credentials"),
    403: detail("User has no organization or not authorized"),
    429: detail("Too many requests"),
  },
  qovery: {
    401: { code: "Unauthorized", message: "Invalid or missing authentication token" },
    403: { code: "Forbidden", message: "Insufficient permissions to access this resource" },
    429: { code: "Too Many Requests", message: "Rate limit exceeded" },
  },
  clary: {
    401: { code: "unauthorized", message: "Invalid API key" },
    403: { code: "forbidden", message: "Insufficient permissions" },
    429: { code: "rate_limited", message: "Rate limit exceeded" },
  },
  "clary-jwt": {
    401: { code: "unauthorized", message: "Invalid API key" },
    403: { code: "forbidden", message: "Insufficient permissions" },
    429: { code: "rate_limited", message: "Rate limit exceeded" },
  },
};

describe.each(ofThose(({ heals }) => heals))("%s, whose tokens can be had anew", (name) => {
  const { read, renewal } = entry(name);

  it("P1 P11 a 401 is healed, once for all callers", async () => {
    const { vault, url, api, pass, events } = await signedIn(name);
    pass(2_000);
    const before = api.counters();
    await vault.fetch(url + read);
    api.expireAccessTokens();
    pass(2_000);
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) => vault.fetch(`${url}${read}?n=${n}`)),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200));
    const after = api.counters();
    expect(after.tokenCalls - before.tokenCalls).toBe(renewal ? 1 : 0);
    expect(after.maxSendsPerRequestId).toBe(2);
    expect(vault.snapshot().generation).toBe(2);
    expect(events.filter(({ type }) => type === "refreshed")).toHaveLength(1);
  });

  it("is renewed when its time has come, before a 401", async () => {
    const { vault, url, api, pass } = await signedIn(name);
    const first = await vault.getToken();
    const { issuedAt, expiresAt } = vault.snapshot();
    pass(expiresAt! - issuedAt!);
    expect((await vault.fetch(url + read)).status).toBe(200);
    expect(await vault.getToken()).not.toBe(first);
    expect(api.counters().unauthorized).toBe(0);
  });

  it("P9 when the account is refused, only a sign-in helps", async () => {
    const { vault, url, api, events } = await signedIn(name);
    const first = await vault.getToken();
    api.revoke();
    api.expireAccessTokens();
    const error = await vault.getToken({ rejected: first }).then(
      (token) => token,
      (error: unknown) => error,
    );
    if (renewal) {
      expect(error).toMatchObject({ code: "sign_in_required", status: 401 });
      expect(events.filter(({ type }) => type === "refused")).toHaveLength(1);
    } else {
      // A JWT of one's own is never refused when it is signed, only when it is sent.
      expect((await vault.fetch(url + read)).status).toBe(401);
    }
    await vault.signIn(await api.credentials("grace"));
    expect((await vault.fetch(url + read)).status).toBe(200);
  });
});

describe.each(ofThose(({ heals }) => !heals))("%s, whose tokens nothing renews", (name) => {
  const { read } = entry(name);

  it("a 401 is returned, and the token is kept", async () => {
    const { vault, url, api } = await signedIn(name);
    api.revoke();
    const reply = await vault.fetch(`${url}${read}?n=1`);
    expect(reply.status).toBe(401);
    expect(await readProblem(reply)).toMatchObject(problems[name][401]);
    expect(api.counters()).toMatchObject({ maxSendsPerRequestId: 1, tokenCalls: 0 });
    expect(await vault.accounts()).toEqual(["default"]);
    await vault.signIn(await api.credentials());
    expect((await vault.fetch(url + read)).status).toBe(200);
  });
});

describe("from the environment", () => {
  it.each([
    [
      "simplismart",
      "SIMPLISMART_TOKEN",
      (baseURL: string, env: object) => simplismart({ baseURL, env }),
    ],
    ["qovery", "QOVERY_API_TOKEN", (baseURL: string, env: object) => qovery({ baseURL, env })],
    ["clary", "CLARY_API_KEY", (baseURL: string, env: object) => clary({ baseURL, env })],
  ] as const)("%s: signIn() takes %s", async (name, variable, make) => {
    const env: Record<string, string | undefined> = {};
    const { vault, api, url } = await start(name, {}, (baseURL) => make(baseURL, env));
    const missing = await (vault as Vault<void>).signIn().catch((error: unknown) => error);
    expect(missing).toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining(variable),
    });
    env[variable] = (await api.credentials())["token"];
    await (vault as Vault<void>).signIn();
    expect((await vault.fetch(url + entry(name).read)).status).toBe(200);
  });

  it("artos: signIn() takes ARTOS_TOKEN, which mints nothing: at its end a sign-in is due", async () => {
    const minted = await signedIn("artos");
    const env = { ARTOS_TOKEN: await minted.vault.getToken() };
    const vault = createVault({
      provider: artos({ baseURL: minted.url, env }),
      store: memoryStore(),
      dangerouslyAllowLoopbackHttp: true,
    });
    open.push(vault);
    await vault.signIn();
    expect((await vault.fetch(minted.url + apis.artos.read)).status).toBe(200);
    const calls = minted.api.counters().tokenCalls;
    minted.api.expireAccessTokens();
    const error = await vault.fetch(minted.url + apis.artos.read).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "sign_in_required" });
    expect(minted.api.counters().tokenCalls).toBe(calls);
    // Signed in by the user id, it mints.
    await vault.signIn((await minted.api.credentials()) as { userId: string });
    expect((await vault.fetch(minted.url + apis.artos.read)).status).toBe(200);
  });

  it("clary-jwt: the key may come from CLARY_API_KEY", async () => {
    const env: Record<string, string | undefined> = {};
    const { vault, api, url } = await start("clary-jwt", {}, (baseURL) =>
      claryJwt({ baseURL, env }),
    );
    const credentials = { subject: "ada", tier: "professional" };
    const missing = await vault.signIn(credentials).catch((error: unknown) => error);
    expect(missing).toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining("CLARY_API_KEY"),
    });
    env["CLARY_API_KEY"] = (await api.credentials())["apiKey"];
    await vault.signIn(credentials);
    expect((await vault.fetch(`${url}/v1/workflows`)).status).toBe(200);
  });
});

describe("artos", () => {
  it("S1 the call that mints and the search's status go without a token", async () => {
    const { vault, url } = await start("artos", {}, (baseURL) => artos({ baseURL: `${baseURL}/` }));
    // Nobody is signed in, and nobody has to be.
    expect((await vault.fetch(`${url}/api/v1/search/status`)).status).toBe(200);
    const seen: (string | null)[] = [];
    const gateway = await serve(async (request) => {
      seen.push(request.headers.get("authorization"));
      return Response.json({ access_token: "token" });
    });
    open.push(gateway);
    const behind = createVault({
      provider: artos({ baseURL: `${gateway.url}/artos` }),
      store: memoryStore(),
      dangerouslyAllowLoopbackHttp: true,
    });
    open.push(behind);
    await behind.signIn({ userId: "usr_1" });
    for (const path of ["get-access-token", "api/v1/search/status", "api/v1/search"])
      await behind.fetch(`${gateway.url}/artos/${path}`);
    expect(seen).toEqual([null, null, null, "Bearer token"]);
  });

  it("F18 a user without an organisation gets 403, and no new token", async () => {
    const { vault, url, api } = await signedIn("artos", "nobody");
    expect((await vault.fetch(url + apis.artos.read)).status).toBe(403);
    expect(api.counters().tokenCalls).toBe(1);
  });

  it("a wrong user id is refused, and its value is not told", async () => {
    const { vault } = await start("artos");
    const error = await vault.signIn({ userId: "usr_wrong" }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "credentials_refused", status: 401 });
    expect(String((error as Error).stack)).not.toContain("usr_wrong");
  });
});

describe("qovery", () => {
  it.each([
    [["Read"], [200, 403, 403]],
    [["Write"], [403, 201, 403]],
    [["Deploy"], [403, 403, 202]],
    [
      ["Read", "Deploy"],
      [200, 403, 202],
    ],
    [["Admin"], [200, 201, 202]],
  ] as const)("a token with the scopes %j may do what they say", async (scopes, statuses) => {
    const { vault, url, api } = await start("qovery");
    await vault.signIn({ token: (api as QoveryApi).issue(scopes) });
    const replies = [
      await vault.fetch(`${url}/organization`),
      await vault.fetch(url + apis.qovery.write, post),
      await vault.fetch(`${url}/environment/env-1/deploy`, post),
    ];
    expect(replies.map(({ status }) => status)).toEqual(statuses);
  });

  it("tells no life: the console has it, not the token", async () => {
    const { vault } = await signedIn("qovery");
    expect(vault.snapshot()).toMatchObject({ expiresAt: undefined, claims: undefined });
  });
});

describe("what is shown", () => {
  it.each([
    ["vmcloud", { org: "org-analytical", plan: "pro" }],
    ["simplismart", { org: "org-analytical", role: "Admin" }],
    ["artos", { organization_id: "org-analytical", permissions: ["read", "write"] }],
    ["clary-jwt", { sub: "ada", tier: "professional" }],
  ] as const)("%s: the claims, for display", async (name, claims) => {
    const { vault } = await signedIn(name);
    expect(vault.snapshot().claims).toMatchObject(claims);
  });

  it.each(names)(
    "S7 %s: no secret but the access token is sent, and none is shown",
    async (name) => {
      const { vault, url, api } = await start(name);
      const credentials = await api.credentials();
      await vault.signIn(credentials);
      const echo = (await (
        await vault.fetch(`${url}${name === "vmcloud" ? "/v1" : ""}/echo`)
      ).json()) as Echo;
      expect(echo).toMatchObject({ authorization: true, tokenIndex: expect.any(Number) });
      const secrets = ["token", "password", "apiKey", "userId"].flatMap(
        (member) => credentials[member] ?? [],
      );
      expect(secrets.length).toBe(1);
      expect(findSecrets({ echo, vault, snapshot: vault.snapshot() }, secrets)).toEqual([]);
    },
  );
});

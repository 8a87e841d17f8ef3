/**
 * What every preset must do in every runtime, through the vault, against its API's server on
 * another origin: sign in, present the token, renew it or say that nothing does.
 */
import { afterEach, describe, expect, it } from "vitest";
import { createVault, type Provider, type Vault } from "../../src/index.ts";
import { apiKey } from "../../src/providers/api-key.ts";
import { artos } from "../../src/providers/artos.ts";
import { clary } from "../../src/providers/clary.ts";
import { claryJwt } from "../../src/providers/clary-jwt.ts";
import { qovery } from "../../src/providers/qovery.ts";
import { simplismart } from "../../src/providers/simplismart.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { ApiName } from "../apis/apis.ts";
import { type SpawnedApi, spawnApi } from "../apis/client.ts";
import type { SpawnOptions } from "../apis/serve.ts";
import { clockAhead } from "../support/clock.ts";
import { loginContract } from "./logins.ts";

export interface ProviderContract {
  /** The control server's address. */
  readonly control: string;
  /** The runtime's own environment, where it has one; it is given back as it was. */
  readonly env?: Record<string, string | undefined>;
}

interface Case {
  make(options: { baseURL: string; env?: Record<string, string | undefined> }): Provider<any>;
  /** The test server, where it is named otherwise. */
  readonly api?: ApiName;
  /** How that server is started. */
  readonly spawn?: SpawnOptions;
  /** What a sign-in takes, of what the server gives out. */
  credentials?(given: Readonly<Record<string, string>>): object;
  /** Absent where a header of its own has the token alone. */
  readonly scheme?: string;
  readonly read: string;
  /** How many token calls a renewal makes; absent where there is none. */
  readonly renewal?: number;
  /** The variable that `signIn` reads, and what it is given then. */
  readonly variable?: string;
  /** That variable's value, of the token; the token itself by default. */
  secret?(token: string): string;
  readonly rest?: object;
}

/** In a browser: a warning is expected there, and tested elsewhere. */
const quiet = { dangerouslyAllowInBrowser: true };

const acme = { name: "acme", variable: "ACME_API_KEY", ...quiet };

const cases: Record<ApiName | "api-key" | "api-key, Basic", Case> = {
  vmcloud: {
    make: ({ baseURL }) => vmcloud({ baseURL }),
    scheme: "Bearer",
    read: "/v1/vms",
    renewal: 1,
  },
  simplismart: {
    make: (options) => simplismart({ ...quiet, ...options }),
    scheme: "Bearer",
    read: "/deployments/list/model/",
    variable: "SIMPLISMART_TOKEN",
  },
  artos: {
    make: (options) => artos({ ...quiet, ...options }),
    scheme: "Bearer",
    read: "/api/v1/templates/",
    renewal: 1,
    variable: "ARTOS_TOKEN",
  },
  qovery: {
    make: (options) => qovery({ ...quiet, ...options }),
    scheme: "Token",
    read: "/organization",
    variable: "QOVERY_API_TOKEN",
  },
  clary: {
    make: (options) => clary({ ...quiet, ...options }),
    scheme: "Bearer",
    read: "/v1/documents",
    variable: "CLARY_API_KEY",
  },
  "clary-jwt": {
    make: (options) => claryJwt({ ...quiet, ...options }),
    scheme: "Bearer",
    read: "/v1/documents",
    renewal: 0,
    variable: "CLARY_API_KEY",
    rest: { subject: "ada", tier: "professional" },
  },
  "api-key": {
    make: ({ baseURL, env }) =>
      apiKey({ ...acme, ...(env && { env }), origins: [baseURL], header: "X-API-Key" }),
    api: "clary",
    spawn: { shown: { header: "x-api-key" }, cors: { allowHeaders: ["x-api-key"] } },
    credentials: ({ token }) => ({ key: token }),
    read: "/v1/documents",
    variable: "ACME_API_KEY",
  },
  "api-key, Basic": {
    make: ({ baseURL, env }) =>
      apiKey({ ...acme, ...(env && { env }), origins: [baseURL], scheme: "Basic" }),
    api: "clary",
    spawn: { shown: { header: "authorization", scheme: "Basic" } },
    credentials: ({ token = "" }) => ({ user: "Ada Löwe", password: token }),
    scheme: "Basic",
    read: "/v1/documents",
    variable: "ACME_API_KEY",
    secret: (token) => `ada:${token}`,
  },
};

type CaseName = keyof typeof cases;

const names = Object.keys(cases) as CaseName[];

export function providerContract({ control, env = {} }: ProviderContract): void {
  loginContract({ control });

  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
  });

  interface Opened {
    readonly api: SpawnedApi;
    readonly vault: Vault<any>;
    /** Moves the clocks of both sides. */
    pass(ms: number): Promise<void>;
  }

  async function start(name: CaseName): Promise<Opened> {
    const { api: server = name as ApiName, spawn, make } = cases[name];
    const api = await spawnApi(control, { name: server, ...spawn });
    let passed = 0;
    const vault: Vault<any> = createVault({
      provider: make({ baseURL: api.url, env }),
      store: memoryStore(),
      dangerouslyAllowLoopbackHttp: true,
      clock: clockAhead(() => passed),
    });
    open.push(vault, api);
    const pass = async (ms: number): Promise<void> => api.set({ clockOffset: (passed += ms) });
    return { api, vault, pass };
  }

  async function signedIn(name: CaseName): Promise<Opened> {
    const opened = await start(name);
    const { credentials = (given) => given } = cases[name];
    await opened.vault.signIn(credentials(await opened.api.credentials()));
    return opened;
  }

  describe.each(names)("provider contract: %s", (name) => {
    const { scheme, read, renewal, variable = "", secret = String, rest } = cases[name];

    it("signs in, and presents the token by its scheme [S6]", async () => {
      const { vault, api } = await signedIn(name);
      const reply = await vault.fetch(api.url + read);
      expect(reply.status).toBe(200);
      expect(JSON.stringify(await reply.json())).toContain("org-analytical");
      const token = await vault.getToken();
      expect(await vault.authorization()).toBe(scheme === undefined ? token : `${scheme} ${token}`);
      expect(vault.snapshot()).toMatchObject({ status: "signed-in", generation: 1 });
    });

    it.runIf(variable)("its secret may come from the environment", async () => {
      const { vault, api } = await start(name);
      const { token, apiKey, userId } = await api.credentials();
      const before = env[variable];
      try {
        delete env[variable];
        await expect(vault.signIn(rest)).rejects.toMatchObject({
          code: "invalid_option",
          message: expect.stringContaining(variable),
        });
        env[variable] = secret(token ?? apiKey ?? (await mint(api, userId)));
        await vault.signIn(rest);
        expect((await vault.fetch(api.url + read)).status).toBe(200);
      } finally {
        delete env[variable];
        if (before !== undefined) env[variable] = before;
      }
    });

    it.skipIf(renewal !== undefined)("a 401 is returned, and the token is kept [P11]", async () => {
      const { vault, api } = await signedIn(name);
      await api.revoke();
      const reply = await vault.fetch(`${api.url}${read}?n=1`);
      expect([reply.status, await reply.text()]).toEqual([401, expect.stringMatching(/invalid/i)]);
      expect((await api.counters()).sends).toEqual({ 1: 1 });
      expect(await vault.accounts()).toEqual(["default"]);
    });

    it.runIf(renewal !== undefined)("a 401 is healed by one renewal for all [P1 P11]", async () => {
      const { vault, api, pass } = await signedIn(name);
      await pass(2_000);
      const before = await api.counters();
      await vault.fetch(api.url + read);
      await api.expireAccessTokens();
      await pass(2_000);
      const calls = Array.from({ length: 6 }, (_, n) => vault.fetch(`${api.url}${read}?n=${n}`));
      const replies = await Promise.all(calls);
      expect(replies.map(({ status }) => status)).toEqual(calls.map(() => 200));
      const after = await api.counters();
      expect(after.tokenCalls - before.tokenCalls).toBe(renewal);
      expect(after.maxSendsPerRequestId).toBe(2);
      expect(vault.snapshot().generation).toBe(2);
    });

    it.runIf(renewal !== undefined)("is renewed in time, before a 401", async () => {
      const { vault, api, pass } = await signedIn(name);
      const first = await vault.getToken();
      const { issuedAt, expiresAt } = vault.snapshot();
      await pass(expiresAt! - issuedAt!);
      expect((await vault.fetch(api.url + read)).status).toBe(200);
      expect(await vault.getToken()).not.toBe(first);
      expect((await api.counters()).unauthorized).toBe(0);
    });
  });
}

/** Artos' user id is no token: it mints one. */
async function mint({ url }: SpawnedApi, userId: string | undefined): Promise<string> {
  const reply = await fetch(`${url}/get-access-token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user_id: userId }),
  });
  return ((await reply.json()) as { access_token: string }).access_token;
}

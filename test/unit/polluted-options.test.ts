/**
 * Options are what was given, whatever stands on `Object.prototype` when something is made (S15): an address there
 * would be where secrets go, and a flag there would switch a check off.
 */
import { afterEach, describe, expect, it } from "vitest";
import { createVault } from "../../src/index.ts";
import { createVault as createNodeVault } from "../../src/node.ts";
import { apiKey } from "../../src/providers/api-key.ts";
import { artos } from "../../src/providers/artos.ts";
import { clary } from "../../src/providers/clary.ts";
import { claryJwt } from "../../src/providers/clary-jwt.ts";
import { cookie } from "../../src/providers/cookie.ts";
import { jwtBearer } from "../../src/providers/jwt-bearer.ts";
import { mint } from "../../src/providers/mint.ts";
import { oauth2 } from "../../src/providers/oauth2.ts";
import { password } from "../../src/providers/password.ts";
import { qovery } from "../../src/providers/qovery.ts";
import { hmacSigned, selfSigned } from "../../src/providers/self-signed.ts";
import { simplismart } from "../../src/providers/simplismart.ts";
import { staticToken } from "../../src/providers/static-token.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { cloudflareKvStore } from "../../src/stores/cloudflare-kv.ts";
import { denoKvStore } from "../../src/stores/deno-kv.ts";
import { durableObjectStore } from "../../src/stores/durable-object.ts";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { indexedDbStore } from "../../src/stores/indexeddb.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import type { Provider } from "../../src/types.ts";
import { connectVault, serveVault } from "../../src/worker.ts";
import { record } from "../contracts/store.ts";
import { acme, ORIGIN } from "../support/fake-api.ts";

const EVIL = "https://evil.test";
const root = Object.prototype as unknown as Record<string, unknown>;

const ADDRESSES = ["baseURL", "tokenUrl", "refreshUrl", "revokeUrl", "loginUrl", "logoutUrl"];
const TEXTS = [
  "issuer",
  "name",
  "scheme",
  "header",
  "variable",
  "account",
  "algorithm",
  "rotation",
];
const PLACES = ["namespace", "prefix", "table", "database", "path", "binding", "jurisdiction"];
const LISTS = ["origins", "publicPaths", "partition"];
const FLAGS = [
  "dangerouslyAllowInBrowser",
  "dangerouslyAllowShortKey",
  "dangerouslyAllowLoopbackHttp",
  "dangerouslyAssumeDurable",
  "dangerouslyUnsealed",
  "isolated",
];
const NUMBERS = ["reuseWindow", "assumedLifetime", "lifetime", "timeout", "expiresIn"];

const polluted: readonly (readonly [string, unknown])[] = [
  ...ADDRESSES.map((name) => [name, EVIL] as const),
  ...TEXTS.map((name) => [name, "polluted"] as const),
  ...PLACES.map((name) => [name, "polluted"] as const),
  ...LISTS.map((name) => [name, [EVIL]] as const),
  ...FLAGS.map((name) => [name, true] as const),
  ...NUMBERS.map((name) => [name, 7_777_777] as const),
];

const clean = (): void => polluted.forEach(([name]) => Reflect.deleteProperty(root, name));
afterEach(clean);

/** Makes it while all those names are polluted. */
function underPollution<T>(make: () => T): T {
  for (const [name, value] of polluted)
    Reflect.defineProperty(root, name, { value, configurable: true, writable: true });
  try {
    return make();
  } finally {
    clean();
  }
}

const base = { name: "acme", origins: [ORIGIN] };
const K1 = `k1:${btoa("k".repeat(32))}`;

const providers: Readonly<Record<string, () => Provider<never>>> = {
  artos,
  clary,
  claryJwt,
  qovery,
  simplismart,
  vmcloud,
  apiKey: () => apiKey(base),
  cookie: () =>
    cookie({
      ...base,
      loginUrl: `${ORIGIN}/login`,
      refreshUrl: `${ORIGIN}/refresh`,
      read: () => ({}),
    }) as Provider<never>,
  hmacSigned: () => hmacSigned({ ...base, key: () => "k".repeat(32), claims: () => ({}) }),
  jwtBearer: () =>
    jwtBearer({ ...base, tokenUrl: `${ORIGIN}/token`, key: () => "", claims: () => ({}) }),
  mint: () => mint({ ...base, tokenUrl: `${ORIGIN}/token` }) as Provider<never>,
  oauth2: () => oauth2({ ...base, clientId: "c", endpoints: { token: `${ORIGIN}/token` } }),
  password: () => password({ ...base, tokenUrl: `${ORIGIN}/login` }),
  selfSigned: () => selfSigned({ ...base, key: () => "k".repeat(32), claims: () => ({}) }),
  staticToken: () => staticToken(base),
};

/** All that a provider says of itself; a method counts as being there. */
const shapeOf = (provider: Provider<never>): unknown =>
  JSON.parse(
    JSON.stringify({ ...provider }, (_, value: unknown) =>
      typeof value === "function" ? "a method" : value,
    ),
  );

/** Where a provider sends what it is signed in with. */
async function asked(provider: Provider<never>): Promise<readonly string[]> {
  const urls: string[] = [];
  const exchange = {
    signal: new AbortController().signal,
    now: () => 0,
    fetch: async (input: unknown) => {
      urls.push(String(input));
      return Response.json({}, { status: 500 });
    },
  };
  const credentials = { userId: "u", email: "e", password: "p" };
  await provider.signIn?.(credentials as never, exchange)?.catch(() => {});
  return urls;
}

describe.each(Object.entries(providers))("%s", (_, make) => {
  it("is the same provider, with the same addresses [S1 S15]", async () => {
    const usual = make();
    const other = underPollution(make);
    expect(shapeOf(other)).toEqual(shapeOf(usual));
    expect(JSON.stringify(shapeOf(other))).not.toMatch(/evil|polluted|7777777/);
    expect(await asked(other)).toEqual(await asked(usual));
  });
});

describe("a preset's baseURL", () => {
  it.each([artos, clary, claryJwt, qovery, simplismart, vmcloud])(
    "of %s is taken where it is given, and has to be a text",
    (make) => {
      expect(make({ baseURL: `${ORIGIN}/here//` }).origins).toEqual([`${ORIGIN}/here`]);
      for (const baseURL of [7, null, new URL(ORIGIN)])
        expect(() => make({ baseURL: baseURL as never })).toThrow(
          expect.objectContaining({ code: "invalid_option" }),
        );
    },
  );
});

describe("stores and vaults", () => {
  it("keep their records where they did [S8 S15 P16]", async () => {
    const idle = { exec() {}, prepare: () => ({}) } as never;
    const kv = { getWithMetadata() {}, atomic() {}, get() {}, list() {} } as never;
    const stores = () => [
      encrypted(memoryStore(), keyring(K1)),
      indexedDbStore(),
      sqliteStore(idle),
      cloudflareKvStore(kv),
      denoKvStore(kv),
      durableObjectStore({ kv: { get() {} } } as never),
      postgresStore({ totalCount: 0, connect() {}, query() {} } as never),
    ];
    const usual = stores().map(({ namespace }) => namespace);
    expect(usual).toContain("tokenkeep_sessions");
    expect(underPollution(stores).map(({ namespace }) => namespace)).toEqual(usual);
  });

  it("open what was sealed before [S8 S15]", async () => {
    const inner = memoryStore();
    await encrypted(inner, keyring(K1)).write("a", record(), undefined);
    const other = underPollution(() => encrypted(inner, keyring(K1)));
    expect(await other.read("a")).toMatchObject({ body: record().body });
  });

  it("prove that a database is durable, whatever flag is there [S15]", async () => {
    const asks: string[] = [];
    const pool = {
      totalCount: 0,
      connect() {},
      async query({ text }: { text: string }) {
        asks.push(text);
        throw Object.assign(new Error(), { code: "42501" });
      },
    } as never;
    const read = (make: () => ReturnType<typeof postgresStore>) => make().read("a");
    await expect(read(() => postgresStore(pool))).rejects.toThrow();
    const usual = asks.splice(0);
    await expect(read(() => underPollution(() => postgresStore(pool)))).rejects.toThrow();
    expect(asks).toEqual(usual);
  });

  it("are of the default account, in a page too [S11 S15]", () => {
    const makes = [
      () => createVault({ provider: acme(), store: memoryStore() }),
      () => createNodeVault({ provider: acme(), store: memoryStore() }),
      () => connectVault(() => Promise.reject(new Error("no worker here"))),
    ];
    for (const make of makes) {
      const vault = underPollution(make);
      expect(vault.snapshot().account).toBe("default");
      vault.close();
    }
  });

  it("are served to pages as they were [S15]", () => {
    expect(() => underPollution(() => serveVault({ provider: acme() }))).not.toThrow();
  });
});

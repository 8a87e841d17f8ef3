/** The self-signed mechanism: JWTs by an API key, and no request but the API's. */
import { createSecretKey } from "node:crypto";
import { decodeProtectedHeader, jwtVerify } from "jose";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createVault } from "../../../src/index.ts";
import { claryJwt } from "../../../src/providers/clary-jwt.ts";
import { selfSigned, type SelfSignedOptions } from "../../../src/providers/self-signed.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock, watchCrypto } from "../../support/clock.ts";
import { fakeApi, ORIGIN } from "../../support/fake-api.ts";
import { findSecrets } from "../../support/secrets.ts";
import { rejection, VMS } from "../../support/vault.ts";

watchCrypto();

const HOUR = 3_600_000;
const ROTATED = "rotated-key-secret-of-32-bytes-or-more";
const KEY = "signing-key-secret-of-64-bytes, which no hash of HMAC outgrows !".replaceAll(" ", "-");

interface Signer {
  readonly user: string;
  readonly apiKey?: string;
}
const signer: Signer = { user: "ada", apiKey: KEY };

function open(
  options: Partial<SelfSignedOptions<Signer>> = {},
  store: TokenStore = memoryStore(),
  clock: ManualClock = manualClock(),
) {
  const api = fakeApi();
  api.api = () => new Response();
  const provider = selfSigned<Signer>({
    name: "acme",
    origins: [ORIGIN],
    key: ({ apiKey }) => apiKey,
    claims: ({ user }) => ({ sub: user }),
    ...options,
  });
  const vault = createVault({ provider, store, clock, fetch: api.fetch, random: () => 0.5 });
  return { vault, api, clock, provider, store };
}

/** What the JWT says, if it is signed with this key. */
async function verify(jwt: string, { now }: ManualClock, key = KEY) {
  const secret = createSecretKey(Buffer.from(key));
  return (await jwtVerify(jwt, secret, { currentDate: new Date(now()) })).payload;
}

afterEach(() => vi.restoreAllMocks());

describe("a JWT", () => {
  it("is signed with the key, for an hour, and has the claims", async () => {
    const { vault, clock } = open();
    await vault.signIn(signer);
    const jwt = await vault.getToken();
    const iat = Math.floor(clock.now() / 1000);
    expect(decodeProtectedHeader(jwt)).toEqual({ alg: "HS256", typ: "JWT" });
    expect(await verify(jwt, clock)).toEqual({ sub: "ada", iat, exp: iat + 3600 });
    await expect(verify(jwt, clock, "another key")).rejects.toThrow("signature");
    expect(vault.snapshot()).toMatchObject({ expiresAt: clock.now() + HOUR, claims: { iat } });
  });

  it.each(["HS256", "HS384", "HS512"] as const)("is signed by %s", async (algorithm) => {
    const { vault, clock } = open({ algorithm, lifetime: 60_000 });
    await vault.signIn(signer);
    const jwt = await vault.getToken();
    expect(decodeProtectedHeader(jwt).alg).toBe(algorithm);
    const { iat, exp } = await verify(jwt, clock);
    expect(exp! - iat!).toBe(60);
  });

  it("is signed for whom it was begun, whatever becomes of the object [S11]", async () => {
    const { vault, clock } = open();
    const form = { ...signer };
    await vault.signIn(form);
    for (const name of Object.keys(form)) Reflect.set(form, name, "another's");
    await clock.advance(HOUR);
    expect(await verify(await vault.getToken(), clock)).toMatchObject({ sub: "ada" });
  });

  it("is signed for whom it was begun, though the object says another before its key is ready [S11]", async () => {
    const { vault, clock } = open({ protectedHeader: ({ user }) => ({ kid: user }) });
    const form = { ...signer };
    const done = vault.signIn(form);
    Reflect.set(form, "user", "another");
    await done;
    const jwt = await vault.getToken();
    expect(decodeProtectedHeader(jwt)).toMatchObject({ kid: "ada" });
    expect(await verify(jwt, clock)).toMatchObject({ sub: "ada" });
  });

  it("is signed anew when its time has come, also after a reload, without a request", async () => {
    const { vault, clock, store, api } = open();
    await vault.signIn(signer);
    const first = await vault.getToken();
    await clock.advance(HOUR);
    const second = await vault.getToken();
    expect(second).not.toBe(first);
    const reloaded = open({}, store, clock);
    await clock.advance(HOUR);
    const third = await reloaded.vault.getToken();
    expect((await verify(third, clock)).iat).toBe(Math.floor(clock.now() / 1000));
    expect([...api.calls, ...reloaded.api.calls]).toEqual([]);
  });

  it("is signed anew after a 401, and the request sent again", async () => {
    const { vault, clock, api } = open();
    await vault.signIn(signer);
    await clock.advance(10 * 60_000);
    const old = await vault.authorization();
    api.api = ({ headers }) =>
      new Response(null, { status: headers.get("authorization") === old ? 401 : 200 });
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(api.calls).toHaveLength(2);
  });

  it("iat and exp are set here, whatever the claims say [S12]", async () => {
    const { vault, clock } = open({ claims: () => ({ sub: "x", iat: 1, exp: 9e9, tier: "lite" }) });
    await vault.signIn(signer);
    const iat = Math.floor(clock.now() / 1000);
    expect(await verify(await vault.getToken(), clock)).toEqual({
      sub: "x",
      tier: "lite",
      iat,
      exp: iat + 3600,
    });
  });

  it.each(["none", "HS1", "toString", "", null] as never[])(
    "an algorithm that is %j is refused at once [S12]",
    (algorithm) => {
      expect(() => open({ algorithm })).toThrow(
        expect.objectContaining({
          code: "invalid_option",
          message: expect.stringMatching("algorithm"),
        }),
      );
    },
  );

  it.each([0, 999, -1, NaN, Infinity, "soon" as never])(
    "a lifetime of %s is refused at once",
    (lifetime) => {
      expect(() => open({ lifetime })).toThrow(
        expect.objectContaining({
          code: "invalid_option",
          message: expect.stringMatching("lifetime"),
        }),
      );
    },
  );
});

describe("the key", () => {
  it("is imported for each signature, with every member, and cannot be exported [S8 S15]", async () => {
    const imported = vi.spyOn(crypto.subtle, "importKey");
    const { vault, clock } = open();
    await vault.signIn(signer);
    await clock.advance(HOUR);
    await vault.getToken();
    expect(imported).toHaveBeenCalledTimes(2);
    for (const [format, , algorithm, extractable, usages] of imported.mock.calls) {
      expect([format, extractable, usages]).toEqual(["raw", false, ["sign"]]);
      const hash = { name: "SHA-256" };
      expect(algorithm).toEqual({ name: "HMAC", hash, length: KEY.length * 8 });
    }
  });

  it("is not reachable from anything that is handed out [S4 S7]", async () => {
    const { vault, clock, provider } = open({ variable: "ACME_KEY", env: { ACME_KEY: KEY } });
    await vault.signIn(signer);
    await clock.advance(HOUR);
    await vault.getToken();
    expect(findSecrets({ vault, provider, snapshot: vault.snapshot() }, [KEY])).toEqual([]);
  });

  it("of the environment is read at each signature, and is not stored", async () => {
    const env: Record<string, string | undefined> = { ACME_KEY: KEY };
    const { vault, clock, store } = open({ variable: "ACME_KEY", env });
    await vault.signIn({ user: "ada" });
    const [key = ""] = await store.list("");
    expect(findSecrets(await store.read(key), [KEY])).toEqual([]);
    env["ACME_KEY"] = ROTATED;
    await clock.advance(HOUR);
    expect(await verify(await vault.getToken(), clock, ROTATED)).toMatchObject({
      sub: "ada",
    });
  });

  it("of the environment that is gone for a while ends no session [P17]", async () => {
    const env: Record<string, string | undefined> = { ACME_KEY: KEY };
    const { vault, clock } = open({ variable: "ACME_KEY", env });
    await vault.signIn({ user: "ada" });
    env["ACME_KEY"] = undefined;
    await clock.advance(HOUR);
    expect(await rejection(clock.until(vault.getToken()))).toMatchObject({
      code: "refresh_failed",
    });
    expect(vault.snapshot().status).toBe("signed-in");
    env["ACME_KEY"] = KEY;
    await clock.advance(60_000);
    // Not by the clock: signing takes real time.
    expect(await verify(await vault.getToken(), clock)).toMatchObject({ sub: "ada" });
  });

  it.each([
    ["invalid_option", undefined],
    ["invalid_option", ""],
    ["invalid_token", `${KEY}\n`],
    ["invalid_token", ` ${KEY}`],
  ])("%s for %j, which is not told [S5]", async (code, apiKey) => {
    const { vault } = open();
    const error = await rejection(vault.signIn({ user: "ada", apiKey: apiKey as string }));
    expect(error).toMatchObject({ code });
    expect(findSecrets(error, [KEY])).toEqual([]);
  });
});

describe("a key that is shorter than the hash", () => {
  it.each([
    ["HS256", "four"],
    ["HS256", "k".repeat(31)],
    ["HS384", "k".repeat(47)],
    ["HS512", "k".repeat(63)],
  ] as const)(
    "is an error with %s, which does not show it: %s [F83 S20]",
    async (algorithm, apiKey) => {
      const { vault } = open({ algorithm });
      const error = await rejection(vault.signIn({ user: "ada", apiKey }));
      expect(error).toMatchObject({
        code: "invalid_option",
        message: /at least \d\d bytes/ as never,
      });
      expect(findSecrets(error, [apiKey])).toEqual([]);
    },
  );

  it("is taken with one warning where the option says so, and the warning does not show it [F83 S20]", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { vault } = open({ name: "short", dangerouslyAllowShortKey: true });
    await vault.signIn({ user: "ada", apiKey: "four-secret" });
    await vault.signIn({ user: "ada", apiKey: "four-secret" });
    expect(warn).toHaveBeenCalledOnce();
    expect(findSecrets(warn.mock.calls, ["four-secret"])).toEqual([]);
  });

  it("is no matter where it is as long as the hash [F83]", async () => {
    const { vault } = open();
    await vault.signIn({ user: "ada", apiKey: "k".repeat(32) });
    expect(vault.snapshot().status).toBe("signed-in");
  });

  it.each(["undefined", "null"])("%s is a variable that was not set [F83 S20]", async (apiKey) => {
    const { vault } = open({ dangerouslyAllowShortKey: true });
    expect(await rejection(vault.signIn({ user: "ada", apiKey }))).toMatchObject({
      code: "invalid_option",
    });
  });

  it("of Clary's own draws a warning, because its API keys are what they are [F83 S20]", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const vault = createVault({ provider: claryJwt(), store: memoryStore() });
    await vault.signIn({ subject: "ada", apiKey: "sk_short" });
    expect(warn).toHaveBeenCalledOnce();
    expect(vault.snapshot().status).toBe("signed-in");
  });
});

describe("what goes wrong", () => {
  it.each([
    ["claims that are no JSON", { claims: () => ({ big: 1n, apiKey: KEY }) }],
    [
      "claims() that throws",
      {
        claims: () => {
          throw new TypeError(KEY);
        },
      },
    ],
  ])("%s: a sign-in that failed, and no word of jose's [S4]", async (_, options) => {
    const { vault, provider, clock } = open(options);
    const error = await rejection(vault.signIn(signer));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "not_signed" });
    expect(findSecrets(error, [KEY])).toEqual([]);
    const exchange = { now: clock.now, signal: new AbortController().signal, fetch };
    expect(await provider.signIn!(signer, exchange)).toEqual({
      type: "trouble",
      reason: "not_signed",
    });
    expect(await provider.renew!({ material: signer }, exchange)).toEqual({
      type: "trouble",
      reason: "not_signed",
    });
  });

  it("a session that was adopted signs nothing: at its end a sign-in is due [P9]", async () => {
    const { vault, clock } = open();
    await vault.adopt({ accessToken: "adopted", expiresAt: clock.now() + HOUR });
    await clock.advance(HOUR);
    expect(await rejection(clock.until(vault.getToken()))).toMatchObject({
      code: "sign_in_required",
    });
  });
});

describe("claryJwt()", () => {
  it.each([
    [{ subject: "u1" }, { sub: "u1", tier: "lite" }],
    [
      { subject: "u1", tier: "standard" },
      { sub: "u1", tier: "standard" },
    ],
    [
      { subject: "u1", tier: "professional" },
      { sub: "u1", tier: "professional" },
    ],
  ] as const)(
    "%j has the page's four claims, and the least tier by default",
    async (who, claims) => {
      const clock = manualClock();
      const provider = claryJwt({ env: { CLARY_API_KEY: KEY } });
      const vault = createVault({ provider, store: memoryStore(), clock });
      await vault.signIn(who);
      const iat = Math.floor(clock.now() / 1000);
      expect(await verify(await vault.getToken(), clock)).toEqual({
        ...claims,
        iat,
        exp: iat + 3600,
      });
    },
  );
});

describe("claryJwt() signs for nobody who was not named", () => {
  const env = { CLARY_API_KEY: KEY };

  it.each([
    undefined,
    null,
    0,
    {},
    "ada",
    { subject: undefined },
    { subject: "" },
    { subject: 17 },
    { tier: "lite" },
    { subject: "ada", tier: undefined },
    { subject: "ada", tier: "admin" },
    { subject: "ada", tier: "toString" },
    { subject: "ada", apiKey: undefined },
    { subject: "ada", apiKey: null },
    { subject: "ada", apiKey: "" },
  ])("%j is an invalid_option [F66 S17]", async (credentials) => {
    const vault = createVault({ provider: claryJwt({ env }), store: memoryStore() });
    expect(await rejection(vault.signIn(credentials as never))).toMatchObject({
      code: "invalid_option",
    });
    expect(vault.snapshot().status).not.toBe("signed-in");
  });

  it("a polluted prototype names nobody either [F66 S15]", async () => {
    const root: object = Object.prototype;
    Object.defineProperty(root, "subject", { value: "root", configurable: true });
    try {
      const vault = createVault({ provider: claryJwt({ env }), store: memoryStore() });
      expect(await rejection(vault.signIn({} as never))).toMatchObject({ code: "invalid_option" });
    } finally {
      Reflect.deleteProperty(root, "subject");
    }
  });
});

/** The JWT-bearer mechanism: what it sends, and what it tells when that does not work. */
import { createPublicKey } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, it } from "vitest";
import { createVault } from "../../../src/index.ts";
import { jwtBearer, type JwtBearerOptions } from "../../../src/providers/jwt-bearer.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock, watchCrypto } from "../../support/clock.ts";
import { type Answer, fakeApi, ORIGIN, reply } from "../../support/fake-api.ts";
import { partsOf, pkcs8, privateJwk, spki } from "../../support/keys.ts";
import { findSecrets } from "../../support/secrets.ts";
import { rejection } from "../../support/vault.ts";

watchCrypto();

const HOUR = 3_600_000;
const TOKEN_URL = `${ORIGIN}/login`;

interface Robot {
  readonly name: string;
  readonly key?: unknown;
}
const robot: Robot = { name: "robot", key: pkcs8("EC P-256") };

function open(options: Partial<JwtBearerOptions<Robot>> = {}, login?: Answer) {
  const clock = manualClock();
  const api = fakeApi();
  api.api = () => new Response();
  const granting = api.login;
  api.login = login ?? granting;
  const store = memoryStore();
  const provider = jwtBearer<Robot>({
    name: "acme",
    origins: [ORIGIN],
    tokenUrl: TOKEN_URL,
    algorithm: "ES256",
    key: ({ key }) => key as string,
    claims: ({ name }) => ({ iss: name, aud: TOKEN_URL }),
    ...options,
  });
  const vault = createVault({ provider, store, clock, fetch: api.fetch, random: () => 0.5 });
  const assertions = (): string[] =>
    api.to("/login").map(({ body }) => new URLSearchParams(body).get("assertion") ?? "");
  return { vault, api, clock, store, provider, assertions, granting };
}

const dated = (status: number, body: unknown, at: number): Response =>
  reply(status, body, { date: new Date(at).toUTCString() });

describe("an assertion", () => {
  it("goes as a form, without cookies, signed for five minutes [S2]", async () => {
    const { vault, api, clock, assertions } = open();
    await vault.signIn(robot);
    const [call] = api.to("/login");
    expect(call).toMatchObject({
      method: "POST",
      init: { redirect: "manual", credentials: "omit", cache: "no-store" },
    });
    expect(call!.headers.get("content-type")).toBe("application/x-www-form-urlencoded");
    expect([...new URLSearchParams(call!.body)]).toEqual([
      ["grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
      ["assertion", expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/)],
    ]);
    const [assertion = ""] = assertions();
    expect(decodeProtectedHeader(assertion)).toEqual({ alg: "ES256", typ: "JWT" });
    const currentDate = new Date(clock.now());
    const { payload } = await jwtVerify(assertion, createPublicKey(spki("EC P-256")), {
      currentDate,
    });
    const iat = Math.floor(clock.now() / 1_000);
    expect(payload).toEqual({ iss: "robot", aud: TOKEN_URL, iat, exp: iat + 300 });
  });

  it("has the header, the lifetime and the algorithm of the options; a JWK brings its kid", async () => {
    const { vault, assertions } = open({
      algorithm: "PS256",
      assertionLifetime: 60_000,
      protectedHeader: () => ({ "x-own": 1, alg: "none" }),
    });
    await vault.signIn({ name: "robot", key: { ...privateJwk("RSA 2048"), kid: "k7" } });
    const [assertion = ""] = assertions();
    expect(decodeProtectedHeader(assertion)).toEqual({
      alg: "PS256",
      typ: "JWT",
      kid: "k7",
      "x-own": 1,
    });
    const { iat, exp } = decodeJwt(assertion);
    expect(exp! - iat!).toBe(60);
  });

  it("is made anew for the next token, and spends nothing: the session outlives trouble [P17]", async () => {
    const { vault, api, clock, granting } = open();
    await vault.signIn(robot);
    api.login = () => reply(503, {});
    await clock.advance(HOUR);
    expect(await rejection(clock.until(vault.getToken()))).toMatchObject({
      code: "refresh_failed",
    });
    api.login = granting;
    await clock.advance(120_000);
    expect(await vault.getToken()).toMatch(/^access-/);
    expect(vault.snapshot().status).toBe("signed-in");
  });

  it("is signed by a key that is read at each signature, and is not stored [S7]", async () => {
    const env: Record<string, string> = { ACME_KEY: pkcs8("EC P-256") };
    const { vault, store, provider } = open({ variable: "ACME_KEY", env });
    await vault.signIn({ name: "robot" });
    const [name = ""] = await store.list("");
    const secrets = partsOf(pkcs8("EC P-256"));
    expect(findSecrets(await store.read(name), secrets)).toEqual([]);
    expect(findSecrets({ vault, provider }, secrets)).toEqual([]);
  });

  it("is no session's that was adopted: at its end a sign-in is due [P9]", async () => {
    const { vault, clock } = open();
    await vault.adopt({ accessToken: "adopted", expiresAt: clock.now() + HOUR });
    await clock.advance(HOUR);
    expect(await rejection(clock.until(vault.getToken()))).toMatchObject({
      code: "sign_in_required",
    });
  });
});

describe("what a refusal says of the clock", () => {
  const refusal = { error: "invalid_grant", error_description: "Invalid JWT" };

  it.each([-23 * HOUR, -3_000, 3_000, 23 * HOUR])(
    "a Date %d ms off: signed once more, by the server's time, and so are the next [F16]",
    async (skew) => {
      const { vault, api, clock, granting, assertions } = open();
      const server = (): number => Math.floor((clock.now() + skew) / 1_000);
      api.login = (call, ordinal) => {
        const assertion = new URLSearchParams(call.body).get("assertion") ?? "";
        const isInTime = Math.abs(decodeJwt(assertion).iat! - server()) < 2;
        return isInTime ? granting(call, ordinal) : dated(400, refusal, server() * 1_000);
      };
      await vault.signIn(robot);
      expect(assertions()).toHaveLength(2);
      await clock.advance(HOUR);
      await vault.getToken();
      expect(assertions()).toHaveLength(3);
    },
  );

  it("signed once more, it is of whom it was first, whatever the object says by now [S11]", async () => {
    const form = { ...robot };
    const { vault, clock, granting, assertions, api } = open();
    api.login = (call, ordinal) => {
      Reflect.set(form, "name", "another");
      return assertions().length > 1
        ? granting(call, ordinal)
        : dated(400, refusal, clock.now() + 2 * HOUR);
    };
    await vault.signIn(form);
    expect(assertions().map((one) => decodeJwt(one).iss)).toEqual(["robot", "robot"]);
  });

  it("refused by its own time, too: refused, after two calls [P9]", async () => {
    const { vault, clock, assertions } = open({}, () =>
      dated(400, refusal, clock.now() + 2 * HOUR),
    );
    expect(await rejection(vault.signIn(robot))).toMatchObject({ code: "credentials_refused" });
    expect(assertions()).toHaveLength(2);
  });

  it("the same time: refused, after one call [P9]", async () => {
    const { vault, clock, assertions } = open({}, () => dated(400, refusal, clock.now()));
    expect(await rejection(vault.signIn(robot))).toMatchObject({ code: "credentials_refused" });
    expect(assertions()).toHaveLength(1);
  });

  it.each([
    ["no Date", () => reply(400, refusal)],
    ["a Date of the year 2200", () => dated(400, refusal, Date.UTC(2200, 0))],
    ["a Date that is none", () => reply(400, refusal, { date: "soon" })],
  ])(
    "%s: a typed clock error, and no assertion that is good till then [F16 F64]",
    async (_, login) => {
      const { vault, assertions, clock } = open({}, login);
      expect(await rejection(vault.signIn(robot))).toMatchObject({
        code: "clock_unknown",
        reason: "server_time_unknown",
        status: 400,
      });
      expect(assertions().map((one) => decodeJwt(one).exp! * 1_000)).toEqual([
        clock.now() + 300_000,
      ]);
    },
  );

  it("a session is not ended by a clock that nobody can check [F16 P17]", async () => {
    const { vault, api, clock } = open();
    await vault.signIn(robot);
    let refused = 0;
    api.login = () => {
      refused += 1;
      return reply(400, refusal);
    };
    await clock.advance(HOUR);
    expect(await clock.until(rejection(vault.getToken()))).toMatchObject({
      code: "refresh_failed",
      reason: "server_time_unknown",
    });
    expect(refused).toBeGreaterThan(0);
    expect(vault.snapshot().status).toBe("signed-in");
  });
});

describe("what goes wrong", () => {
  it.each<[string, string, string | undefined, Partial<JwtBearerOptions<Robot>>, unknown?]>([
    ["PKCS#1", "invalid_option", "pkcs1_key", { algorithm: "RS256" }, "RSA PRIVATE KEY"],
    ["a public key", "invalid_option", "public_key", {}, "PUBLIC KEY"],
    ["no key", "invalid_option", "no_token", {}, undefined],
    ["claims that are no JSON", "sign_in_failed", "not_signed", { claims: () => ({ a: 1n }) }],
    [
      "claims() that throws",
      "sign_in_failed",
      "not_signed",
      {
        claims: () => {
          throw new Error("secret-of-the-claims");
        },
      },
    ],
    ["a relative tokenUrl", "invalid_option", "no_absolute_url", { tokenUrl: "/login" }],
    ["plain http", "invalid_option", undefined, { tokenUrl: "http://api.acme.test/login" }],
  ])("%s: %s [S3 S4]", async (_, code, reason, options, label) => {
    const { vault, api } = open(options);
    const pem = `-----BEGIN ${String(label)}-----\nc2VjcmV0\n-----END ${String(label)}-----`;
    const key = typeof label === "string" ? pem : robot.key;
    const credentials = reason === "no_token" ? { name: "robot" } : { name: "robot", key };
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code, reason });
    expect(findSecrets(error, ["c2VjcmV0", "secret-of-the-claims", ...partsOf(robot.key)])).toEqual(
      [],
    );
    expect(api.calls).toEqual([]);
  });

  it("a redirect of the token endpoint is refused, and the assertion not carried along [S2]", async () => {
    const login = (): Response =>
      new Response(null, { status: 307, headers: { location: "https://evil.test/" } });
    const { vault, api } = open({}, login);
    expect(await rejection(vault.signIn(robot))).toMatchObject({
      code: "sign_in_failed",
      reason: "redirected",
    });
    expect(api.calls).toHaveLength(1);
  });

  it.each([undefined, null, "ada", 7])("credentials that are %j [S17]", async (credentials) => {
    const { vault, api } = open({ variable: "ACME_KEY", env: { ACME_KEY: pkcs8("EC P-256") } });
    expect(await rejection(vault.signIn(credentials as never))).toMatchObject({
      code: "invalid_option",
    });
    expect(api.calls).toEqual([]);
  });

  it.each([
    { algorithm: "HS256" as never },
    { algorithm: "none" as never },
    { assertionLifetime: 999 },
    { assertionLifetime: Infinity },
    { assertionLifetime: "soon" as never },
  ])("%j is refused at once", (options) => {
    expect(() => open(options)).toThrow(expect.objectContaining({ code: "invalid_option" }));
  });
});

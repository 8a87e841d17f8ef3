/** What a polluted `Object.prototype` does to JWTs: it changes no verdict, and signs none that is another (S15). */
import { afterEach, describe, expect, it } from "vitest";
import { type JwtAlgorithm, signJwt } from "../../../src/jwt.ts";
import {
  AUDIENCE,
  base64url,
  forge,
  good,
  hmac,
  ISSUER,
  NOW,
  pairOf,
  SECRET,
  signed,
  verdict,
} from "./forgeries.ts";

const root: object = Object.prototype;

/** Members of headers, claims, options, keys and Web Crypto's dictionaries, each as an attacker would want it. */
const polluted: Readonly<Record<string, unknown>> = {
  alg: "none",
  algorithms: ["none", "HS256", "RS256", "ES256"],
  aud: AUDIENCE,
  audience: "https://evil.test",
  b64: false,
  crit: ["b64"],
  d: "AQAB",
  exp: 9e9,
  hash: "SHA-1",
  iat: NOW / 1_000,
  iss: ISSUER,
  issuer: "https://evil.test",
  jti: 7,
  k: base64url(SECRET),
  key: SECRET,
  key_ops: ["sign"],
  keys: [],
  kid: "1",
  kty: "oct",
  length: 8,
  lifetime: 9e12,
  maxAge: 9e12,
  name: "HMAC",
  namedCurve: "P-384",
  nbf: 9e9,
  now: () => 0,
  protectedHeader: { crit: ["b64"], b64: false },
  required: ["admin"],
  saltLength: 0,
  sub: "eve",
  timeout: 0,
  tolerance: 9e15,
  typ: "at+jwt",
  type: "at+jwt",
  use: "enc",
};

const clean = (): void =>
  Object.keys(polluted).forEach((name) => Reflect.deleteProperty(root, name));

const pollute = (name: string): boolean =>
  Reflect.defineProperty(root, name, { value: polluted[name], configurable: true, writable: true });

/** The names that the platform itself bears: Deno makes no `TextDecoder` while there is a `required`. */
const names = Object.keys(polluted).filter((name) => {
  pollute(name);
  try {
    return !!new TextDecoder();
  } catch {
    return false;
  } finally {
    clean();
  }
});

/** What becomes of a call while one name is polluted. */
async function under<T>(name: string, call: () => Promise<T>): Promise<T> {
  pollute(name);
  try {
    return await call();
  } finally {
    clean();
  }
}

/** JWTs of which some are good, each with what verifies it. */
async function cases(): Promise<readonly (readonly [string, object])[]> {
  const { sign, publicJwk } = await pairOf("RSA");
  const ec = await pairOf("P-256");
  const other = await pairOf("RSA", " of another");
  const hs = { key: SECRET, algorithms: ["HS256"] };
  const set = { key: { keys: [{ ...publicJwk, kid: "1" }] } };
  const es = { key: ec.publicJwk, algorithms: ["ES256"] };
  const { exp: _, ...endless } = good;
  const { aud: __, ...unaddressed } = good;
  return [
    [await signed(), {}],
    [await signed({ kid: "1" }), set],
    [await signed(), { key: publicJwk }],
    [await forge({ alg: "HS256" }, good, hmac(SECRET)), hs],
    [await forge({ alg: "ES256" }, good, ec.sign), es],
    [await signed({}, { exp: NOW / 1_000 - 60 }), {}],
    [await signed({}, { aud: "https://another.test" }), {}],
    [await signed({}, { iss: "https://evil.test" }), {}],
    [await signed({ typ: "at+jwt" }), {}],
    [await signed({ kid: "2" }), set],
    [await signed({}, { iat: NOW / 1_000 - 7_200 }), { maxAge: 3_600_000 }],
    [await signed(), { required: ["admin"] }],
    [await forge({ alg: "RS256" }, endless, sign), {}],
    [await forge({ alg: "RS256" }, unaddressed, sign), {}],
    [await forge({ alg: "RS256" }, good, other.sign), {}],
    [await forge({ alg: "HS256" }, good, hmac(base64url(SECRET))), hs],
    [await forge({ alg: "none" }, good, async () => new Uint8Array()), {}],
    [await forge({}, good, sign), {}],
    [await signed({ crit: ["b64"], b64: false }), {}],
  ];
}

const verdicts = async (all: readonly (readonly [string, object])[]): Promise<string[]> => {
  const found: string[] = [];
  for (const [token, options] of all) found.push(await verdict(token, options));
  return found;
};

export function jwtPolluted(): void {
  describe("JWTs under a polluted Object.prototype", () => {
    afterEach(clean);

    it.each(names)("%s changes no verdict [S12 S15]", async (name) => {
      const all = await cases();
      const usual = await verdicts(all);
      expect(usual.filter((one) => one === "accepted")).toHaveLength(5);
      expect(await under(name, () => verdicts(all))).toEqual(usual);
    });

    it.each(names)("%s signs no other JWT [S12 S15]", async (name) => {
      const { privatePem, privateJwk } = await pairOf("RSA");
      const keys: readonly (readonly [JwtAlgorithm, unknown])[] = [
        ["RS256", privatePem],
        ["RS256", privateJwk],
        ["HS256", SECRET],
      ];
      for (const [algorithm, key] of keys) {
        const options = { key: key as string, algorithm, now: () => NOW };
        const sign = (): Promise<string> => signJwt({ iss: ISSUER, aud: AUDIENCE }, options);
        const usual = await sign();
        // Some names keep jose from signing at all, which is told.
        const other = await under(name, () => sign().catch((error: unknown) => error));
        if (typeof other === "string") expect(other).toBe(usual);
        else expect(other).toMatchObject({ code: "invalid_option", reason: "not_signed" });
      }
    });
  });
}

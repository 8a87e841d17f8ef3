/** What JWTs say and when, which algorithms and keys they have, and what is read without verifying. */
import { describe, expect, it } from "vitest";
import {
  decodeUnverified,
  type JwtAlgorithm,
  type KeySet,
  type RemoteKeys,
  signJwt,
} from "../../../src/jwt.ts";
import {
  accept,
  AUDIENCE,
  base64url,
  forge,
  good,
  hasEd25519,
  hmac,
  ISSUER,
  NOW,
  type Pair,
  pairOf,
  pem,
  SECRET,
  signed,
  utf8,
  verdict,
} from "./forgeries.ts";

const at = NOW / 1_000;

/** What each algorithm signs and verifies by, in each form. */
async function keysOf(algorithm: JwtAlgorithm): Promise<[sign: unknown, verify: unknown][]> {
  if (algorithm.startsWith("HS")) {
    const forms = [SECRET, utf8(SECRET), { kty: "oct", k: base64url(SECRET) }];
    return forms.flatMap((one) => forms.map((other): [unknown, unknown] => [one, other]));
  }
  const kind = ({ RS: "RSA", PS: "RSA", ES: "P-256", Ed: "Ed25519" } as const)[
    algorithm.slice(0, 2) as "RS"
  ];
  const pair: Pair = await pairOf(algorithm === "ES384" ? "P-384" : kind);
  return [
    [pair.privatePem, pair.publicPem],
    [pair.privatePem.replaceAll("\n", "\\n"), pair.publicPem.replaceAll("\n", "\\n")],
    [pair.privateJwk, pair.publicJwk],
    [JSON.stringify(pair.privateJwk), JSON.stringify(pair.publicJwk)],
    [{ ...pair.privateJwk, kid: "k1" }, { keys: [{ ...pair.publicJwk, kid: "k1" }] }],
    [pair.privateJwk, JSON.stringify({ keys: [pair.publicJwk] })],
    [pair.privateJwk, new KeysOf({ keys: [pair.publicJwk] } as never)],
  ];
}

/** Key sets of an application's own, such as one that keeps them in KV. */
class KeysOf implements RemoteKeys {
  readonly #set: KeySet;
  constructor(set: KeySet) {
    this.#set = set;
  }
  async get(): Promise<KeySet> {
    return this.#set;
  }
}

export function jwtClaims(): void {
  describe("JWTs: signed, and verified", () => {
    it.each<JwtAlgorithm>(["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS256", "HS512"])(
      "by %s, with keys in every form [S12]",
      async (algorithm) => {
        if (algorithm === "EdDSA" && !(await hasEd25519())) {
          const key = pem("PRIVATE KEY", new Uint8Array(48));
          await expect(signJwt({}, { key, algorithm })).rejects.toMatchObject({
            code: "invalid_option",
          });
          return;
        }
        for (const [key, verifying] of await keysOf(algorithm)) {
          const claims = { iss: ISSUER, aud: [AUDIENCE, "other"], sub: "ada", own: { deep: [1] } };
          const token = await signJwt(claims, { key: key as string, algorithm, now: () => NOW });
          const options = { key: verifying as string, algorithms: [algorithm] };
          const got = await accept(token, options);
          expect(got.header).toMatchObject({ alg: algorithm, typ: "JWT" });
          expect({ ...got.claims }).toEqual({ ...claims, iat: at, exp: at + 3_600 });
          expect(await verdict(token.replace(/\.[^.]{4}/, ".AAAA"), options)).not.toBe("accepted");
        }
      },
    );

    it("what signing is told: lifetime, header, and no claim of time but its own [S12]", async () => {
      const options = { key: SECRET, algorithm: "HS256", now: () => NOW } as const;
      const protectedHeader = { kid: "k7", typ: "at+jwt", alg: "none" };
      const claims = { ...good, exp: 9e9, iat: 1 };
      const token = await signJwt(claims, { ...options, lifetime: 60_000, protectedHeader });
      expect(decodeUnverified(token)).toMatchObject({
        header: { alg: "HS256", kid: "k7", typ: "at+jwt" },
        claims: { iat: at, exp: at + 60 },
      });
    });

    it.each<[string, object, object?]>([
      ["not_signed", {}, { big: 1n }],
      ["not_signed", { protectedHeader: { crit: ["own"], own: 1 } }],
      ["undefined", { algorithm: "none" }],
      ["undefined", { algorithm: "toString" }],
      ["undefined", { lifetime: 999 }],
      ["undefined", { lifetime: Infinity }],
      ["undefined", {}, [] as never],
      ["no_key", { key: "" }],
      ["no_key", { key: undefined }],
      ["no_key", { key: "undefined" }],
      ["short_key", { key: "k".repeat(31) }],
      ["short_key", { key: SECRET.slice(0, 47), algorithm: "HS384" }],
      ["malformed_key", { key: `${SECRET}\n` }],
      ["wrong_key_type", { key: { kty: "EC" } }],
      ["malformed_key", { key: SECRET, algorithm: "RS256" }],
    ])("nothing is signed: %s for %j [S4 S20]", async (reason, options, claims = {}) => {
      const by = { key: SECRET, algorithm: "HS256", ...options } as never;
      const error = await signJwt(claims as never, by).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "invalid_option" });
      expect(String((error as { reason?: string }).reason)).toBe(reason);
      expect(`${String(error)}${JSON.stringify(error)}`).not.toContain(SECRET.slice(0, 31));
    });
  });

  describe("JWTs: what they must say", () => {
    it.each<[string, object]>([
      ["missing_claim", { exp: undefined }],
      ["missing_claim", { iss: undefined }],
      ["missing_claim", { aud: undefined }],
      ["malformed_jwt", { aud: null }],
      ["malformed_jwt", { exp: String(at + 600) }],
      ["missing_claim", { exp: null }],
      ["malformed_jwt", { exp: 1e300 }],
      ["malformed_jwt", { exp: NOW + 600_000 }],
      ["malformed_jwt", { exp: -1 }],
      ["malformed_jwt", { exp: [at + 600] }],
      ["malformed_jwt", { nbf: "soon" }],
      ["malformed_jwt", { nbf: NOW }],
      ["malformed_jwt", { iat: NOW }],
      ["malformed_jwt", { sub: 7 }],
      ["malformed_jwt", { sub: { toString: "ada" } }],
      ["malformed_jwt", { jti: [] }],
      ["malformed_jwt", { iss: [ISSUER] }],
      ["malformed_jwt", { aud: [AUDIENCE, 7] }],
      ["malformed_jwt", { aud: { 0: AUDIENCE } }],
      ["expired", { exp: at - 5 }],
      ["accepted", { exp: at - 4 }],
      ["expired", { exp: 0 }],
      ["not_yet_valid", { nbf: at + 6 }],
      ["accepted", { nbf: at + 5 }],
      ["accepted", { iat: at + 500 }],
      ["wrong_issuer", { iss: `${ISSUER}/` }],
      ["wrong_issuer", { iss: ISSUER.toUpperCase() }],
      ["wrong_issuer", { iss: `${ISSUER}.evil.test` }],
      ["wrong_audience", { aud: [] }],
      ["missing_claim", { aud: "" }],
      ["wrong_audience", { aud: [""] }],
      ["wrong_audience", { aud: `${AUDIENCE}/` }],
      ["wrong_audience", { aud: AUDIENCE.slice(0, -1) }],
      ["wrong_audience", { aud: `${AUDIENCE} other` }],
      ["accepted", { aud: ["other", AUDIENCE] }],
      ["accepted", {}],
    ])("%s: %j [S12]", async (expected, claims) => {
      expect(await verdict(await signed({}, claims))).toBe(expected);
    });

    it("the claims that are required, and the age that is allowed [S12]", async () => {
      const required = { required: ["sub", "tenant"] };
      expect(await verdict(await signed(), required)).toBe("missing_claim");
      for (const tenant of [undefined, null, ""])
        expect(await verdict(await signed({}, { tenant }), required)).toBe("missing_claim");
      expect(await verdict(await signed({}, { tenant: "acme" }), required)).toBe("accepted");
      const age = { maxAge: 60_000 };
      expect(await verdict(await signed({}, { iat: at - 66 }), age)).toBe("too_old");
      expect(await verdict(await signed({}, { iat: at - 65 }), age)).toBe("accepted");
      expect(await verdict(await signed({}, { iat: at + 6 }), age)).toBe("not_yet_valid");
      expect(await verdict(await signed({}, { iat: undefined }), age)).toBe("missing_claim");
    });

    it("several issuers and audiences; the tolerance; a clock that gives no number [S12]", async () => {
      const token = await signed();
      expect(await verdict(token, { issuer: ["https://a.test", ISSUER] })).toBe("accepted");
      expect(await verdict(token, { audience: ["other", AUDIENCE] })).toBe("accepted");
      const ended = await signed({}, { exp: at - 1 });
      expect(await verdict(ended, { tolerance: 0 })).toBe("expired");
      expect(await verdict(ended, { tolerance: 2_000 })).toBe("accepted");
      expect(await verdict(token, { now: () => NaN })).toBe("expired");
    });

    it("nothing is said of claims before the signature is right [S12]", async () => {
      const { sign } = await pairOf("RSA", " of the attacker");
      const wrong = { ...good, exp: 1, iss: "https://evil.test", aud: "x" };
      expect(await verdict(await forge({ alg: "RS256" }, wrong, sign))).toBe("wrong_signature");
    });

    it.each<[string, object]>([
      ["no algorithms", { algorithms: undefined }],
      ["an empty list of them", { algorithms: [] }],
      ["none among them", { algorithms: ["none"] }],
      ["one that nobody knows", { algorithms: ["RS257"] }],
      ["a member of every object", { algorithms: ["toString"] }],
      ["no issuer", { issuer: undefined }],
      ["an empty issuer", { issuer: "" }],
      ["no audience", { audience: undefined }],
      ["an empty audience", { audience: "" }],
      ["no audiences", { audience: [] }],
      ["an empty one among them", { audience: [AUDIENCE, ""] }],
      ["no key", { key: undefined }],
      ["a key that is none", { key: "hunter2" }],
      ["an address instead of remoteKeys()", { key: "https://login.acme.test/jwks.json" }],
      ["a URL instead of remoteKeys()", { key: new URL("https://login.acme.test/jwks.json") }],
      ["a private key", { key: pem("PRIVATE KEY", new Uint8Array(8)) }],
      ["a certificate", { key: pem("CERTIFICATE", new Uint8Array(8)) }],
      ["PKCS#1", { key: pem("RSA PUBLIC KEY", new Uint8Array(8)) }],
      ["a set without keys", { key: { keys: "all" } }],
      ["a set of no keys", { key: { keys: [7] } }],
      ["a secret that is short", { algorithms: ["HS256"], key: "k".repeat(31) }],
      ["a secret that is empty", { algorithms: ["HS256"], key: "" }],
      ["a secret that was not set", { algorithms: ["HS256"], key: "undefined" }],
      ["a tolerance without end", { tolerance: Infinity }],
      ["a tolerance that is none", { tolerance: NaN }],
      ["a tolerance as text, which would only be put behind the end", { tolerance: "5000" }],
      ["a list of tolerances", { tolerance: [5_000] }],
      ["an age that is none", { maxAge: NaN }],
      ["an age as text", { maxAge: "60000" }],
      ["an empty type", { type: "" }],
      ["a text where required claims are listed", { required: "sub" }],
      ["a required claim without a name", { required: [""] }],
    ])("%s is told to the application, whatever the token [S12]", async (_, options) => {
      // By an algorithm that they let through, so that the key is looked at.
      const alg = (options as { algorithms?: string[] }).algorithms?.[0] ?? "RS256";
      expect(await verdict(await signed({ alg }), options as never)).toMatch(/^invalid_option: /);
    });

    it("a key for one of the algorithms refuses a JWT by another, and is not to blame [S12]", async () => {
      const { sign } = await pairOf("P-256");
      const token = await forge({ alg: "ES256" }, good, sign);
      expect(await verdict(token, { algorithms: ["RS256", "ES256"] })).toBe("unknown_key");
      expect(await verdict(token, { algorithms: ["ES256"] })).toBe(
        "invalid_option: wrong_key_type",
      );
    });

    it("a set with keys of other kinds, for other uses, private ones and garbage: the right one is found", async () => {
      const { publicJwk } = await pairOf("RSA");
      const other = (await pairOf("RSA", " of another")).publicJwk;
      const { publicJwk: ec, privateJwk } = await pairOf("P-256");
      const noise = [
        {},
        { kty: 7 },
        { kty: "RSA" },
        { kty: "oct", k: base64url(SECRET) },
        ec,
        privateJwk,
        { ...publicJwk, use: "enc" },
        { ...publicJwk, alg: "RS512" },
        { ...publicJwk, key_ops: ["encrypt"] },
      ];
      // More than are tried: those that do not fit are not counted.
      const sets = { keys: [...noise, ...noise, ...noise, other, publicJwk] } as never;
      expect(await verdict(await signed(), { key: sets })).toBe("accepted");
      expect(await verdict(await signed(), { key: { keys: noise } as never })).toBe("unknown_key");
      expect(await verdict(await signed({ kid: "1" }), { key: sets })).toBe("unknown_key");
    });
  });

  it("JWTs: of the keys that may have signed, sixteen are tried [S12]", async () => {
    const { publicJwk } = await pairOf("RSA");
    const other = (await pairOf("RSA", " of another")).publicJwk;
    const after = (count: number): object => ({ keys: [...Array(count).fill(other), publicJwk] });
    expect(await verdict(await signed(), { key: after(15) as never })).toBe("accepted");
    expect(await verdict(await signed(), { key: after(16) as never })).toBe("wrong_signature");
  });

  describe("JWTs: read without verifying", () => {
    it("header and claims, without a prototype at any depth [S12 S15]", async () => {
      const token = await forge({ alg: "none" }, { sub: "ü", own: { deep: 1 } }, async () =>
        utf8(""),
      );
      const { header, claims } = decodeUnverified(token)!;
      expect({ ...header }).toEqual({ alg: "none" });
      expect(claims.sub).toBe("ü");
      for (const object of [header, claims, claims["own"]])
        expect(Object.getPrototypeOf(object)).toBe(null);
    });

    it.each([
      undefined,
      null,
      7,
      {},
      "",
      "opaque",
      "a.b",
      "e30.e30",
      "e30.W10.",
      "e30.e30.e30.e30",
    ])("%j has none [S10]", (token) => {
      expect(decodeUnverified(token as string)).toBeUndefined();
    });

    it("bytes that are no UTF-8 are no claims [S10]", async () => {
      const token = await forge({ alg: "x" }, new Uint8Array([0x7b, 0xff, 0x7d]), hmac(SECRET));
      expect(decodeUnverified(token)).toBeUndefined();
    });
  });
}

/** The attacks on JWTs that are known, each by its name (RFC 8725 §2, and CVEs where there are). */
import { describe, expect, it } from "vitest";
import {
  accept,
  AUDIENCE,
  base64url,
  forge,
  good,
  hmac,
  ISSUER,
  pairOf,
  SECRET,
  signed,
  utf8,
  verdict,
} from "./forgeries.ts";

const nothing = async (): Promise<Uint8Array> => new Uint8Array();

export function jwtAttacks(): void {
  describe("JWTs: attacks", () => {
    it.each([
      "none",
      "None",
      "NONE",
      "nOnE",
      "",
      "null",
      undefined,
      null,
      0,
      ["RS256"],
      { RS256: 1 },
    ])("an alg of %j, with and without a signature [S12]", async (alg) => {
      const { sign } = await pairOf("RSA");
      for (const by of [nothing, sign])
        expect(await verdict(await forge({ alg, typ: "JWT" }, good, by))).toBe("wrong_algorithm");
    });

    it("HMAC by a public key: the algorithm's confusion, by each spelling of the key [S12]", async () => {
      const { publicPem, publicDer, publicJwk } = await pairOf("RSA");
      const bare = publicPem.replaceAll(/-----[^-]+-----|\n/g, "");
      for (const secret of [
        publicPem,
        publicPem.trim(),
        publicDer,
        bare,
        JSON.stringify(publicJwk),
      ]) {
        const token = await forge({ alg: "HS256", typ: "JWT" }, good, hmac(secret));
        // By the key as it ought to be given: the token chooses no algorithm.
        expect(await verdict(token)).toBe("wrong_algorithm");
        // By an application that has got it wrong: told, before anything is accepted.
        const mixed = { key: secret, algorithms: ["RS256", "HS256"] } as const;
        expect(await verdict(token, mixed)).toBe("invalid_option: undefined");
        expect(await verdict(token, { key: secret, algorithms: ["HS256"] })).toMatch(
          /^invalid_option: (wrong_key_type|malformed_key)$/,
        );
        const bytes = typeof secret === "string" ? utf8(secret) : secret;
        expect(await verdict(token, { key: bytes, algorithms: ["HS256"] })).toBe(
          "invalid_option: wrong_key_type",
        );
      }
    });

    it("HMAC by what else is public: a certificate, PKCS#1, OpenSSH's form, as text or as bytes [S12]", async () => {
      const { publicDer } = await pairOf("RSA");
      // What an SPKI holds behind its header is the same key in PKCS#1 (RFC 8017 §A.1.1).
      const pkcs1 = publicDer.slice(24);
      // A certificate is a sequence that begins with one (RFC 5280 §4.1), and `x5c` is its base64.
      const certificate = Uint8Array.from([0x30, 0x82, 1, 42, ...publicDer, 0, 0, 0, 0]);
      expect(certificate).toHaveLength(4 + 256 + 42);
      const ssh = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ ada@home";
      const texts = [pkcs1, certificate].map((bytes) =>
        btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")),
      );
      for (const secret of [pkcs1, certificate, ...texts, ssh, utf8(ssh)]) {
        const token = await forge({ alg: "HS256", typ: "JWT" }, good, hmac(secret));
        expect(await verdict(token, { key: secret, algorithms: ["HS256"] })).toBe(
          "invalid_option: wrong_key_type",
        );
      }
    });

    it("a random secret is none of those, whatever byte it begins with", async () => {
      for (const start of [[0x30], [0x30, 0x1e], [0x30, 0x82], [0x30, 0x81, 0x1d]]) {
        const secret = new Uint8Array(32).fill(7);
        secret.set(start);
        const token = await forge({ alg: "HS256", typ: "JWT" }, good, hmac(secret));
        expect(await verdict(token, { key: secret, algorithms: ["HS256"] })).toBe("accepted");
      }
    });

    it.each<[object, string]>([
      [{}, "accepted"],
      [{ alg: "HS256", use: "sig", key_ops: ["sign", "verify"] }, "accepted"],
      [{ alg: "HS512" }, "invalid_option: wrong_key_type"],
      [{ alg: "A256GCM", use: "enc" }, "invalid_option: wrong_key_type"],
      [{ use: "enc" }, "invalid_option: wrong_key_type"],
      [{ key_ops: ["encrypt"] }, "invalid_option: wrong_key_type"],
      [{ key_ops: ["sign"] }, "invalid_option: wrong_key_type"],
    ])(
      "a secret as a JWK verifies what it is meant for: %j is %s [S12]",
      async (more, expected) => {
        const key = { kty: "oct", k: base64url(SECRET), ...more };
        const token = await forge({ alg: "HS256", typ: "JWT" }, good, hmac(SECRET));
        expect(await verdict(token, { key, algorithms: ["HS256"] })).toBe(expected);
      },
    );

    it("an HMAC key in a key set, which is public [S12]", async () => {
      const keys = [{ kty: "oct", k: base64url(SECRET), kid: "1" }];
      const token = await forge({ alg: "HS256", typ: "JWT", kid: "1" }, good, hmac(SECRET));
      const verifying = { key: { keys }, algorithms: ["HS256"] } as const;
      expect(await verdict(token, verifying)).toBe("invalid_option: undefined");
    });

    it("the attacker's own key in the header: jwk, jku, x5u and x5c are ignored, and nothing is fetched [S12]", async () => {
      const { publicJwk, sign } = await pairOf("RSA", " of the attacker");
      const real = globalThis.fetch;
      const asked: unknown[] = [];
      globalThis.fetch = async (input) => {
        asked.push(input);
        return Response.json({ keys: [publicJwk] });
      };
      try {
        for (const header of [
          { jwk: publicJwk },
          { jku: "https://evil.test/jwks.json" },
          { x5u: "https://evil.test/cert.pem" },
          { x5c: ["MIIB"] },
          { jwk: publicJwk, jku: "https://evil.test/jwks.json", kid: "1" },
        ])
          expect(await verdict(await forge({ alg: "RS256", ...header }, good, sign))).toBe(
            "wrong_signature",
          );
        const { publicJwk: own } = await pairOf("RSA");
        const key = { keys: [{ ...own, kid: "1", jku: "https://evil.test/" }] };
        const token = await forge({ alg: "RS256", kid: "1", jwk: publicJwk }, good, sign);
        expect(await verdict(token, { key })).toBe("wrong_signature");
      } finally {
        globalThis.fetch = real;
      }
      expect(asked).toEqual([]);
    });

    it.each([
      "../../../../dev/null",
      "' UNION SELECT 'secret",
      "|whoami",
      "__proto__",
      "constructor",
      "",
      null,
      7,
      ["1"],
      { toString: "1" },
    ])("a kid of %j is compared, and looked up nowhere [S12 S15]", async (kid) => {
      const { publicJwk } = await pairOf("RSA");
      const key = { keys: [{ ...publicJwk, kid: "1" }] };
      expect(await verdict(await signed({ kid }), { key })).toBe("unknown_key");
    });

    it.each<[string, object]>([
      ["an extension that nobody knows", { crit: ["exp-hard"], "exp-hard": true }],
      ["one that is not there", { crit: ["exp"] }],
      ["an empty list", { crit: [] }],
      ["no list", { crit: "b64" }],
      ["an unencoded payload", { crit: ["b64"], b64: false }],
      ["an encoded payload, by name", { crit: ["b64"], b64: true }],
      ["b64 outside of crit, which some would follow", { b64: false }],
    ])("a critical header: %s [S12]", async (_, header) => {
      expect(await verdict(await signed(header))).toBe("critical_header");
    });

    it.each(["logout+jwt", "secevent+jwt", "dpop+jwt", "at+jwt", "JOSE", "JWE", 7, null, ["JWT"]])(
      "a JWT for something else: its typ is %j [S12]",
      async (typ) => {
        expect(await verdict(await signed({ typ }))).toBe("wrong_type");
      },
    );

    it("a typ that is asked for has to be there [S12]", async () => {
      const verdicts = async (typ: unknown, type: string): Promise<string> =>
        verdict(await signed({ typ }), { type });
      expect(await verdicts("at+jwt", "at+jwt")).toBe("accepted");
      expect(await verdicts("application/AT+JWT", "at+jwt")).toBe("accepted");
      expect(await verdicts("JWT", "at+jwt")).toBe("wrong_type");
      expect(await verdicts(undefined, "at+jwt")).toBe("wrong_type");
      for (const typ of [undefined, "JWT", "jwt", "application/jwt"])
        expect(await verdict(await signed({ typ }))).toBe("accepted");
    });

    it("blank signatures: ECDSA's of zeros (CVE-2022-21449), and none at all [S12]", async () => {
      const { publicPem } = await pairOf("P-256");
      const verifying = { key: publicPem, algorithms: ["ES256"] } as const;
      const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
      const n = Uint8Array.from(order.match(/../g)!, (byte) => parseInt(byte, 16));
      for (const bytes of [
        new Uint8Array(64),
        new Uint8Array(64).fill(255),
        new Uint8Array([...n, ...n]),
        new Uint8Array(),
        new Uint8Array([0x30, 6, 2, 1, 0, 2, 1, 0]),
      ]) {
        const token = await forge({ alg: "ES256", typ: "JWT" }, good, async () => bytes);
        expect(await verdict(token, verifying)).toBe("wrong_signature");
      }
    });

    it("an ECDSA signature in DER's form is another text for the same JWT [S12]", async () => {
      const { publicPem, sign } = await pairOf("P-256");
      const verifying = { key: publicPem, algorithms: ["ES256"] } as const;
      const toDer = (raw: Uint8Array): Uint8Array => {
        const half = (bytes: Uint8Array): number[] =>
          bytes[0]! > 127 ? [2, 33, 0, ...bytes] : [2, 32, ...bytes];
        const body = [...half(raw.slice(0, 32)), ...half(raw.slice(32))];
        return new Uint8Array([0x30, body.length, ...body]);
      };
      const der = await forge({ alg: "ES256" }, good, async (input) => toDer(await sign(input)));
      expect(await verdict(der, verifying)).toBe("wrong_signature");
      expect(await verdict(await forge({ alg: "ES256" }, good, sign), verifying)).toBe("accepted");
    });

    it("one padding for another: PSS called PKCS#1, and the other way round [S12]", async () => {
      const pss = await pairOf("PSS");
      const called = await forge({ alg: "RS256" }, good, pss.sign);
      expect(await verdict(called, { key: pss.publicPem })).toBe("wrong_signature");
      const { publicPem, sign } = await pairOf("RSA");
      const other = { key: publicPem, algorithms: ["PS256"] } as const;
      expect(await verdict(await forge({ alg: "PS256" }, good, sign), other)).toBe(
        "wrong_signature",
      );
    });

    it("an algorithm that the issuer does not use, though the key would do [S12]", async () => {
      expect(await verdict(await signed(), { algorithms: ["RS512"] })).toBe("wrong_algorithm");
      expect(
        await verdict(await signed({ alg: "RS512" }), { algorithms: ["RS256", "RS512"] }),
      ).toBe("wrong_signature");
    });

    it("an RSA key that can be factored: fewer than 2048 bits [S12]", async () => {
      const { publicPem, publicJwk, sign } = await pairOf("RSA 1024");
      const token = await forge({ alg: "RS256", kid: "1" }, good, sign);
      expect(await verdict(token, { key: publicPem })).toBe("invalid_option: short_key");
      const key = { keys: [{ ...publicJwk, kid: "1" }] };
      expect(await verdict(token, { key })).toBe("unknown_key");
    });

    it("a signature that was cut off, changed, doubled or taken from another JWT [S12]", async () => {
      const [header, claims, signature = ""] = (await signed()).split(".");
      const other = (await signed({}, { sub: "eve" })).split(".");
      const end = signature.slice(0, -6);
      for (const [token, expected] of [
        [`${header}.${claims}.${end}`, "wrong_signature"],
        [`${header}.${claims}.`, "wrong_signature"],
        [
          `${header}.${claims}.${signature.replace(/^./, (one) => (one === "A" ? "B" : "A"))}`,
          "wrong_signature",
        ],
        [`${header}.${other[1]}.${signature}`, "wrong_signature"],
        [`${other[0]}.${claims}.${other[2]}`, "wrong_signature"],
        [`${header}.${claims}`, "malformed_jwt"],
        [`${header}.${claims}.${signature}.${signature}`, "malformed_jwt"],
        [`${header}.${claims}.${signature}.x.y`, "malformed_jwt"],
        [`.${claims}.${signature}`, "malformed_jwt"],
        [`${header}..${signature}`, "malformed_jwt"],
      ] as const)
        expect([token, await verdict(token)]).toEqual([token, expected]);
    });

    it("another text for the same JWT: spare bits, padding, base64 of another kind, spaces [S12]", async () => {
      const token = await signed();
      const [header, claims, signature = ""] = token.split(".");
      // 256 bytes leave four bits of the last character unread.
      const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      const last = alphabet.indexOf(signature.at(-1)!);
      const spare = signature.slice(0, -1) + alphabet[last ^ 1];
      for (const text of [
        `${header}.${claims}.${spare}`,
        `${header}.${claims}.${signature}==`,
        `${header}.${claims}.${signature.slice(0, -1)}+`,
        ` ${token}`,
        `${token}\n`,
        `Bearer ${token}`,
        token.replace(".", ". "),
        token.replace(/.$/, "\u0000"),
      ])
        expect([text, await verdict(text)]).toEqual([text, "malformed_jwt"]);
    });

    it.each([
      ["a claim under __proto__", '{"__proto__":{"iss":"https://login.acme.test"}}'],
      ["a list", "[]"],
      ["a text", '"admin"'],
      ["null", "null"],
      ["no JSON", "{"],
      ["a byte order mark", "\ufeff{}"],
      ["nothing", ""],
    ])("claims that are none: %s [S12 S15]", async (_, claims) => {
      const { sign } = await pairOf("RSA");
      expect(await verdict(await forge({ alg: "RS256" }, claims, sign))).toMatch(
        /^(malformed_jwt|missing_claim)$/,
      );
    });

    it("members under __proto__ are members, and no prototype [S15]", async () => {
      const { sign } = await pairOf("RSA");
      const text = JSON.stringify(good).replace("{", '{"__proto__":{"admin":true},');
      const { claims } = await accept(await forge({ alg: "RS256" }, text, sign));
      expect(claims["admin"]).toBeUndefined();
      expect(Object.getPrototypeOf(claims)).toBe(null);
    });

    it("a polluted prototype gives a JWT no claim, and a header no algorithm [S15]", async () => {
      const { sign } = await pairOf("RSA");
      const bare = await forge({ typ: "JWT" }, { sub: "ada" }, sign);
      const without = await forge({ alg: "RS256" }, { ...good, exp: undefined }, sign);
      const right = await signed();
      const root: object = Object.prototype;
      const given = { alg: "RS256", iss: ISSUER, aud: AUDIENCE, exp: 9e9, type: "JWT" };
      for (const [name, value] of Object.entries(given))
        Object.defineProperty(root, name, { value, configurable: true });
      const verdicts: string[] = [];
      try {
        for (const token of [bare, without, right]) verdicts.push(await verdict(token));
      } finally {
        for (const name of Object.keys(given)) Reflect.deleteProperty(root, name);
      }
      expect(verdicts).toEqual(["wrong_algorithm", "missing_claim", "accepted"]);
    });

    it.each([undefined, null, "", 7, {}, [], "a.b.c", "..", "eyJ.eyJ.eyJ", "x".repeat(20_000)])(
      "what is no JWT: %j [S5 S12]",
      async (token) => {
        expect(await verdict(token)).toBe("malformed_jwt");
      },
    );

    it("more than 16 kB, though it is signed [S5]", async () => {
      expect(await verdict(await signed({}, { more: "x".repeat(16_000) }))).toBe("malformed_jwt");
    });
  });
}

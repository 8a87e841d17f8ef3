/** The self-signed mechanism by private keys: in whichever form people have them, or an error that helps. */
import { decodeProtectedHeader, jwtVerify } from "jose";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { KeyPairAlgorithm } from "../../../src/key/algorithms.ts";
import { createVault } from "../../../src/index.ts";
import { selfSigned, type SelfSignedOptions } from "../../../src/providers/self-signed.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock, watchCrypto } from "../../support/clock.ts";
import { fakeApi, ORIGIN } from "../../support/fake-api.ts";
import {
  KIND_OF,
  keyPair,
  partsOf,
  pkcs8,
  privateJwk,
  publicJwk,
  spki,
} from "../../support/keys.ts";
import { findSecrets } from "../../support/secrets.ts";
import { rejection } from "../../support/vault.ts";

watchCrypto();

interface Signer {
  readonly user: string;
  readonly key?: unknown;
}

function open(options: Partial<SelfSignedOptions<Signer>> = {}) {
  const clock = manualClock();
  const api = fakeApi();
  api.api = () => new Response();
  const store = memoryStore();
  const provider = selfSigned<Signer>({
    name: "acme",
    origins: [ORIGIN],
    key: ({ key }) => key as string,
    claims: ({ user }) => ({ sub: user }),
    algorithm: "ES256",
    ...options,
  });
  const vault = createVault({ provider, store, clock, fetch: api.fetch, random: () => 0.5 });
  return { vault, clock, store, provider };
}

async function signedBy(options: Partial<SelfSignedOptions<Signer>>, key: unknown) {
  const { vault, clock } = open(options);
  await vault.signIn({ user: "ada", key });
  const jwt = await vault.getToken();
  const { publicKey } = keyPair(KIND_OF[(options.algorithm ?? "ES256") as KeyPairAlgorithm]);
  const currentDate = new Date(clock.now());
  const { payload } = await jwtVerify(jwt, publicKey, { currentDate });
  return { header: decodeProtectedHeader(jwt), payload };
}

const algorithms = Object.keys(KIND_OF) as KeyPairAlgorithm[];

afterEach(() => vi.restoreAllMocks());

describe("a private key signs", () => {
  it.each(algorithms)("by %s, from PEM and from a JWK", async (algorithm) => {
    const kind = KIND_OF[algorithm];
    for (const key of [pkcs8(kind), privateJwk(kind), JSON.stringify(privateJwk(kind))]) {
      const { header, payload } = await signedBy({ algorithm }, key);
      expect(header).toEqual({ alg: algorithm, typ: "JWT" });
      expect(payload).toMatchObject({ sub: "ada", exp: payload.iat! + 3_600 });
    }
  });

  it.each([
    ["the two characters of \\n for each line break", (pem: string) => pem.replaceAll("\n", "\\n")],
    ["those of \\r\\n", (pem: string) => pem.replaceAll("\n", "\\r\\n")],
    ["Windows' line breaks", (pem: string) => pem.replaceAll("\n", "\r\n")],
    ["no line breaks", (pem: string) => pem.replaceAll("\n", "")],
    ["spaces for line breaks", (pem: string) => pem.replaceAll("\n", " ")],
    ["quotation marks around it", (pem: string) => `"${pem}"`],
    ["a certificate before it", (pem: string) => spki("RSA 2048") + pem],
  ])("with %s, as environment variables have it", async (_, change) => {
    await signedBy({}, change(pkcs8("EC P-256")));
  });

  it("imported for each signature, for signing alone, and cannot be exported [S8 S15]", async () => {
    const imported = vi.spyOn(crypto.subtle, "importKey");
    const { vault, clock } = open();
    for (const key of [pkcs8("EC P-256"), privateJwk("EC P-256")]) {
      await vault.signIn({ user: "ada", key });
      await clock.advance(3_600_000);
      await vault.getToken();
    }
    expect(imported).toHaveBeenCalledTimes(4);
    for (const [, , , extractable, usages] of imported.mock.calls)
      expect([extractable, usages]).toEqual([false, ["sign"]]);
  });

  it("of the environment is read at each signature, and is not stored", async () => {
    const env: Record<string, string> = { ACME_KEY: pkcs8("EC P-256").replaceAll("\n", "\\n") };
    const { vault, clock, store, provider } = open({ variable: "ACME_KEY", env });
    await vault.signIn({ user: "ada" });
    const [name = ""] = await store.list("");
    const secrets = partsOf(pkcs8("EC P-256"));
    expect(secrets.length).toBeGreaterThan(1);
    expect(findSecrets(await store.read(name), secrets)).toEqual([]);
    expect(findSecrets({ vault, provider }, secrets)).toEqual([]);
    env["ACME_KEY"] = JSON.stringify(privateJwk("EC P-256"));
    await clock.advance(3_600_000);
    const { publicKey } = keyPair("EC P-256");
    const currentDate = new Date(clock.now());
    await jwtVerify(await vault.getToken(), publicKey, { currentDate });
  });

  it("and a polluted prototype adds nothing to a JWK [S15]", async () => {
    const root: object = Object.prototype;
    const given = { use: "enc", key_ops: ["encrypt"], alg: "RS256", oth: [] };
    for (const [name, value] of Object.entries(given))
      Object.defineProperty(root, name, { value, configurable: true });
    try {
      await signedBy({}, privateJwk("EC P-256"));
    } finally {
      for (const name of Object.keys(given)) Reflect.deleteProperty(root, name);
    }
  });
});

describe("the header", () => {
  it("has what the option makes, and alg from here", async () => {
    const protectedHeader = ({ user }: Signer): Record<string, unknown> => ({
      kid: user,
      typ: "at+jwt",
      alg: "none",
    });
    expect((await signedBy({ protectedHeader }, pkcs8("EC P-256"))).header).toEqual({
      alg: "ES256",
      kid: "ada",
      typ: "at+jwt",
    });
  });

  it("has a JWK's own kid, unless told otherwise", async () => {
    const key = { ...privateJwk("EC P-256"), kid: "2026-11" };
    expect((await signedBy({}, key)).header["kid"]).toBe("2026-11");
    expect((await signedBy({ protectedHeader: () => ({ kid: "other" }) }, key)).header["kid"]).toBe(
      "other",
    );
  });

  it.each([
    [
      "throws",
      () => {
        throw new TypeError("secret-of-the-header");
      },
    ],
    ["names a critical member that nobody knows", () => ({ crit: ["own"], own: 1 })],
    ["is no JSON", () => ({ big: 1n })],
  ])("that %s: not signed, and no word of it [S4]", async (_, protectedHeader) => {
    const { vault } = open({ protectedHeader });
    const error = await rejection(vault.signIn({ user: "ada", key: pkcs8("EC P-256") }));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "not_signed" });
    expect(findSecrets(error, ["secret-of-the-header"])).toEqual([]);
  });
});

describe("a key that cannot sign is an error that says what to do, and never shows the key", () => {
  const rsa = keyPair("RSA 2048");
  const ec = keyPair("EC P-256");
  const pem = (key: typeof rsa.privateKey, options: object): string =>
    key.export({ format: "pem", ...options } as never) as string;
  const passphrase = { cipher: "aes-256-cbc", passphrase: "correct horse" };
  const command = "openssl pkcs8 -topk8 -nocrypt -in key.pem -out pkcs8.pem";

  it.each<[string, string, unknown, string, KeyPairAlgorithm?]>([
    ["PKCS#1", "pkcs1_key", pem(rsa.privateKey, { type: "pkcs1" }), command, "RS256"],
    ["SEC 1", "sec1_key", pem(ec.privateKey, { type: "sec1" }), command],
    [
      "SEC 1 behind its parameters",
      "sec1_key",
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${pem(ec.privateKey, { type: "sec1" })}`,
      command,
    ],
    [
      "PKCS#8 with a passphrase",
      "encrypted_key",
      pem(ec.privateKey, { type: "pkcs8", ...passphrase }),
      command,
    ],
    [
      "PKCS#1 with a passphrase",
      "pkcs1_key",
      pem(rsa.privateKey, { type: "pkcs1", ...passphrase }),
      command,
      "RS256",
    ],
    ["a public key", "public_key", spki("EC P-256"), "private key"],
    [
      "a public key in PKCS#1",
      "public_key",
      pem(rsa.publicKey, { type: "pkcs1" }),
      "private key",
      "RS256",
    ],
    [
      "a certificate",
      "certificate",
      "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
      "private key that belongs to it",
    ],
    ["a public JWK", "public_key", publicJwk("EC P-256"), "private key"],
    [
      "an RSA key for ES256",
      "wrong_key_type",
      pkcs8("RSA 2048"),
      "an RSA key, and ES256 takes a P-256 key",
    ],
    ["a P-384 key for ES256", "wrong_key_type", pkcs8("EC P-384"), "a P-384 key"],
    ["an Ed25519 key for ES256", "wrong_key_type", pkcs8("Ed25519"), "an Ed25519 key"],
    ["a P-256 key for RS256", "wrong_key_type", pkcs8("EC P-256"), "a P-256 key", "RS256"],
    ["a P-256 key for EdDSA", "wrong_key_type", pkcs8("EC P-256"), "a P-256 key", "EdDSA"],
    ["an RSA JWK for ES256", "wrong_key_type", privateJwk("RSA 2048"), "an RSA key"],
    ["a P-384 JWK for ES256", "wrong_key_type", privateJwk("EC P-384"), "a P-384 key"],
    [
      "a JWK of a symmetric key",
      "wrong_key_type",
      { kty: "oct", k: "c2VjcmV0LXNlY3JldA" },
      "ES256",
    ],
    [
      "a JWK for encryption",
      "wrong_key_type",
      { ...privateJwk("EC P-256"), use: "enc" },
      "another algorithm or use",
    ],
    [
      "a JWK that only verifies",
      "wrong_key_type",
      { ...privateJwk("EC P-256"), key_ops: ["verify"] },
      "another algorithm or use",
    ],
    [
      "a JWK for another algorithm",
      "wrong_key_type",
      { ...privateJwk("RSA 2048"), alg: "RS512" },
      "another algorithm or use",
      "RS256",
    ],
    ["RSA with 1024 bits", "short_key", pkcs8("RSA 1024"), "1024 bits", "RS256"],
    [
      "RSA with 1024 bits as a JWK",
      "short_key",
      privateJwk("RSA 1024"),
      "rsa_keygen_bits:2048",
      "RS256",
    ],
    ["a PEM that was cut off", "malformed_key", pkcs8("EC P-256").slice(0, -30), command],
    [
      "a PEM whose middle is gone",
      "malformed_key",
      pkcs8("EC P-256").replace(/\n(.{20}).{8}/, "\n$1"),
      command,
    ],
    ["a PEM that is no base64", "malformed_key", pkcs8("EC P-256").replace(/\nM/, "\n!"), command],
    ["PKCS#8 without its lines of PEM", "malformed_key", pkcs8("EC P-256").split("\n")[1], command],
    ["any text", "malformed_key", "hunter2-hunter2-hunter2", command],
    ["JSON that is no JWK", "malformed_key", '{"client_email":"a@b.example"}', command],
    [
      "a JWK without its curve's point",
      "malformed_key",
      { kty: "EC", crv: "P-256", d: "AAAA" },
      command,
    ],
    ["a list", "no_token", [pkcs8("EC P-256")], "no secret was given"],
    ["a number", "no_token", 17, "no secret was given"],
    ["nothing", "no_token", undefined, "no secret was given"],
    ["an empty text", "no_token", "", "no secret was given"],
    ["a variable that was not set", "no_token", "undefined", "no secret was given"],
  ])("%s: %s [S4 S5]", async (_, reason, key, advice, algorithm = "ES256") => {
    const { vault } = open({ algorithm });
    const error = await rejection(vault.signIn({ user: "ada", key }));
    expect(error).toMatchObject({ code: "invalid_option", reason });
    expect(error.message).toContain(advice);
    const given = typeof key === "string" || typeof key === "object" ? partsOf(key ?? "") : [];
    expect(findSecrets(error, [...given, "hunter2"])).toEqual([]);
    expect(vault.snapshot().status).not.toBe("signed-in");
  });

  it("an algorithm that the runtime does not have [S5]", async () => {
    vi.spyOn(crypto.subtle, "importKey").mockRejectedValue(
      new DOMException("Ed25519", "NotSupportedError"),
    );
    for (const key of [pkcs8("Ed25519"), privateJwk("Ed25519")]) {
      const { vault } = open({ algorithm: "EdDSA" });
      expect(await rejection(vault.signIn({ user: "ada", key }))).toMatchObject({
        code: "invalid_option",
        reason: "unsupported_algorithm",
      });
    }
  });

  it("of the environment, when it is replaced by a wrong one: the session stays, and says why [P17]", async () => {
    const env = { ACME_KEY: pkcs8("EC P-256") };
    const { vault, clock } = open({ variable: "ACME_KEY", env });
    await vault.signIn({ user: "ada" });
    env.ACME_KEY = pem(ec.privateKey, { type: "sec1" });
    await clock.advance(3_600_000);
    expect(await rejection(clock.until(vault.getToken()))).toMatchObject({
      code: "refresh_failed",
      reason: "sec1_key",
    });
    expect(vault.snapshot().status).toBe("signed-in");
  });
});

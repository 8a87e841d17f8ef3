/** Keys, JWTs and forgeries by Web Crypto alone, so that every runtime makes its own. */
import { isVaultError, type VaultError } from "../../../src/index.ts";
import { type VerifyJwtOptions, verifyJwt } from "../../../src/jwt.ts";

export const ISSUER = "https://login.acme.test";
export const AUDIENCE = "https://api.app.test";
export const SECRET = "an-hmac-secret-of-64-bytes-or-more-which-no-hash-of-sha2-outgrows";

/** 2027-01-15T08:00:00Z. */
export const NOW = 1_800_000_000_000;
const SECONDS = NOW / 1_000;

export const good = {
  iss: ISSUER,
  aud: AUDIENCE,
  sub: "ada",
  iat: SECONDS,
  exp: SECONDS + 600,
  email: "ada-is-a-secret@acme.test",
} as const;

export const utf8 = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;

const base64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

export const base64url = (value: string | Uint8Array): string =>
  base64(typeof value === "string" ? utf8(value) : value)
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");

export function pem(label: string, der: Uint8Array): string {
  const lines = base64(der)
    .match(/.{1,64}/g)!
    .join("\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** What signs a forgery, whatever its header says. */
export type Sign = (input: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;

export interface Pair {
  readonly privatePem: string;
  readonly publicPem: string;
  readonly publicDer: Uint8Array;
  readonly privateJwk: JsonWebKey;
  readonly publicJwk: JsonWebKey;
  readonly sign: Sign;
}

type Kind = "RSA" | "PSS" | "RSA 1024" | "P-256" | "P-384" | "Ed25519";

const rsa = (name: string, modulusLength: number): object => ({
  name,
  hash: "SHA-256",
  modulusLength,
  publicExponent: new Uint8Array([1, 0, 1]),
});

const MAKING: Readonly<Record<Kind, [make: object, sign: object]>> = {
  RSA: [rsa("RSASSA-PKCS1-v1_5", 2048), { name: "RSASSA-PKCS1-v1_5" }],
  PSS: [rsa("RSA-PSS", 2048), { name: "RSA-PSS", saltLength: 32 }],
  "RSA 1024": [rsa("RSASSA-PKCS1-v1_5", 1024), { name: "RSASSA-PKCS1-v1_5" }],
  "P-256": [
    { name: "ECDSA", namedCurve: "P-256" },
    { name: "ECDSA", hash: "SHA-256" },
  ],
  "P-384": [
    { name: "ECDSA", namedCurve: "P-384" },
    { name: "ECDSA", hash: "SHA-384" },
  ],
  Ed25519: [{ name: "Ed25519" }, { name: "Ed25519" }],
};

async function makePair(kind: Kind): Promise<Pair> {
  const [making, signing] = MAKING[kind];
  const { subtle } = crypto;
  const { privateKey, publicKey } = (await subtle.generateKey(making as never, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const der = async (format: "pkcs8" | "spki", key: CryptoKey): Promise<Uint8Array> =>
    new Uint8Array((await subtle.exportKey(format, key)) as ArrayBuffer);
  const jwk = async (key: CryptoKey): Promise<JsonWebKey> => {
    const { ext: _, key_ops: __, alg: ___, ...parts } = await subtle.exportKey("jwk", key);
    return parts;
  };
  const publicDer = await der("spki", publicKey);
  return {
    privatePem: pem("PRIVATE KEY", await der("pkcs8", privateKey)),
    publicPem: pem("PUBLIC KEY", publicDer),
    publicDer,
    privateJwk: await jwk(privateKey),
    publicJwk: await jwk(publicKey),
    sign: async (input) => new Uint8Array(await subtle.sign(signing as never, privateKey, input)),
  };
}

const pairs = new Map<string, Promise<Pair>>();

/** One pair of a kind for all tests; `of` asks for another. */
export function pairOf(kind: Kind, of = ""): Promise<Pair> {
  const name = kind + of;
  const pair = pairs.get(name) ?? makePair(kind);
  pairs.set(name, pair);
  return pair;
}

/** Whether this runtime has Ed25519. */
export const hasEd25519 = (): Promise<boolean> =>
  pairOf("Ed25519").then(
    () => true,
    () => false,
  );

/** Signs with HMAC by any bytes, a public key's too. */
export const hmac =
  (secret: Uint8Array | string, hash = "SHA-256"): Sign =>
  async (input) => {
    const bytes = typeof secret === "string" ? utf8(secret) : new Uint8Array(secret);
    const algorithm = { name: "HMAC", hash };
    const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", key, input));
  };

/** A JWT of any header and claims, also such as no library makes. */
export async function forge(header: unknown, claims: unknown, sign: Sign): Promise<string> {
  const part = (value: unknown): string =>
    base64url(
      typeof value === "string" || value instanceof Uint8Array ? value : JSON.stringify(value),
    );
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${base64url(await sign(utf8(input)))}`;
}

/** Verifies by what all tests here take for granted; `options` replaces any of it. */
export async function accept(token: unknown, options: Partial<VerifyJwtOptions> = {}) {
  const { publicPem } = await pairOf("RSA");
  return verifyJwt(token, {
    key: publicPem,
    algorithms: ["RS256"],
    issuer: ISSUER,
    audience: AUDIENCE,
    now: () => NOW,
    ...options,
  });
}

/** Everything that an error could give away, in any runtime. */
const shown = (error: object): string =>
  [
    String(error),
    (error as Error).stack,
    JSON.stringify(error),
    ...Reflect.ownKeys(error).map((name) => String(Reflect.get(error, name))),
    String((error as Error).cause),
  ].join("\n");

/**
 * `invalid_token: wrong_signature`, or "accepted". An error that is not the library's, or that shows a
 * token, a claim or a key, is one of its own.
 */
export async function verdict(
  token: unknown,
  options?: Partial<VerifyJwtOptions>,
): Promise<string> {
  try {
    await accept(token, options);
    return "accepted";
  } catch (error) {
    if (!isVaultError(error)) return `untyped: ${String(error)}`;
    const parts = typeof token === "string" ? token.split(".").filter((one) => one.length > 8) : [];
    const text = shown(error);
    if ([...parts, good.email, SECRET].some((secret) => text.includes(secret))) return "leaked";
    return reasonIn(error);
  }
}

export const reasonIn = ({ code, reason }: VaultError): string =>
  code === "invalid_token" ? String(reason) : `${code}: ${String(reason)}`;

/** A good JWT, whose header and claims may be changed. */
export async function signed(header: object = {}, claims: object = {}): Promise<string> {
  const { sign } = await pairOf("RSA");
  return forge({ alg: "RS256", typ: "JWT", ...header }, { ...good, ...claims }, sign);
}

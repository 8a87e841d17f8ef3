/**
 * The JWT-bearer grant in every runtime that is a server: a Google service account's key file, against a
 * server on a real socket that verifies the assertion.
 */
import { describe, expect, it } from "vitest";
import { createVault, type Vault } from "../../src/index.ts";
import { jwtBearer, type JwtBearerOptions } from "../../src/providers/jwt-bearer.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type SpawnedIssuer, spawnIssuer } from "../apis/issuer.ts";
import { clockAhead } from "../support/clock.ts";

/** The key file that Google's console gives, as far as it matters. */
interface KeyFile {
  readonly client_email: string;
  readonly private_key: string;
  readonly private_key_id: string;
  readonly token_uri: string;
}

const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};

async function makeKey() {
  const pair = (await crypto.subtle.generateKey(RSA, true, ["sign", "verify"])) as CryptoKeyPair;
  const pkcs8 = new Uint8Array(
    (await crypto.subtle.exportKey("pkcs8", pair.privateKey)) as ArrayBuffer,
  );
  const base64 = btoa(Array.from(pkcs8, (byte) => String.fromCharCode(byte)).join(""));
  const lines = base64.match(/.{1,64}/g)!.join("\n");
  const pem = `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
  return { pem, publicKey: await crypto.subtle.exportKey("jwk", pair.publicKey) };
}

/** It takes long to make one. */
let made: ReturnType<typeof makeKey> | undefined;

interface Opened {
  readonly issuer: SpawnedIssuer;
  readonly file: KeyFile;
  readonly vault: Vault<KeyFile>;
  pass(ms: number): Promise<void>;
}

export function jwtBearerContract({ control }: { readonly control: string }): void {
  async function open(options: Partial<JwtBearerOptions<KeyFile>> = {}): Promise<Opened> {
    const { pem, publicKey } = await (made ??= makeKey());
    const issuer = spawnIssuer(control);
    const file = {
      client_email: "robot@project.iam.gserviceaccount.example",
      private_key: pem,
      private_key_id: "2026-11",
      token_uri: `${issuer.url}/token`,
    };
    const client = { email: file.client_email, kid: "2026-11", publicKey: publicKey as never };
    await issuer.set({ clients: [client] });
    let passed = 0;
    const vault = createVault({
      provider: jwtBearer<KeyFile>({
        name: "google",
        origins: [new URL(issuer.url).origin],
        tokenUrl: file.token_uri,
        key: ({ private_key }) => private_key,
        protectedHeader: ({ private_key_id }) => ({ kid: private_key_id }),
        claims: ({ client_email, token_uri }) => ({
          iss: client_email,
          aud: token_uri,
          scope: "https://www.googleapis.com/auth/devstorage.read_only",
        }),
        ...options,
      }),
      store: memoryStore(),
      dangerouslyAllowLoopbackHttp: true,
      clock: clockAhead(() => passed),
    });
    const pass = async (ms: number): Promise<void> => {
      passed += ms;
      await issuer.set({ clockOffset: passed });
    };
    return { issuer, file, vault, pass };
  }

  describe("the JWT-bearer grant", () => {
    it("a service account's key file signs in, and its assertion is verified", async () => {
      const { issuer, file, vault } = await open();
      await vault.signIn(file);
      expect((await vault.fetch(`${issuer.url}/api`)).status).toBe(200);
      expect(await issuer.counters()).toMatchObject({ tokenCalls: 1, refused: 0, apiCalls: 1 });
      vault.close();
    });

    it("the next token is exchanged before the end, and after a 401", async () => {
      const { issuer, file, vault, pass } = await open();
      await vault.signIn(file);
      await pass(3_600_000);
      expect((await vault.fetch(`${issuer.url}/api`)).status).toBe(200);
      await issuer.expire();
      await pass(60_000);
      expect((await vault.fetch(`${issuer.url}/api`)).status).toBe(200);
      expect(await issuer.counters()).toMatchObject({ tokenCalls: 3, refused: 0, apiCalls: 3 });
      vault.close();
    });

    it("ten callers at the end of a token make one exchange [P1]", async () => {
      const { issuer, file, vault, pass } = await open();
      await vault.signIn(file);
      await pass(3_600_000);
      const calls = Array.from({ length: 10 }, () => vault.fetch(`${issuer.url}/api`));
      expect((await Promise.all(calls)).every(({ status }) => status === 200)).toBe(true);
      expect(await issuer.counters()).toMatchObject({ tokenCalls: 2 });
      vault.close();
    });

    it("target_audience brings an ID token, which is sent", async () => {
      const { issuer, file, vault } = await open({
        claims: ({ client_email, token_uri }) => ({
          iss: client_email,
          aud: token_uri,
          target_audience: "https://function.example",
        }),
      });
      await vault.signIn(file);
      expect((await vault.fetch(`${issuer.url}/api`)).status).toBe(200);
      vault.close();
    });

    it("the key of the environment, with \\n for its line breaks, is not stored", async () => {
      const { pem } = await (made ??= makeKey());
      const env = { GOOGLE_PRIVATE_KEY: pem.replaceAll("\n", "\\n") };
      const options = { key: () => undefined, variable: "GOOGLE_PRIVATE_KEY", env };
      const { issuer, file, vault } = await open(options);
      await vault.signIn({ ...file, private_key: "" });
      expect((await vault.fetch(`${issuer.url}/api`)).status).toBe(200);
      vault.close();
    });

    it.each([-7_200_000, 7_200_000])(
      "with the server's clock %d ms ahead, the assertion is signed once more by its time [F16]",
      async (clockOffset) => {
        const { issuer, file, vault } = await open();
        await issuer.set({ clockOffset });
        await vault.signIn(file);
        expect((await vault.fetch(`${issuer.url}/api`)).status).toBe(200);
        expect(await issuer.counters()).toMatchObject({ tokenCalls: 2, refused: 1 });
        await vault.signIn(file);
        expect(await issuer.counters()).toMatchObject({ tokenCalls: 3, refused: 1 });
        vault.close();
      },
    );

    it("a key that the server does not know is refused, in one call", async () => {
      const { issuer, file, vault } = await open();
      const refused = vault.signIn({ ...file, private_key_id: "another" });
      await expect(refused).rejects.toMatchObject({ code: "credentials_refused", status: 400 });
      expect(await issuer.counters()).toMatchObject({ tokenCalls: 1 });
      vault.close();
    });
  });
}

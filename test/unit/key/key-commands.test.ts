/** The commands that errors about keys advise: each is run, and its key is one that is taken. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { isVaultError, type VaultError } from "../../../src/index.ts";
import { signJwt, verifyJwt } from "../../../src/jwt.ts";
import { keyPair } from "../../support/keys.ts";

const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-keys-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

/** Puts a key into the file that the advice names, runs the advice, and reads the file that it makes. */
function follow({ message }: VaultError, key: string): string {
  const [, command = ""] = /: (openssl .+)\.$/.exec(message) ?? [];
  const args = command.split(" ").slice(1);
  const fileOf = (option: string): string => path.join(folder, args[args.indexOf(option) + 1]!);
  writeFileSync(fileOf("-in"), key);
  execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  return readFileSync(fileOf("-out"), "utf8");
}

async function errorOf(call: Promise<unknown>): Promise<VaultError> {
  const error = await call.catch((caught: unknown) => caught);
  if (!isVaultError(error)) throw new Error("It was expected to reject");
  return error;
}

const rsa = keyPair("RSA 2048");
const ec = keyPair("EC P-256");
const pem = (key: typeof rsa.privateKey, type: string): string =>
  key.export({ format: "pem", type } as never) as string;

describe.runIf(hasOpenssl)("a command of openssl in an error", () => {
  it.each([
    ["PKCS#1", "RS256", pem(rsa.privateKey, "pkcs1")],
    ["SEC 1", "ES256", pem(ec.privateKey, "sec1")],
  ] as const)("makes a private key in %s one that signs", async (_, algorithm, key) => {
    const error = await errorOf(signJwt({}, { key, algorithm }));
    expect(await signJwt({}, { key: follow(error, key), algorithm })).toMatch(/^ey/);
  });

  const options = { issuer: "a", audience: "a" };
  const signed = (): Promise<string> =>
    signJwt({ iss: "a", aud: "a" }, { key: pem(rsa.privateKey, "pkcs8"), algorithm: "RS256" });

  it.each([
    ["a public key in PKCS#1", (): string => pem(rsa.publicKey, "pkcs1")],
    ["a private key", (): string => pem(rsa.privateKey, "pkcs8")],
    [
      "a certificate",
      (): string => {
        const file = path.join(folder, "ca.pem");
        writeFileSync(file, pem(rsa.privateKey, "pkcs8"));
        const args = ["req", "-x509", "-key", file, "-subj", "/CN=acme", "-days", "1"];
        return execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });
      },
    ],
  ])("makes %s one that verifies", async (_, make) => {
    const key = make();
    const algorithms = ["RS256"] as const;
    const error = await errorOf(verifyJwt(await signed(), { ...options, key, algorithms }));
    const found = follow(error, key);
    expect(found).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    await verifyJwt(await signed(), { ...options, key: found, algorithms });
  });
});

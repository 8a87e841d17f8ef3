/** docs/own-api.md: each mechanism's provider, as it stands there, over an API of that kind. */
import { pathToFileURL } from "node:url";
import { decodeProtectedHeader, jwtVerify } from "jose";
import { afterAll, describe, expect, it, vi } from "vitest";
import { createVault, type Provider, type Vault } from "../../src/index.ts";
import type { ApiKeyCredentials } from "../../src/providers/api-key.ts";
import type { ClientCredentials } from "../../src/providers/mint.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { createAcmeApi } from "../support/acme-api.ts";
import { keyPair, pkcs8 } from "../support/keys.ts";
import { workshop } from "../support/programs.ts";
import { read, snippetsOf } from "./pages.ts";

const THINGS = "https://api.acme.example/things";

const { save, remove } = workshop();
afterAll(remove);

const all = snippetsOf("docs/own-api.md", read("docs/own-api.md"));
/** By what it imports: the mechanism alone, or more of that mechanism's module. */
const over = (mechanism: string): string =>
  all.find(({ code }) =>
    code.includes(
      mechanism.includes(",") ? `{ ${mechanism} }` : `from "tokenkeep/providers/${mechanism}"`,
    ),
  )!.code;

/** A vault over the provider that a snippet exports, and what its API has seen. */
async function open<Credentials>(
  mechanism: string,
  accepts: (authorization: string) => boolean,
): Promise<{ vault: Vault<Credentials>; seen: unknown[] }> {
  const file = save(over(mechanism));
  const { acme } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
    acme: Provider<Credentials>;
  };
  const { fetch, seen } = createAcmeApi(accepts);
  return { vault: createVault({ provider: acme, store: memoryStore(), fetch }), seen };
}

describe("an API of your own", () => {
  it.each([
    "password",
    "bearer, password",
    "static-token",
    "api-key",
    "mint",
    "clientSecretBasic, mint",
    "self-signed",
    "jwt-bearer",
  ])("takes fifteen lines at most over %s", (mechanism) => {
    const lines = over(mechanism).trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.length).toBeLessThanOrEqual(15);
  });

  it("works over password: sign-in, a 401, one refresh, the same request again", async () => {
    const { vault, seen } = await open<PasswordCredentials>(
      "password",
      (value) => value === "Bearer two",
    );
    await vault.signIn({ email: "ada@acme.example", password: "correct horse" });
    const response = await vault.fetch(THINGS);
    expect(await response.json()).toEqual({ fine: true });
    expect(seen).toEqual([
      ["POST", "/login", { email: "ada@acme.example", password: "correct horse" }],
      ["GET", "/things", "Bearer one"],
      ["POST", "/refresh", { refresh_token: "first" }],
      ["GET", "/things", "Bearer two"],
    ]);
  });

  it("works over password with requests of its own: a form, a name, a DELETE", async () => {
    const { vault, seen } = await open<PasswordCredentials>("bearer, password", () => true);
    await vault.signIn({ email: "ada@acme.example", password: "correct horse" });
    const rejected = await vault.getToken();
    await vault.getToken({ rejected });
    await vault.signOut();
    await expect.poll(() => seen.length).toBe(3);
    expect(seen).toEqual([
      ["POST", "/login", "user=ada%40acme.example&password=correct+horse"],
      ["POST", "/refresh", { refresh: "first" }],
      ["DELETE", "/logout", "Bearer two"],
    ]);
  });

  it("works over mint as client_credentials, in three lines", async () => {
    const { vault, seen } = await open<ClientCredentials>("clientSecretBasic, mint", () => true);
    await vault.signIn({ clientId: "web", clientSecret: "s3cret" });
    expect((await vault.fetch(THINGS)).status).toBe(200);
    expect(seen).toEqual([
      ["POST", "/token", `Basic ${btoa("web:s3cret")}`],
      ["GET", "/things", "Bearer minted-1"],
    ]);
  });

  it("works over static-token: from the environment, its 401 as it is", async () => {
    vi.stubEnv("ACME_TOKEN", "from-env");
    const { vault, seen } = await open<{ token: string } | void>("static-token", () => false);
    await vault.signIn();
    expect((await vault.fetch(THINGS)).status).toBe(401);
    expect(seen).toEqual([["GET", "/things", "Token from-env"]]);
    vi.unstubAllEnvs();
  });

  it("works over api-key: from the environment, in a header of its own, its 401 as it is", async () => {
    vi.stubEnv("ACME_API_KEY", "from-env");
    const { vault, seen } = await open<ApiKeyCredentials | void>("api-key", () => false);
    await vault.signIn();
    expect((await vault.fetch(THINGS)).status).toBe(401);
    expect(seen).toEqual([["GET", "/things", "from-env"]]);
    vi.unstubAllEnvs();
  });

  it("works over mint: sign-in, a 401, one more mint, the same request again", async () => {
    const { vault, seen } = await open<{ id: string; secret: string }>(
      "mint",
      (value) => value === "Bearer minted-3",
    );
    await vault.signIn({ id: "web", secret: "s3cret" });
    expect((await vault.fetch(THINGS)).status).toBe(200);
    const body = { client_id: "web", client_secret: "s3cret" };
    expect(seen).toEqual([
      ["POST", "/token", body],
      ["GET", "/things", "Bearer minted-1"],
      ["POST", "/token", body],
      ["GET", "/things", "Bearer minted-3"],
    ]);
  });

  it("works over self-signed: a JWT with the claims, and no request but the API's", async () => {
    const { vault, seen } = await open<{ user: string; apiKey?: string }>(
      "self-signed",
      () => true,
    );
    await vault.signIn({ user: "ada", apiKey: "s3cret".repeat(6) });
    expect((await vault.fetch(THINGS)).status).toBe(200);
    expect(seen).toEqual([["GET", "/things", expect.stringMatching(/^Bearer eyJ/)]]);
    const { iat, ...claims } = vault.snapshot().claims!;
    expect(claims).toEqual({ sub: "ada", role: "reader", exp: Number(iat) + 600 });
  });

  it("works over jwt-bearer: the key file's assertion goes as a form, and its token to the API", async () => {
    const file = save(over("jwt-bearer"));
    const { google } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
      google: Provider<Record<string, string>>;
    };
    const seen: unknown[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const { url, headers } = new Request(input, init);
      seen.push([url, headers.get("authorization")]);
      if (!url.endsWith("/token")) return Response.json({});
      const form = new URLSearchParams(String(init?.body));
      expect(form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
      const assertion = form.get("assertion") ?? "";
      const { payload } = await jwtVerify(assertion, keyPair("RSA 2048").publicKey);
      expect(payload).toMatchObject({ iss: "robot@acme.example", aud: url });
      expect(decodeProtectedHeader(assertion).kid).toBe("k1");
      return Response.json({ access_token: "ya29.one", expires_in: 3_599 });
    };
    const vault = createVault({ provider: google, store: memoryStore(), fetch });
    await vault.signIn({
      client_email: "robot@acme.example",
      private_key: pkcs8("RSA 2048"),
      private_key_id: "k1",
    });
    const objects = "https://storage.googleapis.com/storage/v1/b";
    expect((await vault.fetch(objects)).status).toBe(200);
    expect(seen).toEqual([
      ["https://oauth2.googleapis.com/token", null],
      [objects, "Bearer ya29.one"],
    ]);
  });
});

/** OAuth's `client_credentials` over the mint mechanism, RFC 6749 §4.4 and §2.3.1. */
import { describe, expect, it } from "vitest";
import { createVault, type Vault } from "../../../src/index.ts";
import {
  type ClientCredentials,
  clientSecretBasic,
  clientSecretPost,
  mint,
  type MintOptions,
} from "../../../src/providers/mint.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock } from "../../support/clock.ts";
import { type FakeApi, fakeApi, ORIGIN } from "../../support/fake-api.ts";
import { findSecrets } from "../../support/secrets.ts";
import { rejection, VMS } from "../../support/vault.ts";

const credentials: ClientCredentials = { clientId: "svc:7", clientSecret: "p@ss/ü +%" };

function open<Credentials>(options: Partial<MintOptions<Credentials>>): {
  readonly vault: Vault<Credentials | void>;
  readonly api: FakeApi;
} {
  const api = fakeApi();
  const provider = mint<Credentials>({
    name: "acme",
    origins: [ORIGIN],
    tokenUrl: `${ORIGIN}/login`,
    ...options,
  });
  const clock = manualClock();
  return { api, vault: createVault({ provider, store: memoryStore(), fetch: api.fetch, clock }) };
}

describe("client_credentials", () => {
  it("client_secret_post: a form with the secret in it, and a mint after a 401", async () => {
    const { vault, api } = open({ request: clientSecretPost });
    await vault.signIn({ ...credentials, scope: "read write" });
    api.expire();
    expect((await vault.fetch(VMS)).status).toBe(200);
    const sent = api.to("/login");
    expect(sent).toHaveLength(2);
    for (const { headers, body, method } of sent) {
      expect(method).toBe("POST");
      expect(headers.get("content-type")).toBe("application/x-www-form-urlencoded");
      expect(headers.get("authorization")).toBeNull();
      expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
        grant_type: "client_credentials",
        client_id: "svc:7",
        client_secret: "p@ss/ü +%",
        scope: "read write",
      });
    }
  });

  it("client_secret_basic: id and secret are form-encoded before they are joined", async () => {
    const { vault, api } = open({ request: clientSecretBasic });
    await vault.signIn(credentials);
    const [{ headers, body } = expect.fail()] = api.to("/login");
    expect(body).toBe("grant_type=client_credentials");
    const [scheme, text = ""] = headers.get("authorization")!.split(" ");
    expect([scheme, atob(text)]).toEqual(["Basic", "svc%3A7:p%40ss%2F%C3%BC+%2B%25"]);
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", generation: 1 });
  });

  it.each([
    {},
    { clientId: "a" },
    { clientId: "", clientSecret: "b" },
    { clientId: "a", clientSecret: 5 },
    { clientId: "a", clientSecret: "b", scope: ["c"] },
    Object.create(credentials) as object,
  ])("credentials %j are told before anything is sent [S15 F87]", async (wrong) => {
    for (const request of [clientSecretBasic, clientSecretPost]) {
      const { vault, api } = open({ request });
      const error = await rejection(vault.signIn(wrong as ClientCredentials));
      expect(error).toMatchObject({ code: "invalid_option" });
      expect(error.message).toMatch(/clientId, clientSecret|plain data/);
      expect(api.calls).toEqual([]);
    }
  });

  it("the secret is in no error and no snapshot [S4 S7]", async () => {
    const { vault, api } = open({ request: clientSecretBasic });
    await vault.signIn(credentials);
    api.expire();
    api.login = () => Response.json({ error: "invalid_client" }, { status: 401 });
    const rejected = await vault.getToken();
    const reply = await rejection(vault.getToken({ rejected, signal: AbortSignal.abort() }));
    expect(findSecrets({ vault, reply }, [credentials.clientSecret])).toEqual([]);
  });
});

describe("a mint's request", () => {
  it("of write's URLSearchParams is a form, and never `{}`", async () => {
    const { vault, api } = open<{ key: string }>({
      write: ({ key }) => new URLSearchParams({ key }),
      headers: { "x-client": "web" },
    });
    await vault.signIn({ key: "k&1" });
    const [{ headers, body } = expect.fail()] = api.to("/login");
    expect([body, headers.get("x-client")]).toEqual(["key=k%261", "web"]);
  });

  it.each<[string, object]>([
    ["a form", new URLSearchParams({ key: "k" })],
    ["a FormData", new FormData()],
    ["a Map", new Map([["key", "k"]])],
    ["a Map inside", { key: new Map() }],
  ])("whose credentials a store would lose is told at the sign-in: %s", async (_, wrong) => {
    const write = (): object => ({ key: "k" });
    const { vault, api } = open<object>({ write });
    const error = await rejection(vault.signIn(wrong));
    expect(error).toMatchObject({ code: "invalid_option" });
    expect(error.message).toContain("plain data that JSON keeps");
    expect(api.calls).toEqual([]);
  });

  it.each<[string, Partial<MintOptions<{ key: string }>>]>([
    ["unsendable_body", { write: ({ key }) => new Map([["key", key]]) }],
    ["unsendable_body", { write: () => undefined }],
    ["unsendable_body", { request: () => ({ body: Symbol("a") }) }],
    ["unsendable_method", { request: () => ({ method: "CONNECT" as never }) }],
    ["unsendable_header", { request: () => ({ headers: { a: "ü" } }) }],
  ])("%s is told before anything is sent [F87]", async (reason, options) => {
    const { vault, api } = open(options);
    const error = await rejection(vault.signIn({ key: "k" }));
    expect(error).toMatchObject({ code: "invalid_option", reason });
    expect(api.calls).toEqual([]);
  });
});

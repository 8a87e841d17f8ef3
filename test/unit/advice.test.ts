/** A beginner's mistakes: each is told with its cure. */
import { describe, expect, it } from "vitest";
import { createVault, isVaultError, VaultError } from "../../src/index.ts";
import { password } from "../../src/providers/password.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { connectVault } from "../../src/worker.ts";
import { acme, credentials, reply } from "../support/fake-api.ts";
import { bench, rejection, VMS } from "../support/vault.ts";

const messageOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (isVaultError(error)) return error.message;
    throw error;
  }
  return "nothing was thrown";
};

describe("the provider", () => {
  const store = memoryStore();
  const withOrigins = (origins: unknown) => () =>
    createVault({ provider: { ...acme(), origins: origins as string[] }, store });

  it("on this machine, by http: the option that allows it, and where it stands [S3 F87]", () => {
    const message = messageOf(withOrigins(["http://localhost:3000"]));
    expect(message).toMatch(
      /on this machine dangerouslyAllowLoopbackHttp: true beside the provider/,
    );
  });

  it("with one origin in place of a list of them [F87]", () => {
    expect(messageOf(withOrigins("https://api.acme.example"))).toMatch(/a list of origins/);
  });

  it("without a name, under which its sessions would be kept [F87]", () => {
    const nameless = { ...acme(), name: undefined as never };
    expect(messageOf(() => createVault({ provider: nameless, store }))).toMatch(
      /provider, with name/,
    );
  });

  it("without the token endpoint's address, which is no lost connection [F87]", async () => {
    const origins = ["https://api.acme.example"];
    const provider = password({ name: "acme", origins, tokenUrl: undefined as never });
    const error = await rejection(bench({ provider }).vault.signIn(credentials));
    expect(error).toMatchObject({ code: "invalid_option", reason: "no_absolute_url" });
  });
});

describe("the store", () => {
  it("that does not compare and set, under rotation: what to leave out, and which to take [F87]", () => {
    const store = { ...memoryStore(), atomic: false };
    const message = messageOf(() => createVault({ provider: acme(), store }));
    for (const cure of ["durable: false", "Postgres", "tokenkeep/node", "tokenkeep/cloudflare"])
      expect(message).toContain(cure);
  });
});

describe("a sign-in", () => {
  it("whose reply nobody can read: the provider's read [F87]", async () => {
    const { vault, api } = bench();
    api.login = () => reply(200, { key: "one" });
    const { message } = await rejection(vault.signIn(credentials));
    expect(message).toMatch(/^Cannot sign in: no token\. Look at the reply: the provider's read/);
  });

  it("that the server cannot answer now: another try, whatever read finds [F87]", async () => {
    const { vault, api } = bench();
    api.login = () => reply(503, {});
    const { message } = await rejection(vault.signIn(credentials));
    expect(message).toBe("Cannot sign in: no token. Try again.");
  });

  it("that gets no reply: the address, and CORS [F87]", async () => {
    const { vault, api } = bench();
    api.login = () => Promise.reject(new TypeError("Failed to fetch"));
    const { message } = await rejection(vault.signIn(credentials));
    expect(message).toBe(
      "Cannot sign in: no connection. Try again, or check the address and CORS.",
    );
  });

  it("that was not awaited: a call says to await it [F87]", async () => {
    const { vault } = bench();
    const signingIn = vault.signIn(credentials);
    const { message } = await rejection(vault.fetch(VMS));
    expect(message).toMatch(/Await signIn\(\) first\.$/);
    await signingIn;
  });
});

it("a vault of the core without a store: which vaults bring one [F87]", () => {
  expect(messageOf(() => createVault({ provider: acme() } as never))).toMatch(
    /Wanted: store, or createVault from tokenkeep\/browser/,
  );
});

it("a cookie that the browser keeps out: one site for page and API [F87]", () => {
  const { message } = new VaultError("sign_in_required", undefined, {
    reason: "third_party_cookies_blocked",
  });
  expect(message).toBe(
    "Cannot refresh the session: third party cookies blocked. Serve page and API from one site.",
  );
});

it("a worker whose file does not load: its file [F87]", async () => {
  const vault = connectVault(() => Promise.reject(new Error("404")));
  const { message } = await rejection(vault.getToken()).finally(() => vault.close());
  expect(message).toMatch(/Try again, or check that its file loads\.$/);
});

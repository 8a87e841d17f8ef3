/** What a provider may list, and which of its paths go bare. Addresses: `contracts/fetch/origins`. */
import { describe, expect, it } from "vitest";
import { createVault } from "../../../src/index.ts";
import { createPolicy } from "../../../src/request/policy.ts";
import { vmcloud } from "../../../src/providers/vmcloud.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { acme, ORIGIN } from "../../support/fake-api.ts";
import { bench, rejection } from "../../support/vault.ts";

const ok = (): Response => new Response("{}");

const authorizations = async (
  options: Parameters<typeof acme>[0],
  urls: readonly string[],
): Promise<(string | null)[]> => {
  const { vault, api } = bench({ provider: acme(options) });
  api.api = ok;
  await vault.adopt({ accessToken: "token" });
  for (const url of urls) await vault.fetch(url);
  return api.calls.map(({ headers }) => headers.get("authorization"));
};

describe("a provider's origins", () => {
  it.each([
    "",
    "api.acme.test",
    "/v1",
    "http://api.acme.test",
    "http://localhost",
    "ftp://api.acme.test",
    "blob:https://api.acme.test/1",
    "data:text/plain,x",
    "https://user@api.acme.test",
    "https://:secret@api.acme.test",
    "https://api.acme.test?x",
    "https://api.acme.test#x",
    "https://",
    "*",
    undefined as never,
  ])("%j is refused when the vault is made [S1 S3]", (origin) => {
    expect(() =>
      createVault({ provider: acme({ origins: [ORIGIN, origin] }), store: memoryStore() }),
    ).toThrow(expect.objectContaining({ code: "invalid_option", name: "VaultError" }));
  });

  it("the message does not repeat what was given [S4]", async () => {
    const origin = "https://user:secret-in-a-url@api.acme.test";
    const make = async (): Promise<unknown> =>
      createVault({ provider: acme({ origins: [origin] }), store: memoryStore() });
    expect((await rejection(make())).message).not.toContain("secret-in-a-url");
  });

  it("each of several gets the token, nothing else does [S1]", async () => {
    const origins = [ORIGIN, "https://files.acme.test:8443", "https://acme.test/api/"];
    const urls = {
      [`${ORIGIN}/x`]: true,
      "https://files.acme.test:8443/x": true,
      "https://acme.test/api/x": true,
      "https://files.acme.test/x": false,
      "https://acme.test/apix": false,
      "https://acme.test/x": false,
    };
    expect(await authorizations({ origins }, Object.keys(urls))).toEqual(
      Object.values(urls).map((may) => (may ? "Bearer token" : null)),
    );
  });

  it("an address with a user in it is left to fetch, which refuses it, bare [S1]", async () => {
    const seen: unknown[] = [];
    const fetch: typeof globalThis.fetch = async (...given) => {
      seen.push(given);
      return new Response();
    };
    const { vault } = bench({ fetch });
    await vault.adopt({ accessToken: "token" });
    const addresses = [`https://user@api.acme.test/`, `https://:secret@api.acme.test/`];
    for (const address of addresses) await vault.fetch(address);
    expect(seen).toEqual(addresses.map((address) => [address, undefined]));
  });

  it("the list is read once: what is added to it later gets nothing [S1]", async () => {
    const origins = [ORIGIN];
    const { vault, api } = bench({ provider: acme({ origins }) });
    await vault.adopt({ accessToken: "token" });
    origins.push("https://evil.test");
    await vault.fetch("https://evil.test/");
    expect(api.calls[0]!.headers.get("authorization")).toBeNull();
  });

  it("a token endpoint over http gets no secret, unless it is a loopback host on request [S3]", async () => {
    for (const tokenUrl of ["http://api.acme.test/login", "http://localhost/login"]) {
      const { vault, api } = { ...tryBench(tokenUrl) };
      if (vault) await rejection(vault.signIn({ email: "a", password: "secret" }));
      expect(api?.calls ?? []).toEqual([]);
    }
  });

  it("neither does a preset's [S3]", () => {
    expect(() =>
      createVault({ provider: vmcloud({ baseURL: "http://10.0.0.1" }), store: memoryStore() }),
    ).toThrow(expect.objectContaining({ code: "invalid_option" }));
  });
});

/** A vault with this token endpoint; none, if it is refused beforehand. */
function tryBench(tokenUrl: string): Partial<ReturnType<typeof bench>> {
  try {
    return bench({ provider: acme({ tokenUrl }) });
  } catch (error) {
    expect(error).toMatchObject({ code: "invalid_option" });
    return {};
  }
}

describe("public paths", () => {
  it("are told to nobody, but what leads out of a prefix, or lies beside it, is [F88 F78]", () => {
    const policy = createPolicy({
      origins: ["https://api.test/v3"],
      publicPaths: ["/v3/login"],
    });
    const told = (path: string) => policy.unlisted(`https://api.test${path}`);
    expect(told("/v3/login")).toBeUndefined();
    for (const path of ["/v3/branches/feature%2Flogin", "/v4", "/"])
      expect([policy(`https://api.test${path}`), told(path)]).toEqual([
        undefined,
        "https://api.test",
      ]);
    expect(policy.unlisted("data:text/plain,x")).toBeUndefined();
  });

  it("a percent sign before the letter u leads nowhere [F78]", () => {
    const policy = createPolicy({ origins: ["https://api.test/v3"] });
    const url = "https://api.test/v3/labels/100%25unique";
    expect(policy(url)).toBe(url);
    expect(policy("https://api.test/v3/..%25u2215other")).toBeUndefined();
  });

  it("go bare, with what lies below them, by whole segments", async () => {
    const urls = {
      [`${ORIGIN}/status`]: false,
      [`${ORIGIN}/status/deep?x`]: false,
      [`${ORIGIN}/v1/../status`]: false,
      [`${ORIGIN}/statusx`]: true,
      [`${ORIGIN}/v1/status`]: true,
      [`${ORIGIN}/Status`]: true,
      [`${ORIGIN}/`]: true,
      [`${ORIGIN}/status/../v1`]: true,
    };
    expect(await authorizations({ publicPaths: ["/status"] }, Object.keys(urls))).toEqual(
      Object.values(urls).map((may) => (may ? "Bearer token" : null)),
    );
  });

  it("need no session", async () => {
    const { vault, api } = bench({ provider: acme({ publicPaths: ["/status"] }) });
    api.api = () => new Response("up");
    expect(await (await vault.fetch(`${ORIGIN}/status`)).text()).toBe("up");
    await expect(vault.fetch(`${ORIGIN}/v1`)).rejects.toMatchObject({ code: "no_session" });
  });
});

describe("addresses that are asked again and again", () => {
  const { origins } = acme({ origins: [ORIGIN] });
  const foreign = [
    "https://api.acme.test.evil.test/x",
    "https://evil.test/x",
    "http://api.acme.test/x",
  ];

  it("are judged as at first, and others between them as ever [S1]", () => {
    const policy = createPolicy({ origins });
    for (let round = 0; round < 200; round++) {
      expect(policy(`${ORIGIN}/x`)).toBe(`${ORIGIN}/x`);
      // One that passes, and one that does not, in each place of the look that is made now and then.
      if (round % 3 === 0) expect(policy(`${ORIGIN}/${round}`)).toBe(`${ORIGIN}/${round}`);
      const stranger = foreign[round % foreign.length] ?? "";
      expect(policy(stranger)).toBeUndefined();
    }
  });
});

/** What odd, hostile or merely unlucky callers give to `vault.fetch`, over real sockets. */
import vm from "node:vm";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { VaultRequestInit } from "../../../src/index.ts";
import { reply } from "../../support/fake-api.ts";
import { open, refuseOnce, serve, type Served } from "../../support/vault-over-server.ts";
import { bench, rejection, signedIn, VMS } from "../../support/vault.ts";

let api: Served;
let other: Served;
beforeAll(async () => {
  [api, other] = await Promise.all([serve(), serve()]);
});
afterEach(() => [api, other].forEach((one) => one.reset()));
afterAll(() => [api, other].forEach((one) => one.close()));

const sent = (): unknown[] => api.seen.map(({ method, path, body }) => [method, path, body]);

describe("an init that is no plain object: its members are read as fetch reads them", () => {
  const inits: Readonly<Record<string, () => RequestInit>> = {
    "a Request": () => new Request(other.url, { method: "DELETE", headers: { "x-own": "1" } }),
    "a Request with a body": () => new Request(other.url, { method: "POST", body: "text" }),
    "a Request with an Authorization of its own": () =>
      new Request(other.url, { method: "DELETE", headers: { authorization: "Basic YTpi" } }),
    "inherited defaults": () => Object.create({ method: "PUT", body: "text" }) as RequestInit,
  };

  it.each(Object.keys(inits))("law 6 %s", async (name) => {
    const vault = await open(api);
    await fetch(`${api.url}/v1`, inits[name]!());
    await vault.fetch(`${api.url}/v1`, inits[name]!() as VaultRequestInit);
    const [plain, vaulted] = api.seen;
    expect(vaulted).toEqual({
      ...plain,
      authorization: plain!.authorization ?? "Bearer token-1",
    });
  });

  it("law 6 the signal of a Request that is an init", async () => {
    const vault = await open(api);
    const signal = AbortSignal.abort(new Error("mine"));
    const init = new Request(other.url, { signal }) as VaultRequestInit;
    expect((await rejection(vault.fetch(`${api.url}/v1`, init))).message).toBe("mine");
  });
});

describe("a body that no type allows", () => {
  it.each([5, 0, true, false, 10n])(
    "law 6 is sent as its text, and again after a 401: %s [P11]",
    async (body) => {
      const vault = await open(api);
      const init = { method: "POST", body } as unknown as VaultRequestInit;
      refuseOnce(api);
      await vault.fetch(`${api.url}/v1`, init);
      const calls = api.seen.filter(({ path }) => path === "/v1");
      expect(calls.map((call) => call.body)).toEqual([String(body), String(body)]);
    },
  );
});

describe("the address that is judged is the one that is sent (law 4)", () => {
  it("of a Request whose subclass has a `url` of its own [S1]", async () => {
    const vault = await open(api);
    // Frameworks have such classes: Next.js's `NextRequest` is one.
    class Own extends Request {
      override get url(): string {
        return `${api.url}/v1`;
      }
    }
    await vault.fetch(new Own(`${other.url}/elsewhere`)).catch(() => {});
    expect(other.seen.filter(({ authorization }) => authorization)).toEqual([]);
  });

  it("of a Request whose copies lead elsewhere [S1]", async () => {
    const vault = await open(api);
    class Own extends Request {
      override clone(): Request {
        return new Request(`${other.url}/elsewhere`, { method: "POST", body: "text" });
      }
    }
    refuseOnce(api);
    await vault.fetch(new Own(`${api.url}/v1`, { method: "POST", body: "text" })).catch(() => {});
    expect(other.seen).toEqual([]);
  });

  it("of a Request with properties of its own, which hide the platform's [S1]", async () => {
    const vault = await open(api);
    const own = (url: string, name: string, value: unknown): Request =>
      Object.defineProperty(new Request(url, { method: "POST", body: "x" }), name, { value });
    const elsewhere = `${other.url}/elsewhere`;
    await vault.fetch(own(elsewhere, "url", `${api.url}/v1`)).catch(() => {});
    refuseOnce(api);
    const copy = (): Request => new Request(elsewhere, { method: "POST", body: "x" });
    await vault.fetch(own(`${api.url}/v1`, "clone", copy)).catch(() => {});
    expect(other.seen.filter(({ authorization }) => authorization)).toEqual([]);
  });

  it("of a Request whose subclass has a `url` of its own, at each hop [S2]", async () => {
    const vault = await open(api);
    class Own extends Request {
      override get url(): string {
        return `${other.url}/x`;
      }
    }
    api.answer = ({ path }, response) => {
      if (path !== "/a/b") return false;
      response.writeHead(302, { location: "next" }).end();
      return true;
    };
    expect((await vault.fetch(new Own(`${api.url}/a/b`))).status).toBe(200);
    expect(api.seen.map(({ path, authorization }) => [path, authorization])).toEqual([
      ["/a/b", "Bearer token-1"],
      ["/a/next", "Bearer token-1"],
    ]);
    expect(other.seen).toEqual([]);
  });

  it("of what only looks like a Request, and is a text to fetch [S1]", async () => {
    const vault = await open(api);
    const input = {
      url: `${api.url}/v1`,
      clone() {},
      headers: {},
      body: null,
      toString: () => `${other.url}/elsewhere`,
    };
    await vault.fetch(input as never).catch(() => {});
    expect(other.seen.filter(({ authorization }) => authorization)).toEqual([]);
  });

  it("of a URL object and a text, under a polluted Object.prototype [S1 S15 F67]", async () => {
    const seen: unknown[] = [];
    const { vault } = bench({
      async fetch(input, init) {
        seen.push([input instanceof Request ? input.url : String(input), { ...init?.headers }]);
        return new Response();
      },
    });
    await vault.adopt({ accessToken: "token" });
    const root: object = Object.prototype;
    Object.defineProperty(root, "clone", { value() {}, configurable: true });
    Object.defineProperty(root, "url", { value: VMS, configurable: true });
    try {
      await vault.fetch(new URL("https://evil.test/"));
      await vault.fetch("https://evil.test/", { cache: "no-store" });
      await vault.fetch(new URL(VMS));
      await vault.fetch(VMS, { cache: "no-store" });
    } finally {
      for (const name of ["clone", "url"]) Reflect.deleteProperty(root, name);
    }
    // Each goes where it says, and the token only where it may.
    const bare = ["https://evil.test/", {}];
    const carried = [VMS, { authorization: "Bearer token" }];
    expect(seen).toEqual([bare, bare, carried, carried]);
  });

  it("of what is another text each time it is asked [S1]", async () => {
    const vault = await open(api);
    let asked = 0;
    const input = { toString: () => (asked++ ? `${other.url}/elsewhere` : `${api.url}/v1`) };
    await vault.fetch(input as never);
    expect(other.seen).toEqual([]);
    expect(api.seen[0]!.authorization).toBe("Bearer token-1");
  });
});

describe("a 401", () => {
  it("whose refresh is refused lets go of its body, and so of its connection", async () => {
    const { vault, api } = await signedIn();
    let cancelled = false;
    const body = new ReadableStream({ cancel: () => void (cancelled = true) });
    api.api = () => new Response(body, { status: 401 });
    api.refresh = () => reply(401, {});
    expect(await rejection(vault.fetch(VMS))).toMatchObject({ code: "sign_in_required" });
    expect(cancelled).toBe(true);
  });

  it("is healed with a body of another realm too [P11]", async () => {
    const vault = await open(api);
    const body = vm.runInNewContext("new Uint8Array([65, 66]).buffer") as ArrayBuffer;
    refuseOnce(api);
    expect((await vault.fetch(`${api.url}/v1`, { method: "POST", body })).status).toBe(200);
    expect(sent().filter((one) => String(one).includes("/v1"))).toEqual([
      ["POST", "/v1", "AB"],
      ["POST", "/v1", "AB"],
    ]);
  });
});

describe("a fetch of the user's own", () => {
  it("that throws at once makes a rejection, with and without an init", async () => {
    const error = new Error("at once");
    const { vault } = bench({
      fetch() {
        throw error;
      },
    });
    await vault.adopt({ accessToken: "token" });
    for (const init of [{}, undefined]) {
      let answer: Promise<Response> | undefined;
      expect(() => (answer = vault.fetch(VMS, init))).not.toThrow();
      expect(await rejection(answer!)).toBe(error);
    }
  });
});

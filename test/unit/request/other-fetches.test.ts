/** The `fetch` of other libraries, which has a `Response`, a `Request` and forms of its own (F75). */
import nodeFetch, * as node from "node-fetch";
import * as undici from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Fetch, VaultRequestInit } from "../../../src/index.ts";
import { open, refuseOnce, serve, type Served } from "../../support/vault-over-server.ts";
import { rejection } from "../../support/vault.ts";

let api: Served;
beforeAll(async () => {
  api = await serve();
});
afterEach(() => api.reset());
afterAll(() => api.close());

interface Library {
  readonly fetch: Fetch;
  readonly Request: new (url: string) => unknown;
  readonly FormData: new () => FormData;
}

/** Their types are their own, too. */
const libraries: Readonly<Record<string, Library>> = {
  "node-fetch": { ...node, fetch: nodeFetch } as unknown as Library,
  undici: undici as unknown as Library,
};

const seen = (): unknown[] =>
  api.seen
    .filter(({ path }) => path !== "/refresh")
    .map(({ method, path, authorization, body }) => [method, path, authorization, body]);

describe.each(Object.entries(libraries))("over %s [F75]", (_, { fetch, Request, FormData }) => {
  it("a call goes out with the token, and its answer is the library's own", async () => {
    const vault = await open(api, { fetch });
    const response = await vault.fetch(`${api.url}/v1`, { method: "POST", body: "text" });
    expect([response.status, await response.text()]).toEqual([200, "ok"]);
    expect(response).not.toBeInstanceOf(Response);
    expect(seen()).toEqual([["POST", "/v1", "Bearer token-1", "text"]]);
  });

  it("a 401 is healed, though its body is no stream that can be cancelled", async () => {
    const vault = await open(api, { fetch });
    refuseOnce(api);
    const response = await vault.fetch(`${api.url}/v1`, { method: "POST", body: "text" });
    expect([response.status, await response.text()]).toEqual([200, "ok"]);
    expect(seen()).toEqual([
      ["POST", "/v1", "Bearer token-1", "text"],
      ["POST", "/v1", "Bearer token-2", "text"],
    ]);
  });

  it("a redirect is followed, and the copies of its answer say so", async () => {
    const vault = await open(api, { fetch });
    api.answer = ({ path }, response) => {
      if (path !== "/v1") return false;
      response.writeHead(302, { location: "/v2" }).end("moved");
      return true;
    };
    const response = await vault.fetch(`${api.url}/v1`);
    const copy = response.clone();
    expect([response.redirected, copy.redirected]).toEqual([true, true]);
    expect([await response.text(), await copy.text()]).toEqual(["ok", "ok"]);
    expect(response.url).toBe(`${api.url}/v2`);
  });

  it("a form of its own arrives as a form, with what it held at the call", async () => {
    const vault = await open(api, { fetch });
    const form = new FormData();
    form.append("name", "ada");
    const sent = vault.fetch(`${api.url}/v1`, { method: "POST", body: form } as VaultRequestInit);
    form.set("name", "spoilt");
    expect((await sent).status).toBe(200);
    expect(api.seen[0]!.body).toContain('name="name"\r\n\r\nada\r\n');
  });

  it("a Request of its own is refused by a sentence that says what to do, and nothing is sent", async () => {
    for (const vault of [await open(api, { fetch }), await open(api)]) {
      const request = new Request(`${api.url}/v1`) as globalThis.Request;
      const error = await rejection(vault.fetch(request));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain("Pass its URL and an init.");
    }
    expect(seen()).toEqual([]);
  });
});

describe("an answer that is hardly one [F75]", () => {
  /** As tests of applications make them. */
  const bare = (status: number, headers: Record<string, string> = {}): Response =>
    ({ status, headers: new Headers(headers), text: async () => "bare" }) as Response;

  it.each([
    ["without a body", {}],
    ["whose body is a text", { body: "text" }],
    ["whose body is null", { body: null }],
  ])("%s: its 401 is healed, and its redirect is followed", async (_, more) => {
    const replies = [bare(302, { location: "/v2" }), bare(401), bare(200)];
    const vault = await open(api, {
      fetch: (input, init) => {
        const isOurs = String(input).includes("/v");
        return isOurs
          ? Promise.resolve({ ...replies.shift()!, ...more } as Response)
          : fetch(input, init);
      },
    });
    const response = await vault.fetch(`${api.url}/v1`);
    expect([response.status, await response.text(), replies]).toEqual([200, "bare", []]);
  });
});

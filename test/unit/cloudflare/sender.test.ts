/** Where a Worker's requests go by the binding of the options, and where by the platform's `fetch`. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CloudflareVault } from "../../../src/cloudflare/proxy.ts";
import { senderTo } from "../../../src/cloudflare/sender.ts";
import type { Owner } from "../../../src/cloudflare/wire.ts";
import type { Fetch, Provider } from "../../../src/types.ts";
import { proxyTo } from "../../support/proxy.ts";

const API = "https://api.acme.example";
const OTHER = "https://eu.acme.example:8443";
const FOREIGN = "https://foreign.example";

const provider = {
  name: "acme",
  origins: [`${API}/v1`, OTHER],
  publicPaths: ["/v1/status"],
  renewal: { rotation: "strict" },
} as unknown as Provider<never>;

interface Sent {
  readonly by: "binding" | "platform";
  readonly url: string;
  readonly method: string;
  readonly authorization: string | null;
  readonly body: string;
}

/** Redirects, by address: a status and where to. */
let moved: Record<string, readonly [number, string]>;
let sent: Sent[];

/** A sender that follows redirects by itself where it may, as the platform's do. */
const sending =
  (by: Sent["by"]): Fetch =>
  async (input, init) => {
    const request = new Request(input, init);
    const { url, method, headers, redirect } = request;
    const body = await request.clone().text();
    sent.push({ by, url, method, authorization: headers.get("authorization"), body });
    const [status, location] = moved[url] ?? [200, undefined];
    if (location === undefined) return Response.json({ url });
    const to = new URL(location, url).href;
    const kept = method === "GET" ? {} : { method, body };
    if (redirect === "follow") return sending(by)(to, { headers, ...kept });
    return new Response(null, { status, headers: { location } });
  };

const binding = sending("binding");

beforeEach(() => {
  moved = {};
  sent = [];
  vi.stubGlobal("fetch", sending("platform"));
});
afterEach(() => void vi.unstubAllGlobals());

function vault(): CloudflareVault {
  const lease = { accessToken: "at-1", sessionId: "s", generation: 1 };
  const owner = { token: async () => ({ revision: 1, lease }) } as unknown as Owner;
  return proxyTo(() => owner, provider, { fetch: senderTo(provider, binding) });
}

const ways = (): string[] => sent.map(({ by, url }) => `${by} ${url}`);

describe("the binding of a Worker sends", () => {
  it("to the provider's origins, to their public and other paths too [S1]", async () => {
    for (const url of [`${API}/v1/vms`, `${API}/v1/status`, `${API}/v2`, `${OTHER}/x`])
      await vault().fetch(url);
    expect(sent.map(({ by }) => by)).toEqual(Array(4).fill("binding"));
    const shown = sent.map(({ authorization }) => authorization !== null);
    expect(shown).toEqual([true, false, false, true]);
  });

  it("and never to another origin: the platform does, and without a token [S1]", async () => {
    const urls = [
      `${FOREIGN}/x`,
      "https://api.acme.example.evil.example/v1",
      "http://api.acme.example/v1",
      "https://eu.acme.example/x",
    ];
    for (const url of urls) await vault().fetch(url);
    await vault().fetch(new URL(`${FOREIGN}/url`));
    await vault().fetch(new Request(`${FOREIGN}/request`, { method: "POST", body: "x" }));
    expect(sent.map(({ by }) => by)).toEqual(Array(6).fill("platform"));
    expect(sent.every(({ authorization }) => authorization === null)).toBe(true);
    expect(sent.at(-1)).toMatchObject({ method: "POST", body: "x" });
  });

  it("not where an object that names its address gives another one the second time [S1]", async () => {
    let asked = 0;
    const shifty = { toString: () => (asked++ % 2 ? `${FOREIGN}/` : `${API}/v1/status`) };
    await vault().fetch(shifty as URL);
    await vault().fetch(shifty as URL);
    expect(ways().filter((way) => way.startsWith("binding https://foreign"))).toEqual([]);
  });
});

describe("at each hop of a redirect the sender is chosen anew", () => {
  it("with a token: away, and back without it [S2 F63]", async () => {
    moved[`${API}/v1/vms`] = [302, `${FOREIGN}/a`];
    moved[`${FOREIGN}/a`] = [302, `${API}/v1/b`];
    const response = await vault().fetch(`${API}/v1/vms`);
    expect(response.redirected).toBe(true);
    expect(ways()).toEqual([
      `binding ${API}/v1/vms`,
      `platform ${FOREIGN}/a`,
      `binding ${API}/v1/b`,
    ]);
    expect(sent.map(({ authorization }) => authorization)).toEqual(["Bearer at-1", null, null]);
  });

  it("of a public path, and of a request with an Authorization of the caller's own [S2 S6]", async () => {
    moved[`${API}/v1/status`] = [302, `${FOREIGN}/a`];
    moved[`${API}/v1/own`] = [307, `${FOREIGN}/b`];
    const response = await vault().fetch(`${API}/v1/status`);
    expect([response.redirected, await response.json()]).toEqual([true, { url: `${FOREIGN}/a` }]);
    const headers = { authorization: "Bearer own" };
    await vault().fetch(`${API}/v1/own`, { method: "POST", headers, body: "x" });
    expect(ways()).toEqual([
      `binding ${API}/v1/status`,
      `platform ${FOREIGN}/a`,
      `binding ${API}/v1/own`,
      `platform ${FOREIGN}/b`,
    ]);
    expect(sent.slice(2)).toMatchObject([
      { method: "POST", body: "x", authorization: "Bearer own" },
      { method: "POST", body: "x", authorization: null },
    ]);
  });

  it("of a Request with a body, which goes along where it is kept [S2]", async () => {
    moved[`${API}/v1/status`] = [307, `${FOREIGN}/a`];
    await vault().fetch(new Request(`${API}/v1/status`, { method: "PUT", body: "bytes" }));
    expect(sent).toMatchObject([
      { by: "binding", method: "PUT", body: "bytes" },
      { by: "platform", method: "PUT", body: "bytes" },
    ]);
  });

  it("and a redirect that the caller does not want followed is the answer", async () => {
    moved[`${API}/v1/status`] = [302, `${FOREIGN}/a`];
    const response = await vault().fetch(`${API}/v1/status`, { redirect: "manual" });
    expect(response.status).toBe(302);
    expect(ways()).toEqual([`binding ${API}/v1/status`]);
  });
});

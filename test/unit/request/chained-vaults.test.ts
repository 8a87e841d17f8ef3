/** A vault that sends through another one: each shows its own token, and neither takes the other's. */
import { describe, expect, it } from "vitest";
import { createVault } from "../../../src/index.ts";
import { createStepUp } from "../../../src/oauth.ts";
import { staticToken } from "../../../src/providers/static-token.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { acme, type FakeApi, fakeApi, ORIGIN } from "../../support/fake-api.ts";
import { bench, closedAfter, refreshes, signedIn, VMS } from "../../support/vault.ts";

const FOREIGN = "https://evil.test";

/** A gateway's vault before an API. */
async function gateway(api: FakeApi, header?: string): Promise<ReturnType<typeof createVault>> {
  const provider = {
    ...staticToken({ name: "gateway", origins: [ORIGIN], dangerouslyAllowInBrowser: true }),
    ...(header !== undefined && { header }),
  };
  const vault = closedAfter(createVault({ provider, store: memoryStore(), fetch: api.fetch }));
  await vault.adopt({ accessToken: "gateway-secret" });
  return vault;
}

const shownIn = (api: FakeApi, header: string): (string | null)[] =>
  api.to("/v1/vms").map(({ headers }) => headers.get(header));

describe("a vault over a vault", () => {
  it("by a step-up gets no token of the other's where a foreign host has led it [S2 F63]", async () => {
    const inner = await signedIn();
    const fetch = createStepUp(inner.vault, {
      onChallenge: async () => {},
    }) as typeof inner.vault.fetch;
    const { vault } = await signedIn({ api: fakeApi(), fetch: fetch as never });
    inner.api.api = ({ url }) => {
      const to = { [VMS]: `${FOREIGN}/a`, [`${FOREIGN}/a`]: `${ORIGIN}/v1/b` }[url];
      return to
        ? new Response(null, { status: 302, headers: { location: to } })
        : new Response("b");
    };
    expect(await (await vault.fetch(VMS)).text()).toBe("b");
    const [last] = inner.api.to("/v1/b");
    expect(last?.headers.get("authorization")).toBeNull();
  });

  it("whose header is the same one sends its own token alone [S6]", async () => {
    const api = fakeApi();
    const { fetch } = await gateway(api);
    const { vault } = await signedIn({ api, fetch });
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect((await vault.fetch(new Request(VMS))).status).toBe(200);
    expect(shownIn(api, "authorization")).toEqual(Array(2).fill("Bearer access-1-secret"));
  });

  it("whose header is another one sends both tokens, after a 401 too [S6 P11]", async () => {
    const api = fakeApi();
    const { fetch } = await gateway(api, "x-gateway-key");
    const { vault } = await signedIn({ api, fetch });
    api.expire();
    expect((await vault.fetch(VMS, { method: "POST", body: "x" })).status).toBe(200);
    expect(shownIn(api, "authorization").at(-1)).toBe("Bearer access-2-secret");
    expect(new Set(shownIn(api, "x-gateway-key"))).toEqual(new Set(["gateway-secret"]));
    expect(refreshes({ api })).toBe(1);
  });

  it("meets a 401 of its own token: it alone refreshes, and two requests go out [P11 P13]", async () => {
    const api = fakeApi();
    const inner = await signedIn({ api: fakeApi() });
    const { vault } = await signedIn({
      api,
      fetch: (input, init) =>
        inner.vault.fetch(input as string, { ...init, fetch: api.fetch } as RequestInit),
    });
    api.expire();
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(shownIn(api, "authorization")).toEqual([
      "Bearer access-1-secret",
      "Bearer access-2-secret",
    ]);
    expect([refreshes({ api }), refreshes(inner)]).toEqual([1, 0]);
  });

  it("whose header is another one sends both tokens along a redirect that both list [S2]", async () => {
    const api = fakeApi();
    const { fetch } = await gateway(api, "x-gateway-key");
    const { vault } = await signedIn({ api, fetch });
    api.api = ({ url }) =>
      url === VMS
        ? new Response(null, { status: 302, headers: { location: "/v1/moved" } })
        : new Response("the end");
    expect(await (await vault.fetch(VMS)).text()).toBe("the end");
    const [hop] = api.to("/v1/moved");
    expect(hop?.headers.get("authorization")).toBe("Bearer access-1-secret");
    expect(hop?.headers.get("x-gateway-key")).toBe("gateway-secret");
  });

  it.each([
    ["an address that neither lists", "https://other.test/", {}],
    ["a header of the caller's own", VMS, { headers: { authorization: "own" } }],
    ["a body that is made", "https://other.test/", { method: "POST", body: () => "made" }],
    ["a no-cors call", VMS, { mode: "no-cors" }],
  ] as const)("that one call brings: %s is sent once [S1 S6]", async (_, url, init) => {
    const one = await signedIn();
    const other = await signedIn();
    const before = one.api.calls.length;
    await one.vault.fetch(url, { ...init, fetch: other.vault.fetch }).catch(() => {});
    await one.vault.fetch(url, { ...init, fetch: one.vault.fetch }).catch(() => {});
    expect([one.api.calls.length - before, other.api.calls.length - before]).toEqual([1, 1]);
  });

  it.each([
    ["a foreign host leads back", [ORIGIN], [`${FOREIGN}/a`, `${ORIGIN}/b`]],
    ["an API that the other does not list leads there", [FOREIGN], [`${FOREIGN}/a`]],
    ["its own token had to stay behind", [ORIGIN, FOREIGN], [`${FOREIGN}/a`]],
  ])("gets no token of the other's where %s [S2 F63]", async (_, listed, places) => {
    const api = fakeApi();
    const inner = bench({ api, provider: acme({ origins: listed }) });
    await inner.vault.adopt({ accessToken: "inner" });
    const outer = bench({ api, fetch: inner.vault.fetch, provider: acme({ origins: [ORIGIN] }) });
    await outer.vault.adopt({ accessToken: "outer" });
    const left = [...places];
    api.api = () => {
      const location = left.shift();
      return location === undefined
        ? new Response("the end")
        : new Response(null, { status: 302, headers: { location } });
    };
    await (await outer.vault.fetch(VMS)).text();
    expect(api.calls.map(({ headers }) => headers.get("authorization"))).toEqual([
      "Bearer outer",
      ...places.map(() => null),
    ]);
  });
});

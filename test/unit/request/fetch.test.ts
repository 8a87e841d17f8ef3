/** `vault.fetch`, seen from the calls that `fetch` gets. With real servers: `contracts/fetch`. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { createVault, type VaultRequestInit } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { settle } from "../../support/clock.ts";
import { acme, ORIGIN, reply } from "../../support/fake-api.ts";
import { bench, refreshes, rejection, signedIn, VMS } from "../../support/vault.ts";

const tokenOf = (call: { headers: Headers } | undefined): string | null | undefined =>
  call?.headers.get("authorization");

describe("what passes untouched", () => {
  it("what goes elsewhere: the very arguments, without a session too [S1]", async () => {
    const { vault, api } = bench();
    api.api = () => new Response();
    const request = new Request("https://other.test/a");
    const url = new URL("https://other.test/b");
    const init = Object.freeze({ method: "POST", body: "x" });
    await vault.fetch(request);
    await vault.fetch(url, init);
    await vault.fetch("https://other.test/c", init);
    expect(api.calls.map(({ input, init }) => [input, init])).toEqual([
      [request, undefined],
      [url, init],
      ["https://other.test/c", init],
    ]);
    expect(api.calls[0]!.input).toBe(request);
  });

  it("a page's navigation in a service worker", async () => {
    const { vault, api } = await signedIn();
    // No constructor makes such a request; a worker's fetch event brings it.
    const request = Object.defineProperty(new Request(VMS), "mode", { value: "navigate" });
    await vault.fetch(request);
    expect(api.calls.at(-1)!.input).toBe(request);
    expect(api.calls.at(-1)!.init).toBeUndefined();
    expect(tokenOf(api.calls.at(-1))).toBeNull();
  });

  it("a no-cors request, from which browsers would drop the token in silence", async () => {
    const { vault, api } = await signedIn();
    await vault.fetch(VMS, { mode: "no-cors" });
    await vault.fetch(new Request(VMS, { mode: "no-cors" }));
    expect(api.to("/v1/vms").map(tokenOf)).toEqual([null, null]);
  });

  it("a body function is made up for a bare call too", async () => {
    const { vault, api } = bench();
    api.api = () => new Response();
    await vault.fetch("https://other.test/", { method: "POST", body: () => "made" });
    expect(api.calls[0]!.body).toBe("made");
  });
});

function form(fields: Readonly<Record<string, string>>): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.append(name, value);
  return made;
}

describe("a 401", () => {
  it("the same token brought back is not sent again [F19]", async () => {
    const { vault, api } = await signedIn();
    api.refresh = () => reply(200, { access_token: "access-1-secret", refresh_token: "r-2" });
    api.expire();
    expect((await vault.fetch(VMS)).status).toBe(401);
    expect(api.to("/v1/vms")).toHaveLength(1);
    expect(refreshes({ api })).toBe(1);
  });

  it("both sends have the same bytes, also those of a mutated body [P11]", async () => {
    const { vault, api } = await signedIn();
    api.expire();
    const bodies = [
      new TextEncoder().encode("first"),
      new URLSearchParams({ a: "first" }),
      new TextEncoder().encode("first").buffer,
    ] as const;
    const calls = bodies.map((body) => vault.fetch(VMS, { method: "POST", body }));
    bodies[0].fill(120);
    bodies[1].set("a", "second");
    new Uint8Array(bodies[2]).fill(120);
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200]);
    const sent = api.to("/v1/vms").map(({ body }) => body);
    expect(sent.sort()).toEqual(["a=first", "a=first", "first", "first", "first", "first"]);
  });

  it.each([
    ["parameters", () => new URLSearchParams({ a: "first" })],
    ["a form", () => form({ a: "first" })],
  ])("both sends have the same bytes, though the sender changes %s [P11 F68]", async (_, make) => {
    const { vault, api } = await signedIn();
    api.expire();
    const seen: unknown[] = [];
    const send: typeof fetch = (input, init) => {
      const body = init!.body as FormData;
      seen.push([...body]);
      body.append("b", "a sender's");
      return api.fetch(input, { ...init, body: "" });
    };
    const response = await vault.fetch(VMS, { method: "POST", body: make(), fetch: send });
    expect(response.status).toBe(200);
    expect(seen).toEqual([[["a", "first"]], [["a", "first"]]]);
  });

  it("the reply that is not given back is let go", async () => {
    const { vault, api } = await signedIn();
    let cancelled = false;
    api.api = ({ headers }) =>
      headers.get("authorization") === "Bearer access-1-secret"
        ? new Response(new ReadableStream({ cancel: () => void (cancelled = true) }), {
            status: 401,
          })
        : new Response();
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(cancelled).toBe(true);
  });

  it("of a static token is the answer: nothing can renew it", async () => {
    const { renewal: _, ...provider } = acme();
    const { vault, api, events } = bench({ provider });
    await vault.adopt({ accessToken: "static" });
    expect((await vault.fetch(VMS)).status).toBe(401);
    expect(api.calls).toHaveLength(1);
    expect(events.map(({ type }) => type)).not.toContain("retried");
  });

  it("a 401 right after a refresh waits, so that two servers' whims cost a bounded number [P13]", async () => {
    const { vault, api, clock } = await signedIn();
    api.expire();
    await vault.fetch(VMS);
    api.expire();
    const since = clock.running();
    expect((await clock.until(vault.fetch(`${VMS}/other`))).status).toBe(200);
    expect(clock.running() - since).toBeGreaterThanOrEqual(5_000);
    expect(refreshes({ api })).toBe(2);
  });

  it("waitUntil holds a refresh in the background", async () => {
    const { vault, api, clock } = await signedIn();
    await clock.advance(2_800_000);
    const held: Promise<unknown>[] = [];
    const waitUntil = (promise: Promise<unknown>): void => void held.push(promise);
    expect((await vault.fetch(VMS, { waitUntil })).status).toBe(200);
    expect(held.length).toBeGreaterThan(0);
    await Promise.all(held);
    expect(refreshes({ api })).toBe(1);
    expect(await vault.getToken()).toBe("access-2-secret");
  });

  it("waitUntil holds the refresh after a stream's 401, which is returned", async () => {
    const { vault, api } = await signedIn();
    api.expire();
    const held: Promise<unknown>[] = [];
    const init = {
      method: "POST",
      body: new Blob(["x"]).stream(),
      duplex: "half",
      waitUntil: (promise: Promise<unknown>) => void held.push(promise),
    };
    expect((await vault.fetch(VMS, init as VaultRequestInit)).status).toBe(401);
    expect(held.length).toBeGreaterThan(0);
    await Promise.all(held);
    expect(await vault.getToken()).toBe("access-2-secret");
  });

  it("a failing refresh after a stream's 401 is nobody's unhandled rejection", async () => {
    const { vault, api } = await signedIn();
    api.expire();
    api.refresh = () => reply(401, {});
    const init = { method: "POST", body: new Blob(["x"]).stream(), duplex: "half" };
    expect((await vault.fetch(VMS, init as VaultRequestInit)).status).toBe(401);
    // Vitest fails the run if it is.
    await settle();
    expect(vault.snapshot().status).toBe("sign-in-required");
  });
});

describe("what fetch rejects with", () => {
  it("passes through, unchanged", async () => {
    const { vault, api } = await signedIn();
    const error = new TypeError("the network's own");
    api.api = () => {
      throw error;
    };
    expect(await rejection(vault.fetch(VMS))).toBe(error);
    expect(refreshes({ api })).toBe(0);
  });

  it("the caller's reason of an abort too", async () => {
    const { vault } = await signedIn();
    const reason = new Error("mine");
    expect(await rejection(vault.fetch(VMS, { signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  it("globalThis.fetch is looked up at each call, so that it can be replaced", async () => {
    const vault = createVault({ provider: acme(), store: memoryStore() });
    await vault.adopt({ accessToken: "token" });
    vi.stubGlobal("fetch", async () => new Response("replaced"));
    expect(await (await vault.fetch(VMS)).text()).toBe("replaced");
    vi.unstubAllGlobals();
  });
});

describe("a polluted Object.prototype", () => {
  const root: object = Object.prototype;
  const pollute = (name: string, value: unknown): void =>
    void Object.defineProperty(root, name, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  const polluted: [string, unknown][] = [
    ["redirect", "error"],
    ["mode", "no-cors"],
    ["credentials", "include"],
    ["method", "DELETE"],
    ["headers", { "x-polluted": "1" }],
    ["cache", "force-cache"],
    ["keepalive", true],
    ["referrerPolicy", "unsafe-url"],
    ["authorization", "Bearer polluted"],
  ];
  afterEach(() => polluted.forEach(([name]) => Reflect.deleteProperty(root, name)));

  it.each(polluted)(".%s changes no token request [S15]", async (name, value) => {
    const { vault, api } = bench();
    const { email, password } = { email: "a", password: "b" };
    pollute(name, value);
    await vault.signIn({ email, password });
    await vault.getToken({ rejected: await vault.getToken() });
    Reflect.deleteProperty(root, name);
    expect(api.calls.map(({ url }) => url)).toEqual([`${ORIGIN}/login`, `${ORIGIN}/refresh`]);
    for (const { method, headers, init } of api.calls) {
      const { redirect, mode, credentials, cache } = init!;
      expect({ method, redirect, mode, credentials, cache }).toEqual({
        method: "POST",
        redirect: "manual",
        mode: "cors",
        credentials: "omit",
        cache: "no-store",
      });
      expect([...headers.keys()].sort()).toEqual(["accept", "content-type"]);
    }
  });

  it.each(polluted)(
    ".%s changes no call without init, as with fetch(url) [S15]",
    async (name, value) => {
      const { vault, api } = await signedIn();
      // Made before: the platform's own constructor reads what is inherited, with or without us.
      const request = new Request(VMS);
      pollute(name, value);
      await vault.fetch(VMS).catch(() => {});
      await vault.fetch(request).catch(() => {});
      Reflect.deleteProperty(root, name);
      const calls = api.to("/v1/vms");
      expect(calls).toHaveLength(2);
      for (const { method, headers } of calls) {
        expect(method).toBe("GET");
        expect([...headers]).toEqual([["authorization", "Bearer access-1-secret"]]);
      }
    },
  );

  it("an inherited name in headers is no Authorization: fetch does not send it [S6 S15]", async () => {
    const { vault, api } = await signedIn();
    const headers = Object.create({ authorization: "Bearer inherited" }) as Record<string, string>;
    headers["accept"] = "text/x-own";
    await vault.fetch(VMS, { headers });
    expect(tokenOf(api.calls.at(-1))).toBe("Bearer access-1-secret");
    expect(api.calls.at(-1)!.headers.get("accept")).toBe("text/x-own");
  });
});

describe("a fetch of one call's own", () => {
  it("sends both times and every hop of a redirect, but no secret of the token endpoint [S1 P11]", async () => {
    const { vault, api } = await signedIn();
    const seen: string[] = [];
    const own: typeof fetch = async (input, init) => {
      seen.push(`${String(input)} ${new Headers(init?.headers).get("authorization")}`);
      if (String(input) === VMS) return reply(307, {}, { location: "/v1/moved" });
      return api.fetch(input, init);
    };
    api.expire();
    const response = await vault.fetch(VMS, { fetch: own });
    expect(response.status).toBe(200);
    const both = (token: string): string[] => [VMS, `${ORIGIN}/v1/moved`].map((u) => u + token);
    expect(seen).toEqual([...both(" Bearer access-1-secret"), ...both(" Bearer access-2-secret")]);
    await vault.fetch("https://other.test/", { fetch: own });
    expect(seen.at(-1)).toBe("https://other.test/ null");
  });

  it("an inherited one sends nothing [S15]", async () => {
    const { vault, api } = await signedIn();
    const thief = vi.fn(async () => new Response("{}"));
    const root: object = Object.prototype;
    Object.defineProperty(root, "fetch", { value: thief, configurable: true });
    try {
      await vault.fetch(VMS, { method: "POST" });
      await vault.fetch(VMS);
      await vault.fetch("https://other.test/", {});
    } finally {
      Reflect.deleteProperty(root, "fetch");
    }
    expect(thief).not.toHaveBeenCalled();
    expect(api.calls).toHaveLength(4);
  });
});

/**
 * Following redirects in Node (S2), seen from the calls that `fetch` gets: what a server cannot
 * see, and odd servers. Against real servers, and in browsers: `contracts/fetch/redirects`.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import type { VaultRequestInit } from "../../../src/index.ts";
import { acme, type Answer, fakeApi, ORIGIN, type SeenCall } from "../../support/fake-api.ts";
import { bench, rejection } from "../../support/vault.ts";

const START = `${ORIGIN}/start`;
const LISTED = "https://files.acme.test";
const FOREIGN = "https://evil.test";
const TOKEN = "Bearer token";

const redirect = (location: string, status = 302): Response =>
  new Response(null, { status, headers: { location } });

/** Sends one call through redirects to these places, and gives what went out. */
async function follow(
  places: readonly (string | Response)[],
  init?: VaultRequestInit,
  input: string | Request = START,
): Promise<{ calls: SeenCall[]; response: Response }> {
  const { vault, api } = bench({ provider: acme({ origins: [ORIGIN, LISTED] }) });
  await vault.adopt({ accessToken: "token" });
  const left = [...places];
  api.api = () => {
    const next = left.shift();
    if (next === undefined) return new Response("the end");
    return typeof next === "string" ? redirect(next) : next;
  };
  const response = await vault.fetch(input, init);
  return { calls: api.calls, response };
}

const tokens = ({ calls }: { calls: SeenCall[] }): (string | null)[] =>
  calls.map(({ headers }) => headers.get("authorization"));

describe("where a redirect leads", () => {
  it.each([
    ["nobody may change", Object.freeze(new Response("the end")), false],
    ["was redirected to before", new Response("the end"), true],
  ])("a reply that %s is an answer all the same [law 6 S2]", async (_, end, isMarked) => {
    for (const _ of [1, 2]) {
      const { response } = await follow([`${LISTED}/a`, end]);
      expect([response.status, response.redirected]).toEqual([200, isMarked]);
    }
  });

  it("the token goes along on listed origins only, and once off the list it does not come back [S2 F63]", async () => {
    const gone = await follow([`${LISTED}/a`, `${FOREIGN}/b`, `${FOREIGN}/c`, `${ORIGIN}/d`]);
    expect(gone.calls.map(({ url }) => url)).toEqual([
      START,
      `${LISTED}/a`,
      `${FOREIGN}/b`,
      `${FOREIGN}/c`,
      `${ORIGIN}/d`,
    ]);
    expect(tokens(gone)).toEqual([TOKEN, TOKEN, null, null, null]);
    expect(gone.response.redirected).toBe(true);
    expect(await gone.response.text()).toBe("the end");
  });

  it.each([
    `http://api.acme.test/a`,
    `https://api.acme.test.evil.test/a`,
    `https://api.acme.test:8443/a`,
    `//evil.test/a`,
    `\\\\evil.test\\a`,
  ])("not to %s [S1 S2 S3]", async (location) => {
    expect(tokens(await follow([location]))).toEqual([TOKEN, null]);
  });

  it.each([
    ["/a", `${ORIGIN}/a`],
    ["a?b", `${ORIGIN}/a?b`],
    ["?b", `${ORIGIN}/start?b`],
    ["//files.acme.test/a", `${LISTED}/a`],
  ])("%s is relative to the hop before [S2]", async (location, url) => {
    const { calls } = await follow([location]);
    expect(calls[1]!.url).toBe(url);
    expect(calls[1]!.headers.get("authorization")).toBe(TOKEN);
  });

  it("a Location's bytes are read as Node's own fetch reads them: as UTF-8 [S2]", async () => {
    const seen: string[] = [];
    const places: Readonly<Record<string, string>> = {
      "/1": "/caf\u00e9?x=\u20ac%20%c3%a9#\u00fc",
      "/2": "/plain%2Fpath?x=%",
    };
    const server = createServer(({ url = "" }, response) => {
      seen.push(url);
      if (!(url in places)) return void response.end();
      const location = Buffer.from(places[url]!).toString("latin1");
      response.writeHead(302, { location }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { vault } = bench({
      provider: acme({ origins: [origin] }),
      fetch,
      dangerouslyAllowLoopbackHttp: true,
    });
    await vault.adopt({ accessToken: "token" });
    for (const path of Object.keys(places)) {
      const plain = await (await fetch(origin + path)).text();
      expect(await (await vault.fetch(origin + path)).text()).toBe(plain);
    }
    server.close();
    server.closeAllConnections();
    const to = ["/caf%C3%A9?x=%E2%82%AC%20%c3%a9", "/plain%2Fpath?x=%"];
    expect(seen).toEqual([1, 2].flatMap((n) => [`/${n}`, to[n - 1], `/${n}`, to[n - 1]]));
  });

  it("a Location that is no UTF-8 is taken as the runtime gives it [S2]", async () => {
    for (const location of ["/caf\u00e9", "/%E9"])
      expect((await follow([location])).calls[1]!.url).toBe(new URL(location, ORIGIN).href);
  });

  it("the fragment is kept, unless the redirect has its own [S2]", async () => {
    const kept = await follow(["/a", `${LISTED}/b`], {}, `${START}#part`);
    expect(kept.calls.map(({ url }) => new URL(url).hash)).toEqual(["#part", "#part", "#part"]);
    const own = await follow(["/a#own", "/b"], {}, `${START}#part`);
    expect(own.calls.map(({ url }) => new URL(url).hash)).toEqual(["#part", "#own", "#own"]);
  });

  it.each(["data:text/plain,x", "javascript:0", "blob:https://api.acme.test/1", "ftp://x.test/"])(
    "%s is refused, as fetch refuses it [S2]",
    async (location) => {
      expect(await rejection(follow([location]))).toBeInstanceOf(TypeError);
    },
  );

  it("the refusal does not repeat the address, which may hold secrets [S4]", async () => {
    const error = await rejection(follow(["ftp://x.test/?code=in-the-address"]));
    expect(String(error.stack) + String(error.cause)).not.toContain("in-the-address");
  });

  it.each([200, 204, 300, 304, 305, 306, 399])("%i is an answer", async (status) => {
    const headers = { location: `${FOREIGN}/` };
    const { calls, response } = await follow([new Response(null, { status, headers })]);
    expect(calls).toHaveLength(1);
    expect(response.status).toBe(status);
    expect(response.redirected).toBe(false);
  });
});

describe("what goes along", () => {
  it("a caller's secrets do not cross origins, other headers do [S2]", async () => {
    const headers = { cookie: "a=b", "proxy-authorization": "Basic x", "x-own": "kept" };
    const { calls } = await follow(["/a", `${LISTED}/b`], { headers });
    const names = (call: SeenCall): string[] => [...call.headers.keys()].sort();
    expect(names(calls[1]!)).toEqual(["authorization", "cookie", "proxy-authorization", "x-own"]);
    expect(names(calls[2]!)).toEqual(["authorization", "x-own"]);
  });

  it("a body that is dropped takes its headers along [S2]", async () => {
    const headers = {
      "content-type": "text/x-own",
      "content-language": "en",
      "content-encoding": "x",
      "content-location": "/x",
      "x-own": "kept",
    };
    const init = { method: "POST", body: "text", headers };
    const dropped = (await follow([redirect("/a", 303)], init)).calls[1]!;
    expect(dropped).toMatchObject({ method: "GET", body: "" });
    expect([...dropped.headers.keys()].sort()).toEqual(["authorization", "x-own"]);
    const kept = (await follow([redirect("/a", 307)], init)).calls[1]!;
    expect(kept).toMatchObject({ method: "POST", body: "text" });
    expect(kept.headers.get("content-type")).toBe("text/x-own");
  });

  it.each([
    ["HEAD", 303, "HEAD"],
    ["GET", 303, "GET"],
    ["PUT", 303, "GET"],
    ["DELETE", 303, "GET"],
    ["post", 301, "GET"],
    ["put", 302, "PUT"],
    ["PATCH", 302, "PATCH"],
    // Fetch makes no capitals of this one.
    ["patch", 307, "patch"],
  ])("%s after a %i is %s [S2]", async (method, status, expected) => {
    const { calls } = await follow([redirect("/a", status)], { method });
    expect(calls[1]!.method).toBe(expected);
  });

  it("a stream is not sent again after a 307, but dropped by a 303 [S2]", async () => {
    const init = (): VaultRequestInit =>
      ({ method: "POST", body: new Blob(["x"]).stream(), duplex: "half" }) as VaultRequestInit;
    expect(await rejection(follow([redirect("/a", 307)], init()))).toBeInstanceOf(TypeError);
    expect((await follow([redirect("/a", 303)], init())).calls[1]).toMatchObject({ body: "" });
  });

  it("a body is the same at each hop, whatever its owner does to it meanwhile [P11]", async () => {
    const { vault, api } = bench();
    await vault.adopt({ accessToken: "token" });
    const body = new TextEncoder().encode("first");
    let hops = 0;
    const answer: Answer = () => ((hops += 1) < 4 ? redirect("/a", 308) : new Response());
    api.api = answer;
    const call = vault.fetch(START, { method: "POST", body });
    body.fill(120);
    await call;
    expect(api.calls.map((call) => call.body)).toEqual(["first", "first", "first", "first"]);
  });

  it("the caller's signal holds at every hop, in init and on a Request [P14]", async () => {
    for (const way of ["init", "request"]) {
      const { vault, api } = bench();
      await vault.adopt({ accessToken: "token" });
      const controller = new AbortController();
      const { signal } = controller;
      api.api = async ({ url, input, init }) => {
        if (url === START) return redirect("/a");
        controller.abort();
        // What fetch would do with the signal that it got.
        (init?.signal ?? (input instanceof Request ? input.signal : undefined))?.throwIfAborted();
        return new Response();
      };
      const call =
        way === "init"
          ? vault.fetch(START, { signal })
          : vault.fetch(new Request(START, { signal }));
      expect(await rejection(call)).toMatchObject({ name: "AbortError" });
      expect(api.calls).toHaveLength(2);
    }
  });

  it.each([{ body: undefined }, { body: null }, { method: undefined }, { signal: undefined }])(
    "what init leaves open is the Request's at every hop: %o [S2]",
    async (open) => {
      const { signal } = new AbortController();
      const request = new Request(START, { method: "PUT", body: "of a request", signal });
      const { calls } = await follow([redirect("/a", 307), "/b"], open as never, request);
      expect(calls.map(({ method, body }) => [method, body])).toEqual(
        Array.from({ length: 3 }, () => ["PUT", "of a request"]),
      );
      // A Request's own signal, and those of its copies, follow the one that it was given.
      for (const { init } of calls.slice(1)) expect(init!.signal).toBeInstanceOf(AbortSignal);
    },
  );

  it("what a Request says of cache, credentials and mode holds at every hop [S2]", async () => {
    const init = { cache: "no-store", credentials: "omit", mode: "same-origin" } as const;
    const { calls } = await follow(["/a", redirect("/b", 303)], {}, new Request(START, init));
    expect(calls).toHaveLength(3);
    for (const call of calls.slice(1)) expect(call.init).toMatchObject(init);
  });

  it.each([{}, { method: "POST", body: "x" }])(
    "the mode same-origin is not led to another origin, in init and on a Request (%j) [S2]",
    async (init) => {
      const only = { ...init, mode: "same-origin" } as const;
      for (const [given, input] of [
        [only, START] as const,
        [{}, new Request(START, only)] as const,
      ])
        for (const place of [`${FOREIGN}/a`, `${LISTED}/a`])
          expect(await rejection(follow([place], given, input))).toBeInstanceOf(TypeError);
    },
  );

  it("a Request's body gets no type at a hop that its headers do not have [S2]", async () => {
    const request = new Request(START, { method: "POST", body: "text" });
    const { calls } = await follow([redirect("/a", 307)], { headers: { "x-own": "1" } }, request);
    expect(calls[1]).toMatchObject({ method: "POST", body: "text" });
    expect((calls[1]!.init!.body as Blob).type).toBe("");
  });

  it("what init says beside the body holds at every hop [S2]", async () => {
    const init = { cache: "no-store", credentials: "omit", keepalive: true } as const;
    for (const places of [["/a"], [redirect("/a", 303)], [redirect("/a", 307)]]) {
      const { calls } = await follow(places, { ...init, method: "POST", body: "x" });
      expect(calls[1]!.init).toMatchObject({ ...init, redirect: "manual" });
    }
  });
});

describe("a fetch of the user's own that takes its time", () => {
  it.each([undefined, { method: "POST", body: "text" }])(
    "still sees that it must not follow (%j) [S2]",
    async (init) => {
      const api = fakeApi();
      api.api = () => new Response("ok");
      const modes: unknown[] = [];
      const { vault } = bench({
        api,
        async fetch(input, given) {
          await Promise.resolve();
          modes.push(given?.redirect);
          return api.fetch(input, given);
        },
      });
      await vault.adopt({ accessToken: "token" });
      await vault.fetch(START, init);
      expect(modes).toEqual(["manual"]);
    },
  );
});

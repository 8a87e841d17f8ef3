/** The 401 rule, by what the source of tokens is asked for and what goes out. */
import { describe, expect, it } from "vitest";
import { VaultError } from "../../../src/errors.ts";
import { endpointOf } from "../../../src/request/endpoint.ts";
import { rejection } from "../../support/vault.ts";
import { ORIGIN, stage, status, token, tokens, VMS } from "./given-source.ts";

const healing = [status(401), status(200)];
const ENDPOINT = endpointOf("session-a", "GET", VMS);

describe("a second send", () => {
  it("goes out with a later token of the same session [P11]", async () => {
    const one = stage({
      replies: healing,
      getToken: ({ rejected }) => token(rejected ? 2 : 1),
    });
    expect((await one.fetch(VMS)).status).toBe(200);
    expect(tokens(one)).toEqual(["Bearer token-1", "Bearer token-2"]);
    expect(one.retried).toEqual([2]);
  });

  it.each([
    ["another session's", token(2, { sessionId: "session-b" })],
    ["the same", token(1)],
    ["the same under a later number", token(2, { accessToken: "token-1" })],
    ["an earlier one", token(0)],
  ])("does not go out with %s token: the 401 is the answer [F103 F19]", async (_, got) => {
    const one = stage({
      replies: healing,
      getToken: ({ rejected }) => (rejected ? got : token(1)),
    });
    const init = { method: "POST", body: "alice's" };
    expect((await one.fetch(VMS, init)).status).toBe(401);
    expect(tokens(one)).toEqual(["Bearer token-1"]);
    expect(one.retried).toEqual([]);
  });

  it("is not waited for in vain: patience that ends there gives the 401 back [F51]", async () => {
    const body = new Response("whose fault it is", { status: 401 });
    const one = stage({
      replies: [() => body],
      getToken: ({ rejected }) =>
        rejected ? Promise.reject(new VaultError("refresh_failed")) : token(1),
    });
    const response = await one.fetch(VMS);
    expect([response.status, await response.text()]).toEqual([401, "whose fault it is"]);
  });

  it.each(["sign_in_required", "store_unavailable", "closed"] as const)(
    "that cannot be had rejects with %s, and lets go of the reply [P9]",
    async (code) => {
      let isLetGo = false;
      const body = new ReadableStream({ cancel: () => void (isLetGo = true) });
      const one = stage({
        replies: [() => new Response(body, { status: 401 })],
        getToken: ({ rejected }) => (rejected ? Promise.reject(new VaultError(code)) : token(1)),
      });
      expect(await rejection(one.fetch(VMS))).toMatchObject({ code });
      expect(isLetGo).toBe(true);
    },
  );
});

describe("one patience for a whole call", () => {
  it("the second wait is told how long the first has taken [F51]", async () => {
    let now = 0;
    const one = stage({
      replies: healing,
      ready: () => undefined,
      running: () => now,
      async getToken({ rejected }) {
        if (!rejected) now += 12_000;
        return token(rejected ? 2 : 1);
      },
    });
    await one.fetch(VMS);
    expect(one.needs.map(({ waited }) => waited)).toEqual([undefined, 12_000]);
  });
});

describe("an endpoint", () => {
  it("is told by a hash of origin, method and path, salted by the session [F42]", async () => {
    const one = stage({ replies: [status(401)], getToken: () => token(1) });
    await one.fetch(`${VMS}?secret=1#x`);
    await one.fetch(VMS, { method: "POST", body: "x" });
    const post = endpointOf("session-a", "POST", VMS);
    const named = one.needs.filter(({ rejected }) => rejected).map(({ endpoint }) => endpoint);
    expect(named).toEqual([ENDPOINT, post]);
    expect(
      new Set([
        ENDPOINT,
        post,
        endpointOf("session-b", "GET", VMS),
        endpointOf("session-a", "GET", `${VMS}/1`),
        endpointOf("session-a", "GET", "https://other.test/v1/vms"),
      ]).size,
    ).toBe(5);
    expect(ENDPOINT).toMatch(/^[0-9a-f]{16}$/);
    expect(endpointOf("session-a", "get", `${VMS}?y`)).toBe(ENDPOINT);
  });

  it("is not told apart from another by chance: 20,000 paths, as many hashes", () => {
    const hashes = Array.from({ length: 20_000 }, (_, n) => endpointOf("s", "GET", `${VMS}/${n}`));
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(new Set(hashes.map((hash) => hash.slice(0, 8))).size).toBeGreaterThan(19_900);
  });

  it("is named at a slow start, once a session is known, and not on the warm path", async () => {
    let isWarm = true;
    const one = stage({ ready: () => (isWarm ? token(1) : undefined) });
    await one.fetch(VMS);
    await one.fetch(VMS, { cache: "no-store" });
    expect(one.needs).toEqual([]);
    isWarm = false;
    await one.fetch(VMS);
    expect(one.needs.map(({ endpoint }) => endpoint)).toEqual([ENDPOINT]);
  });

  it("is asked for while the source watches: its token may have ended for it alone [F42]", async () => {
    const watched = token(1, { isWatched: true });
    const one = stage({ ready: () => watched, getToken: () => token(2, { isWatched: true }) });
    await one.fetch(VMS);
    expect(one.needs.map(({ endpoint }) => endpoint)).toEqual([ENDPOINT]);
    expect(tokens(one)).toEqual(["Bearer token-2"]);
  });

  it.each([
    [200, true],
    [204, true],
    [304, true],
    [403, true],
    [404, true],
    [429, true],
    [401, false],
    [500, false],
    [503, false],
  ])(
    "that answers %i while the source watches: whether it let the token through is %s [F42]",
    async (code, isTold) => {
      const watched = token(1, { isWatched: true });
      const one = stage({ replies: [status(code)], getToken: () => watched });
      for (const init of [undefined, { cache: "no-store" } as const]) await one.fetch(VMS, init);
      expect(one.passed).toEqual(
        isTold
          ? [
              [ENDPOINT, watched],
              [ENDPOINT, watched],
            ]
          : [],
      );
    },
  );

  it("that fails on the network says nothing, nor does any while nobody watches [F42]", async () => {
    const failing = stage({
      replies: [() => Promise.reject(new TypeError("fetch failed"))],
      getToken: () => token(1, { isWatched: true }),
    });
    await rejection(failing.fetch(VMS));
    const idle = stage();
    await idle.fetch(VMS);
    expect([failing.passed, idle.passed]).toEqual([[], []]);
  });

  it("that heals, and one that refuses the newer token too, is told to a source that watches [F42]", async () => {
    const getToken = ({ rejected }: { rejected?: unknown }) =>
      rejected ? token(2, { isWatched: true }) : token(1);
    const healed = stage({ replies: healing, getToken });
    await healed.fetch(VMS);
    expect(healed.passed).toEqual([[ENDPOINT, token(2, { isWatched: true })]]);
    const stubborn = stage({ replies: [status(401)], getToken });
    expect((await stubborn.fetch(VMS)).status).toBe(401);
    expect(stubborn.sent).toHaveLength(2);
    expect(stubborn.needs.map(({ rejected }) => rejected?.generation)).toEqual([undefined, 1, 2]);
  });
});

describe("what has gone out bare because its origin is not listed", () => {
  it("is told once for each origin, whatever the path [F88]", async () => {
    const one = stage();
    const urls = ["http://localhost/a", "http://localhost/b", "http://127.0.0.1/", "data:,x", "//"];
    for (const url of urls) await one.fetch(url);
    await one.fetch(new URL("http://localhost/c"));
    await one.fetch(VMS);
    expect(one.bare).toEqual(["http://localhost", "http://127.0.0.1"]);
  });

  it("is told of no listed origin, though the request is bare for another reason [F88]", async () => {
    const one = stage();
    await one.fetch(VMS, { headers: { authorization: "Basic x" } });
    await one.fetch(VMS, { mode: "no-cors" });
    await one.fetch(`https://user@${ORIGIN.slice(8)}/`);
    expect(one.bare).toEqual([]);
  });

  it("is remembered of so many origins only", async () => {
    const one = stage();
    for (let n = 0; n < 300; n++) await one.fetch(`https://${n}.test/`);
    expect(one.bare).toHaveLength(256);
  });
});

describe("a promise that inherits an access token", () => {
  it("is none: what somebody has put on Object.prototype is not sent [F67 S15]", async () => {
    const one = stage({ getToken: async () => token(1) });
    const root: object = Object.prototype;
    Object.defineProperty(root, "accessToken", { value: "X", configurable: true });
    try {
      await one.fetch(VMS);
      await one.fetch(VMS, { cache: "no-store" });
    } finally {
      Reflect.deleteProperty(root, "accessToken");
    }
    expect(tokens(one)).toEqual(["Bearer token-1", "Bearer token-1"]);
  });
});

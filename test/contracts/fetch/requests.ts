/** What a `Request` or an init says about the call is kept: the vault only adds the token. */
import { describe, expect, it } from "vitest";
import { echoOf, outcome, type Stage } from "./stage.ts";

/** The same resource with a token that plain fetch has, and one that the vault adds. */
const token = { authorization: "Bearer plain" };

export function requests(stage: Stage): void {
  describe("what a call says", () => {
    it.each(["GET", "POST", "PUT", "DELETE"])(
      "the method %s is kept at both sends",
      async (method) => {
        const { api, vault } = await stage.open();
        await api.expireAccessTokens();
        const url = `${api.url}/v1/echo`;
        for (const request of stage.faithful ? [true, false] : [false, false]) {
          const answer = request
            ? vault.fetch(new Request(url, { method }))
            : vault.fetch(url, { method });
          expect(await echoOf(answer)).toMatchObject({ method });
        }
        expect(await api.counters()).toMatchObject({ byPath: { [`${method} /v1/echo`]: 3 } });
      },
    );

    it("a URL object is taken, as it was at the call", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const url = new URL(`${api.url}/v1/echo?n=1`);
      const answer = vault.fetch(url);
      url.search = "?n=2";
      await echoOf(answer);
      expect((await api.counters()).sends).toEqual({ 1: 2 });
    });

    it.runIf(stage.faithful)("a Request's headers are kept at both sends", async () => {
      const { api, vault } = await stage.open({
        cors: { allowHeaders: ["authorization", "content-type", "x-own"] },
      });
      await api.expireAccessTokens();
      const headers = { "x-own": "kept", "accept-language": "tlh" };
      const seen = await echoOf(vault.fetch(new Request(`${api.url}/v1/echo`, { headers })));
      expect(seen.headers).toMatchObject(headers);
      expect(seen.tokenIndex).toBe(2);
    });

    // Elsewhere `Request` itself takes what lies there, whatever it is given.
    it.runIf(typeof document === "object" && stage.faithful)(
      "what somebody has put on Object.prototype is no part of it, at neither send [S15]",
      async () => {
        const { api, vault } = await stage.open();
        await api.expireAccessTokens();
        const polluted = Object.prototype as Record<string, unknown>;
        const forged = {
          method: "DELETE",
          body: "forged",
          headers: { "accept-language": "tlh" },
          mode: "same-origin",
          redirect: "error",
          referrer: "/forged",
          referrerPolicy: "unsafe-url",
          integrity: "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        };
        let response: Response;
        try {
          Object.assign(polluted, forged);
          response = await vault.fetch(`${api.url}/v1/echo`, { cache: "no-store" });
        } finally {
          for (const name of Object.keys(forged)) delete polluted[name];
        }
        const { method, headers, body } = await echoOf(response);
        expect({ method, body: body || undefined }).toEqual({ method: "GET", body: undefined });
        expect(headers["accept-language"]).not.toBe("tlh");
        expect(headers["referer"]).not.toContain("forged");
      },
    );

    const referrers: readonly RequestInit[] = [
      { referrerPolicy: "unsafe-url" },
      { referrerPolicy: "no-referrer" },
      { referrerPolicy: "origin" },
      { referrer: "/own/page", referrerPolicy: "unsafe-url" },
      { referrer: "" },
      { keepalive: true, referrer: "/own/page", referrerPolicy: "unsafe-url" },
    ];
    // Only pages have something to refer to.
    it.runIf(typeof document === "object").each(referrers)(
      "referrer and policy are kept on a Request and in init: %o",
      async (init) => {
        const { api, vault } = await stage.open();
        const url = `${api.url}/public/echo`;
        const { headers } = await echoOf(fetch(url, { ...init, headers: token }));
        for (const vaulted of [
          vault.fetch(new Request(url, init)),
          vault.fetch(url, init),
          vault.fetch(new Request(url, init), { headers: { accept: "*/*" } }),
        ])
          expect((await echoOf(vaulted)).headers["referer"]).toBe(headers["referer"]);
      },
    );

    // Each of them changes how plain fetch ends, in one runtime or the other.
    const modes: readonly RequestInit[] = [
      { credentials: "include" },
      { credentials: "omit" },
      { mode: "same-origin" },
      { mode: "cors" },
      { integrity: "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
      { cache: "only-if-cached", mode: "same-origin" },
    ];
    it.each(modes)("a call ends as with fetch: %o", async (init) => {
      const { api, vault } = await stage.open();
      const url = `${api.url}/public/echo`;
      const plain = await outcome(fetch(url, { ...init, headers: token }));
      expect(await outcome(vault.fetch(url, init))).toBe(plain);
      // Some runtimes refuse it as early as in the request.
      expect(await outcome((async () => vault.fetch(new Request(url, init)))())).toBe(plain);
      expect(await outcome(vault.fetch(new Request(url), init))).toBe(plain);
    });

    // Browsers take 64 KiB of all requests that outlive their page, and no more.
    it("keepalive is kept: what is too long for that is refused where fetch refuses it", async () => {
      const { api, vault } = await stage.open();
      const url = `${api.url}/public/echo`;
      const init = { method: "POST", keepalive: true, body: "x".repeat(70_000) };
      const plain = await outcome(fetch(url, { ...init, headers: token }));
      expect(await outcome(vault.fetch(url, init))).toBe(plain);
      // Beyond the list, too.
      const { url: other } = await stage.spawn();
      expect(await outcome(vault.fetch(`${other}/public/echo`, init))).toBe(plain);
    });

    it.each(["manual", "error"] as const)("redirect mode %s is kept [S2]", async (redirect) => {
      const { api, vault } = await stage.open();
      const url = `${api.url}/public/echo`;
      await api.fault("api", { times: "always", redirect: `${api.url}/v1/echo`, status: 302 });
      const plain = await outcome(fetch(url, { redirect, headers: token }));
      expect(await outcome(vault.fetch(url, { redirect }))).toBe(plain);
      const asRequest = async (): Promise<Response> => vault.fetch(new Request(url, { redirect }));
      expect(await outcome(asRequest())).toBe(plain);
      expect(plain).toMatch(redirect === "error" ? /^rejected/ : /^(0|302) /);
      expect((await api.counters()).byPath).not.toHaveProperty("GET /v1/echo");
    });

    it("what fetch refuses is refused in the same way", async () => {
      const { api, vault } = await stage.open();
      const url = `${api.url}/v1/echo`;
      let sent = 0;
      for (const init of [
        { method: "GET", body: "a body" },
        { method: "TRACE" },
        { method: "not a token" },
        { headers: { "not a name": "x" } },
      ]) {
        const plain = await outcome(fetch(url, init));
        if (plain.startsWith("rejected")) expect(await outcome(vault.fetch(url, init))).toBe(plain);
        else sent += 1;
      }
      expect(sent).toBe(stage.departs.includes("refusals") ? 1 : 0);
      expect((await api.counters()).byPath["GET /v1/echo"] ?? 0).toBe(sent);
    });

    const isStrict = stage.faithful && !stage.departs.includes("refusals");
    it
      .runIf(isStrict)
      .each<readonly [string, unknown]>([
        ...["POST", "", 5, 0, true, false, 1n].map(
          (init) => [`${typeof init} ${init}`, init] as const,
        ),
        ["a symbol", Symbol("init")],
        ["null", null],
        ["a function", () => {}],
        ["a list", []],
        ["an init whose headers are null", { headers: null }],
        ["an init whose headers are an empty text", { headers: "" }],
        ["an init whose headers are a text", { headers: "accept: */*" }],
        ["an init whose headers are a number", { headers: 3 }],
        ["an init whose headers are a function", { headers: () => {} }],
        ["an init whose headers are no pairs", { headers: [["accept"]] }],
        ["an init whose signal is a text", { signal: "aborted" }],
      ])("%s is refused where fetch refuses it, and taken where it is taken", async (_, given) => {
      const { api, vault } = await stage.open();
      const url = `${api.url}/public/echo`;
      const init = given as RequestInit;
      const plain = await outcome((async () => fetch(url, init))());
      expect(await outcome(vault.fetch(url, init))).toBe(plain);
      const ofRequest = await outcome((async () => fetch(new Request(url), init))());
      expect(await outcome(vault.fetch(new Request(url), init))).toBe(ofRequest);
      // Beyond the list, too.
      const { url: other } = await stage.spawn();
      expect(await outcome(vault.fetch(`${other}/public/echo`, init))).toBe(plain);
    });

    it("fetch may be taken off the vault", async () => {
      const { api, vault } = await stage.open();
      const { fetch } = vault;
      expect(await echoOf(fetch(`${api.url}/v1/echo`))).toMatchObject({ tokenIndex: 1 });
    });
  });
}

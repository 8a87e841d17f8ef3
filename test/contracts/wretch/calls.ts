/** What a call through wretch comes to: healed, refused, bare, streamed. */
import { afterEach, describe, expect, it } from "vitest";
import wretch, { type Wretch } from "wretch";
import { dedupe } from "wretch/middlewares";
import { createVault, type VaultError } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { vaultAddon, vaultMiddleware } from "../../../src/wretch.ts";
import { type Echo, providerFor } from "../fetch/stage.ts";
import { ended, stubborn, type WretchStage } from "./chains.ts";

export function calls(stage: WretchStage): void {
  describe("wretch: what it does", () => {
    it("a 401 is healed: one refresh, the same bytes again [P11 F20]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const echo = await wretch(`${api.url}/v1`)
        .middlewares([vaultMiddleware(vault)])
        .post({ name: "ü" }, "/echo?n=1")
        .json<Echo>();
      expect(echo).toMatchObject({ body: '{"name":"ü"}', tokenIndex: 2, method: "POST" });
      expect(echo.headers["content-type"]).toBe("application/json");
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, sends: { 1: 2 } });
    });

    it("fifty at once after an expiry: one refresh [P1]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const client = wretch(`${api.url}/v1`).middlewares([vaultMiddleware(vault)]);
      const all = Array.from({ length: 50 }, (_, n) => client.get(`/echo?n=${n}`).json<Echo>());
      for (const { tokenIndex } of await Promise.all(all)) expect(tokenIndex).toBe(2);
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, maxSendsPerRequestId: 2 });
    });

    it("a 401 that stays comes to .unauthorized(), after two sends [P11]", async () => {
      const { api, vault } = await stage.open();
      await api.fault("api", { status: 401, body: { error: "no" }, times: "always" });
      const seen = await wretch(`${api.url}/v1`)
        .middlewares([vaultMiddleware(vault)])
        .post("x", "/echo?n=1")
        .unauthorized(({ status, message }) => `${status} ${message}`)
        .text();
      expect(seen).toBe('401 {"error":"no"}');
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, sends: { 1: 2 } });
    });

    it("other errors are wretch's as ever: 403, 404, 429 [P17]", async () => {
      const { api, vault } = await stage.open();
      const client = wretch(`${api.url}/v1`).middlewares([vaultMiddleware(vault)]);
      expect(
        await client
          .get("/nothing")
          .notFound(() => "not found")
          .text(),
      ).toBe("not found");
      await api.fault("api", { status: 403, body: "firewall" });
      expect(
        await client
          .get("/me")
          .forbidden(({ message }) => message)
          .text(),
      ).toBe("firewall");
      await api.fault("api", { status: 429 });
      expect(
        await client
          .get("/me")
          .error(429, () => "slower")
          .text(),
      ).toBe("slower");
      expect(await api.counters()).toMatchObject({ tokenCalls: 0 });
    });

    it("vault errors come to .error, .fetchError and .catch, with their code [S4]", async () => {
      const { api, vault } = await stage.open();
      await vault.signOut();
      const client = wretch(`${api.url}/v1`).middlewares([vaultMiddleware(vault)]);
      const code = (error: unknown): unknown => (error as VaultError).code;
      expect(await client.get("/me").error("VaultError", code).json()).toBe("no_session");
      expect(await client.get("/me").fetchError(code).json()).toBe("no_session");
      expect(await client.get("/me").json().catch(code)).toBe("no_session");
      expect((await api.counters()).byPath).not.toHaveProperty("GET /v1/me");
    });

    it("a caller's own Authorization wins and switches the vault off [S6]", async () => {
      const { api, vault } = await stage.open();
      const client = wretch(`${api.url}/v1`).middlewares([vaultMiddleware(vault), stubborn()]);
      // As without a vault: four sends each, a POST's too.
      for (const name of ["Authorization", "authorization"]) {
        const call = client
          .headers({ [name]: "Bearer own" })
          .post("x", "/me")
          .res();
        expect(await ended(call)).toBe("Number of attempts exceeded.");
      }
      expect(await api.counters()).toMatchObject({ tokenCalls: 0, unauthorized: 8 });
    });

    it("to another origin a request goes bare, and every middleware works as ever [S1]", async () => {
      const { vault } = await stage.open();
      const other = await stage.spawn();
      await other.fault("api", { status: 503, times: 2 });
      const echo = await wretch(other.url)
        .middlewares([vaultMiddleware(vault), stubborn(), dedupe()])
        .post({ a: 1 }, "/public/echo?n=1")
        .json<Echo>();
      expect(echo).toMatchObject({ authorization: false, body: '{"a":1}' });
      expect(await other.counters()).toMatchObject({ sends: { 1: 3 } });
    });
  });

  describe("wretch: a base URL tricked to another host", () => {
    const LISTED = "https://api.vmcloud.com";
    const bearer = "Bearer token";

    it.each([
      [".evil.com/x", null],
      ["@evil.com/x", null],
      [":443@evil.com/", null],
      [":8443/x", null],
      ["%2eevil.com/", null],
      ["\t.evil.com/", null],
      ["/v1/vms", bearer],
      ["/@evil.com", bearer],
      ["\\@evil.com/x", bearer],
      ["", bearer],
    ])("%j is judged as what is sent [S1]", async (path, expected) => {
      const seen: unknown[] = [];
      const vault = createVault({
        provider: providerFor(LISTED),
        store: memoryStore(),
      });
      await vault.adopt({ accessToken: "token" });
      const network = async (url: string, init: RequestInit): Promise<Response> => {
        let sent: Request;
        try {
          sent = new Request(url, init);
        } catch (error) {
          // As fetch does with userinfo and with addresses that are none: nothing is sent.
          seen.push(new Headers(init.headers).get("authorization"));
          throw error;
        }
        seen.push(sent.headers.get("authorization"));
        expect(new URL(sent.url).origin === LISTED).toBe(expected === bearer);
        return new Response("{}");
      };
      for (const client of [
        wretch(LISTED).middlewares([vaultMiddleware(vault)]),
        wretch(LISTED).addon(vaultAddon(vault)),
      ])
        await ended(client.fetchPolyfill(network).get(path).res());
      expect(seen).toEqual([expected, expected]);
      vault.close();
    });
  });

  describe("wretch: streams", () => {
    it.runIf(stage.streams)("a stream is sent once, its 401 is the answer [P11 F21]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const client = wretch(`${api.url}/v1`, { duplex: "half" })
        .middlewares([vaultMiddleware(vault)])
        .content("text/plain");
      const stream = new Blob(["streamed"]).stream();
      const first = client.post(stream, "/echo?n=1").unauthorized(() => "401");
      expect(await first.text()).toBe("401");
      const again = client.post(new Blob(["streamed"]).stream(), "/echo?n=2");
      expect(await again.json<Echo>()).toMatchObject({ body: "streamed" });
      expect(await api.counters()).toMatchObject({ sends: { 1: 1, 2: 1 } });
    });

    it("a function as body makes it anew [P11]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const echo = await wretch(`${api.url}/v1`)
        .middlewares([vaultMiddleware(vault)])
        .body(() => new Blob(["made anew"]))
        .post(undefined, "/echo?n=1")
        .json<Echo>();
      expect(echo).toMatchObject({ body: "made anew", tokenIndex: 2 });
    });
  });

  describe("wretch: a polluted Object.prototype", () => {
    const root: object = Object.prototype;
    afterEach(() => {
      for (const name of ["authorization", "skipDedupe", "fetch"])
        Reflect.deleteProperty(root, name);
    });

    it("brings no Authorization to a bare request, nor takes one away [S15]", async () => {
      const { api, vault } = await stage.open();
      const other = await stage.spawn();
      const client = (url: string): Wretch => wretch(url).middlewares([vaultMiddleware(vault)]);
      for (const [name, value] of [
        ["authorization", "Bearer polluted"],
        ["fetch", async () => new Response("{}")],
      ] as const)
        Object.defineProperty(root, name, { value, configurable: true, writable: true });
      const bare = client(other.url).get("/public/echo").json<Echo>();
      const own = client(api.url).post("x", "/v1/echo").json<Echo>();
      const [first, second] = await Promise.all([bare, own]);
      for (const name of ["authorization", "fetch"]) Reflect.deleteProperty(root, name);
      expect(first).toMatchObject({ authorization: false });
      expect(second).toMatchObject({ authorization: true, tokenIndex: 1 });
    });
  });
}

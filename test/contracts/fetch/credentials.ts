/** One place sets `Authorization`, and a caller's own wins (S6). */
import { describe, expect, it } from "vitest";
import type { VaultRequestInit } from "../../../src/index.ts";
import { echoOf, type Stage } from "./stage.ts";

const spellings = ["authorization", "Authorization", "AUTHORIZATION", "aUtHoRiZaTiOn"];

/** Every container in which `fetch` takes headers; the last one can be read only once. */
const containers: Readonly<Record<string, (name: string, value: string) => HeadersInit>> = {
  "a plain object": (name, value) => ({ accept: "text/x-own", [name]: value }),
  "an object without prototype": (name, value) =>
    Object.assign(Object.create(null) as Record<string, string>, { [name]: value }),
  "an array": (name, value) => [
    ["accept", "text/x-own"],
    [name, value],
  ],
  Headers: (name, value) => new Headers({ [name]: value }),
  "a Map": (name, value) => new Map([[name, value]]) as unknown as HeadersInit,
  "an iterator": (name, value) =>
    new Headers({ [name]: value }).entries() as unknown as HeadersInit,
};

/** Whether this runtime reads such a container: happy-dom takes objects and arrays only. */
const isTaken = (name: string): boolean =>
  new Headers(containers[name]!("x-own", "1")).has("x-own");

export function credentials(stage: Stage): void {
  describe("Authorization", () => {
    describe.each(Object.keys(containers).filter(isTaken))("in %s", (name) => {
      const make = containers[name]!;

      it("a caller's own wins in every spelling, and its 401 is the answer [S6]", async () => {
        const { api, vault } = await stage.open();
        for (const spelling of spellings) {
          const headers = (): HeadersInit => make(spelling, "Basic YTpi");
          const seen = await echoOf(vault.fetch(`${api.url}/public/echo`, { headers: headers() }));
          expect(seen).toMatchObject({ authorization: true, tokenIndex: null });
          const refused = await vault.fetch(`${api.url}/v1/echo?n=1`, { headers: headers() });
          expect(refused.status).toBe(401);
        }
        expect(await api.counters()).toMatchObject({ tokenCalls: 0, sends: { 1: 4 } });
      });

      it("other headers keep their values, and the vault adds its own, at each send [S6]", async () => {
        const { api, vault } = await stage.open();
        await api.expireAccessTokens();
        const headers = make("content-type", "text/x-test");
        const init: VaultRequestInit = { method: "POST", body: "x", headers };
        const seen = await echoOf(vault.fetch(`${api.url}/v1/echo?n=1`, init));
        expect(seen).toMatchObject({ tokenIndex: 2, headers: { "content-type": "text/x-test" } });
        expect((await api.counters()).sends).toEqual({ 1: 2 });
      });
    });

    it.runIf(stage.faithful)(
      "a Request's own wins, unless init's headers replace it [S6]",
      async () => {
        const { api, vault } = await stage.open();
        const request = (): Request =>
          new Request(`${api.url}/public/echo`, { headers: { Authorization: "Basic YTpi" } });
        expect(await echoOf(vault.fetch(request()))).toMatchObject({
          authorization: true,
          tokenIndex: null,
        });
        const replaced = await echoOf(
          vault.fetch(request(), { headers: { accept: "text/x-own" } }),
        );
        expect(replaced).toMatchObject({ tokenIndex: 1, headers: { accept: "text/x-own" } });
      },
    );

    it("a header whose name merely looks alike does not count [S6]", async () => {
      const { api, vault } = await stage.open({
        cors: {
          allowHeaders: ["authorization", "content-type", "x-authorization", "authorization2"],
        },
      });
      const headers = { "x-authorization": "a", authorization2: "b" };
      expect(await echoOf(vault.fetch(`${api.url}/public/echo`, { headers }))).toMatchObject({
        tokenIndex: 1,
        headers,
      });
    });

    it("no header is added but Authorization [S6]", async () => {
      const { api, vault } = await stage.open();
      const url = `${api.url}/public/echo`;
      const calls: readonly (() => [string | Request, VaultRequestInit?])[] = [
        () => [url],
        () => [url, {}],
        () => [url, { headers: { accept: "text/x-own" } }],
        () => [url, { method: "POST", body: "text" }],
        () => [url, { method: "POST", body: new URLSearchParams({ a: "1" }) }],
        () => [new Request(url)],
        () => [new Request(url, { method: "PUT", body: "text" })],
      ];
      const last = stage.faithful ? (stage.departs.includes("lengths") ? -1 : undefined) : -2;
      for (const call of calls.slice(0, last)) {
        const vaulted = await echoOf(vault.fetch(...call()));
        const plain = await echoOf(fetch(...(call() as Parameters<typeof fetch>)));
        expect([vaulted.authorization, plain.authorization]).toEqual([true, false]);
        expect(vaulted.headers).toEqual(plain.headers);
      }
    });

    it("nothing that the caller gave is changed [S6]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const headers = Object.freeze({ accept: "text/x-own" });
      const init = Object.freeze({ headers, method: "POST", body: "x" });
      await echoOf(vault.fetch(`${api.url}/v1/echo`, init));
      expect(init).toEqual({ headers: { accept: "text/x-own" }, method: "POST", body: "x" });

      const bag = new Headers(headers);
      await echoOf(vault.fetch(`${api.url}/v1/echo`, { headers: bag }));
      expect([...bag]).toEqual([["accept", "text/x-own"]]);

      const request = new Request(`${api.url}/v1/echo`, { headers });
      expect((await vault.fetch(request)).ok).toBe(stage.faithful);
      expect(request.headers.has("authorization")).toBe(false);
    });

    it("a retry has the headers of the call, whatever its owner does to them meanwhile [P11]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const own = (): Record<string, string> => ({ accept: "text/x-first" });
      const [object, bag, init] = [own(), new Headers(own()), { headers: own() }];
      const request = new Request(`${api.url}/v1/echo`, { headers: own() });
      const url = `${api.url}/v1/echo`;
      const calls = [
        vault.fetch(url, { headers: object }),
        vault.fetch(url, { headers: bag }),
        vault.fetch(url, init),
        ...(stage.faithful ? [vault.fetch(request)] : []),
      ];
      object["accept"] = "text/x-second";
      bag.set("accept", "text/x-second");
      init.headers = { accept: "text/x-second" };
      request.headers.set("accept", "text/x-second");
      const seen = await Promise.all(calls.map((call) => echoOf(call)));
      expect(seen.map(({ headers }) => headers["accept"])).toEqual(seen.map(() => "text/x-first"));
      expect((await api.counters()).unauthorized).toBe(calls.length);
    });
  });
}

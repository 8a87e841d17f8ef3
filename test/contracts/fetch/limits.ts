/** How much of a `Request`'s body is kept for a second send (F100). */
import { describe, expect, it } from "vitest";
import { echoOf, hidesRedirects, type Stage } from "./stage.ts";

const MIB = 1_048_576;

const requestOf = (url: string, size: number): Request =>
  new Request(url, {
    method: "POST",
    body: new Blob([new Uint8Array(size).fill(97)]),
    headers: { "content-type": "text/x-own" },
  });

export function limits(stage: Stage): void {
  // Firefox does not show a Request's body, and has no streams in one.
  const isShown = "body" in Request.prototype;

  describe.runIf(stage.faithful)("a Request's body", () => {
    it("of one MiB is sent again after a 401, byte for byte [F100 P11]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const seen = await echoOf(vault.fetch(requestOf(`${api.url}/v1/echo?n=1`, MIB)));
      expect(seen).toMatchObject({ bytes: MIB, tokenIndex: 2, method: "POST" });
      expect(seen.headers["content-type"]).toBe("text/x-own");
      expect((await api.counters()).sends).toEqual({ 1: 2 });
    });

    it.runIf(isShown)(
      "of more is sent once: its 401 is the answer, and the next call is fresh [F100 P11]",
      async () => {
        const { api, vault } = await stage.open();
        await api.expireAccessTokens();
        const request = requestOf(`${api.url}/v1/echo?n=1`, MIB + 1);
        expect((await vault.fetch(request)).status).toBe(401);
        const seen = await echoOf(vault.fetch(requestOf(`${api.url}/v1/echo?n=2`, MIB + 1)));
        expect(seen).toMatchObject({ bytes: MIB + 1, tokenIndex: 2 });
        const { sends, tokenCalls } = await api.counters();
        expect({ sends, tokenCalls }).toEqual({ sends: { 1: 1, 2: 1 }, tokenCalls: 1 });
      },
    );

    it("given in init, a text of any length is sent again: it is there already [F100 P11]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const init = { method: "POST", body: "a".repeat(2 * MIB) };
      const seen = await echoOf(vault.fetch(`${api.url}/v1/echo?n=1`, init));
      expect(seen).toMatchObject({ bytes: 2 * MIB, tokenIndex: 2 });
    });

    it.runIf(!hidesRedirects)("goes along a redirect that wants it [F100 S2]", async () => {
      const { api, vault } = await stage.open();
      await api.fault("api", { redirect: `${api.url}/v1/echo?n=2`, status: 308 });
      const seen = await echoOf(vault.fetch(requestOf(`${api.url}/v1/echo?n=1`, MIB)));
      expect(seen).toMatchObject({ bytes: MIB, tokenIndex: 1, method: "POST" });
    });
  });
}

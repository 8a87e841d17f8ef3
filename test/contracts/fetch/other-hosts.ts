/**
 * What a host beyond the list says is believed by nobody, and no request is repeated that a redirect has
 * made another one (S18, F62).
 */
import { describe, expect, it } from "vitest";
import type { VaultRequestInit } from "../../../src/index.ts";
import { hidesRedirects, snapshotOf, type Stage } from "./stage.ts";

const statuses = [301, 302, 303, 307, 308];

const calls: Readonly<Record<string, VaultRequestInit>> = {
  GET: {},
  POST: { method: "POST", body: "pay" },
  PUT: { method: "PUT", body: "pay" },
};

export function strangers(stage: Stage): void {
  describe("what comes from elsewhere", () => {
    describe.each(statuses)("after a %i", (status) => {
      it.each(Object.keys(calls))(
        "%s: a 401 of an unlisted host refreshes nothing and is not answered by a second send [F62 S18]",
        async (name) => {
          const { api, vault } = await stage.open();
          const foreign = await stage.spawn();
          await api.fault("api", { redirect: `${foreign.url}/v1/echo?n=far`, status });
          const response = await vault.fetch(`${api.url}/v1/echo?n=near`, calls[name]);
          expect(response.status).toBe(401);
          expect(await api.counters()).toMatchObject({ tokenCalls: 0, sends: { near: 1 } });
          expect((await foreign.counters()).sends).toEqual({ far: 1 });
          expect((await snapshotOf(vault)).status).toBe("signed-in");
        },
      );

      it.each(["POST", "PUT"])(
        "a %s that has become a GET is not sent again; the call after it is fresh [S18 P11]",
        async (method) => {
          const becomesGet = status === 303 || (status < 303 && method === "POST");
          const { api, vault } = await stage.open();
          await api.expireAccessTokens();
          await api.fault("api", { redirect: `${api.url}/v1/echo?n=2`, status });
          const init = { method, body: "pay" };
          const response = await vault.fetch(`${api.url}/v1/echo?n=1`, init);
          const isRepeated = !becomesGet && !hidesRedirects;
          expect(response.status).toBe(isRepeated ? 200 : 401);
          expect((await vault.fetch(`${api.url}/v1/echo?n=3`)).status).toBe(200);
          const { sends, tokenCalls } = await api.counters();
          expect({ tokenCalls, first: sends["1"] }).toEqual({
            tokenCalls: 1,
            first: isRepeated ? 2 : 1,
          });
        },
      );
    });

    it("a 401 of an unlisted host, from which a redirect led back, refreshes nothing where redirects are shown [F63 S18]", async () => {
      const { api, vault } = await stage.open();
      const foreign = await stage.spawn();
      await api.fault("api", { redirect: `${foreign.url}/v1/next` });
      await foreign.fault("api", { redirect: `${api.url}/v1/echo?n=back` });
      const response = await vault.fetch(`${api.url}/v1/echo?n=near`);
      if (hidesRedirects) return;
      expect(response.status).toBe(401);
      const { tokenCalls, sends } = await api.counters();
      expect({ tokenCalls, sends }).toEqual({ tokenCalls: 0, sends: { near: 1, back: 1 } });
    });

    it.runIf(hidesRedirects)(
      "a 401 of another listed origin, where the browser has taken the token off, is the answer [S18]",
      async () => {
        const other = await stage.spawn();
        const { api, vault } = await stage.open({}, { alsoListed: [other.url] });
        await api.fault("api", { redirect: `${other.url}/v1/echo?n=far` });
        expect((await vault.fetch(`${api.url}/v1/echo?n=near`)).status).toBe(401);
        expect(await api.counters()).toMatchObject({ tokenCalls: 0, sends: { near: 1 } });
        expect((await other.counters()).sends).toEqual({ far: 1 });
      },
    );
  });
}

/** Under wretch a token is kept apart in whichever header its provider shows it. */
import { describe, expect, it } from "vitest";
import wretch, { type ConfiguredMiddleware, type Wretch } from "wretch";
import { dedupe, throttlingCache } from "wretch/middlewares";
import { vmcloud } from "../../../src/providers/vmcloud.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { vaultAddon, vaultMiddleware } from "../../../src/wretch.ts";
import { ada, grace } from "../../apis/vmcloud-data.ts";
import { type Echo, hidesRedirects } from "../fetch/stage.ts";
import { ended, relentless, type WretchStage } from "./chains.ts";

const presentation = { header: "X-API-Key" };

const sharers: Readonly<Record<string, () => ConfiguredMiddleware>> = {
  dedupe: () => dedupe(),
  throttlingCache: () => throttlingCache({ throttle: 60_000 }),
};

export function presentations(stage: WretchStage): void {
  describe("wretch: a token in a header of its own", () => {
    it("is shown, healed, and goes along with an Authorization of the caller's [S6]", async () => {
      const { api, vault } = await stage.open({}, { presentation });
      await api.expireAccessTokens();
      const client = wretch(`${api.url}/v1`).middlewares([vaultMiddleware(vault)]);
      const echo = await client.auth("Bearer own").post("x", "/echo?n=1").json<Echo>();
      expect(echo).toMatchObject({ tokenIndex: 2, authorization: true, body: "x" });
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, sends: { 1: 2 } });
    });

    it.each(Object.keys(sharers))(
      "one %s for two accounts gives nobody what is another's [F61 S11]",
      async (name) => {
        const { api, vault: first } = await stage.open({}, { presentation });
        const second = stage.make({
          provider: { ...vmcloud({ baseURL: api.url }), ...presentation },
          store: memoryStore(),
          dangerouslyAllowLoopbackHttp: true,
        });
        await second.signIn({ email: grace.email, password: grace.password });
        const shared = sharers[name]!();
        const base = wretch(`${api.url}/v1`);
        const ways: readonly ((vault: typeof first) => Wretch)[] = [
          (vault) => base.middlewares([vaultMiddleware(vault), shared]),
          (vault) => base.middlewares([shared]).addon(vaultAddon(vault)) as Wretch,
        ];
        for (const way of ways) {
          const calls = [first, second].map((vault) =>
            way(vault).get("/me").json<{ email: string }>(),
          );
          const got = await Promise.all(calls);
          expect(got.map(({ email }) => email)).toEqual([ada.email, grace.email]);
        }
        second.close();
      },
    );

    it("a POST is not sent again by a retry behind the vault [P11]", async () => {
      const { api, vault } = await stage.open({}, { presentation });
      await api.fault("api", { status: 503, times: "always" });
      const client = wretch(`${api.url}/v1`).middlewares([vaultMiddleware(vault), relentless()]);
      expect(await ended(client.post("x", "/echo?n=1").res())).not.toBe("answered");
      expect(await api.counters()).toMatchObject({ sends: { 1: 1 } });
    });

    it("reaches no other origin by a redirect [S2]", async () => {
      const { api, vault } = await stage.open({}, { presentation });
      const foreign = await stage.spawn({ cors: { allowHeaders: ["x-api-key"] } });
      await api.fault("api", { redirect: `${foreign.url}/public/echo` });
      const client = wretch(`${api.url}/v1`).middlewares([vaultMiddleware(vault)]);
      const call = client.get("/start").json<Echo>();
      if (hidesRedirects) expect(await ended(call)).not.toBe("answered");
      else expect((await call).headers).not.toHaveProperty("x-api-key");
      expect((await foreign.counters()).requests).toBe(hidesRedirects ? 0 : 1);
    });
  });
}

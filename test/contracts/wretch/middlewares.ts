/**
 * What wretch's middlewares do with retries and accounts elsewhere they do not do here, in whatever
 * order they are listed.
 */
import { afterEach, describe, expect, it } from "vitest";
import wretch, { type ConfiguredMiddleware, type Wretch, type WretchOptions } from "wretch";
import { dedupe, retry, throttlingCache } from "wretch/middlewares";
import { createVault, type Vault, type VaultError } from "../../../src/index.ts";
import type { PasswordCredentials } from "../../../src/providers/password.ts";
import { vmcloud } from "../../../src/providers/vmcloud.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { vaultAddon, vaultMiddleware } from "../../../src/wretch.ts";
import type { SpawnedApi } from "../../apis/client.ts";
import { ada, grace } from "../../apis/vmcloud-data.ts";
import { type Echo, hidesRedirects, providerFor } from "../fetch/stage.ts";
import { ended, orders, relentless, stubborn, type WretchStage } from "./chains.ts";

export function retries(stage: WretchStage): void {
  describe("wretch: retries", () => {
    const cases: [string, () => ConfiguredMiddleware[]][] = [
      ["retry", () => [stubborn()]],
      ["a relentless retry", () => [relentless()]],
      ["retry, twice", () => [stubborn(), relentless()]],
      ["retry among others", () => [dedupe(), stubborn(), throttlingCache()]],
    ];
    // The chain is JavaScript like any other. Of an engine one thing is asked: that it reads the
    // header when it sends, and one case shows that.
    if (!stage.streams) cases.splice(1);
    describe.each(Object.keys(orders))("%s", (order) => {
      it.each(cases)(
        "a POST that is answered 401, %s: two sends at most [P11]",
        async (_, make) => {
          const { api, vault } = await stage.open();
          await api.fault("api", { status: 401, times: "always" });
          const client = orders[order]!(`${api.url}/v1`, vault as never, make());
          expect(await ended(client.post("x", "/echo?n=1").res())).not.toBe("answered");
          const { sends, tokenCalls } = await api.counters();
          expect([1, 2]).toContain(sends["1"]);
          expect(tokenCalls).toBeLessThanOrEqual(1);
        },
      );

      it.each(cases)("a POST that is answered 503, %s: one send [P11]", async (_, make) => {
        const { api, vault } = await stage.open();
        await api.fault("api", { status: 503, times: "always" });
        const client = orders[order]!(`${api.url}/v1`, vault as never, make());
        expect(await ended(client.post("x", "/echo?n=1").res())).not.toBe("answered");
        expect(await api.counters()).toMatchObject({ sends: { 1: 1 } });
      });

      it.each(cases)("a POST whose reply is lost, %s: one send [P11]", async (_, make) => {
        const { api, vault } = await stage.open();
        await api.fault("api", { dropReply: "after", times: "always" });
        const client = orders[order]!(`${api.url}/v1`, vault as never, make());
        expect(await ended(client.post("x", "/echo?n=1").res())).not.toBe("answered");
        const sends = stage.departs.includes("sends") ? 2 : 1;
        expect(await api.counters()).toMatchObject({ sends: { 1: sends } });
      });

      it.each(cases)("a GET that is answered 503 once, %s: asked again", async (_, make) => {
        const { api, vault } = await stage.open();
        await api.fault("api", { status: 503 });
        const client = orders[order]!(`${api.url}/v1`, vault as never, make());
        expect(await client.get("/echo?n=1").json<Echo>()).toMatchObject({ tokenIndex: 1 });
        expect(await api.counters()).toMatchObject({ sends: { 1: 2 } });
      });
    });

    it("before the vault, retry sees what is healed: one refresh and two sends of a POST [P11]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const echo = await wretch(`${api.url}/v1`)
        .middlewares([stubborn(), vaultMiddleware(vault)])
        .post("x", "/echo?n=1")
        .json<Echo>();
      expect(echo).toMatchObject({ tokenIndex: 2 });
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, sends: { 1: 2 } });
    });

    it("what was not sent may be tried again", async () => {
      const { api, vault } = await stage.open();
      await vault.signOut();
      const client = wretch(`${api.url}/v1`).middlewares([
        retry({
          delayTimer: 1,
          until: (reply) => !!reply,
          retryOnNetworkError: true,
          onRetry: async () => {
            await vault.signIn({ email: ada.email, password: ada.password });
            return undefined;
          },
        }),
        vaultMiddleware(vault),
      ]);
      expect(await client.post("x", "/echo?n=1").json<Echo>()).toMatchObject({ body: "x" });
      expect(await api.counters()).toMatchObject({ sends: { 1: 1 } });
    });

    it("the refused second try says what to do", async () => {
      const { api, vault } = await stage.open();
      await api.fault("api", { status: 503 });
      const call = wretch(`${api.url}/v1`)
        .middlewares([vaultMiddleware(vault), stubborn()])
        .post("x", "/echo")
        .res();
      await expect(call).rejects.toThrow("List that middleware before vaultMiddleware");
    });
  });
}

export function accounts(stage: WretchStage): void {
  const open: Vault<PasswordCredentials>[] = [];
  afterEach(() => open.splice(0).forEach((vault) => vault.close()));

  /** Another account of the same API. */
  async function account(api: SpawnedApi, user: PasswordCredentials): Promise<Vault<never>> {
    const vault = createVault({
      provider: vmcloud({ baseURL: api.url }),
      store: memoryStore(),
      account: user.email,
      dangerouslyAllowLoopbackHttp: true,
    });
    open.push(vault);
    await vault.signIn({ email: user.email, password: user.password });
    return vault as unknown as Vault<never>;
  }

  describe("wretch: two accounts", () => {
    const careless = { skip: () => false };
    const sharers: Readonly<Record<string, () => ConfiguredMiddleware>> = {
      dedupe: () => dedupe(),
      "dedupe of everything": () => dedupe(careless),
      throttlingCache: () => throttlingCache({ throttle: 60_000 }),
      "throttlingCache of everything": () => throttlingCache({ throttle: 60_000, ...careless }),
    };
    /** Whose data each got, or why none. */
    const whose = async (clients: readonly Wretch[]): Promise<string[]> => {
      const ask = (client: Wretch): Promise<string> =>
        client
          .get("/me")
          .json<{ email: string }>()
          .then(
            ({ email }) => email,
            (error: VaultError) => error.code,
          );
      // At once, and then one after the other: what is shared in flight, and what is kept.
      const results = await Promise.all(clients.map(ask));
      for (const client of clients) results.push(await ask(client));
      return results;
    };
    const right = [ada.email, grace.email, ada.email, grace.email];

    it("without the vault they are mixed: the danger is there", async () => {
      const { api } = await stage.open();
      const vaults = [await account(api, ada), await account(api, grace)] as const;
      const base = wretch(`${api.url}/v1`).middlewares([dedupe()]);
      const clients = await Promise.all(
        vaults.map(async (vault) => base.auth(await vault.authorization())),
      );
      expect((await whose(clients)).slice(0, 2)).toEqual([ada.email, ada.email]);
    });

    it.each(Object.keys(sharers))(
      "one %s for two accounts, after the vault or with the addon [S11]",
      async (name) => {
        const { api } = await stage.open();
        const vaults = [await account(api, ada), await account(api, grace)] as const;
        const shared = sharers[name]!();
        const base = wretch(`${api.url}/v1`);
        const ways: readonly ((vault: Vault<never>) => Wretch)[] = [
          (vault) => base.middlewares([vaultMiddleware(vault), shared]),
          (vault) => base.middlewares([shared]).addon(vaultAddon(vault)) as Wretch,
          (vault) => base.addon(vaultAddon(vault)).middlewares([shared]) as Wretch,
        ];
        for (const way of ways) {
          const got = await whose(vaults.map(way));
          // One that shares by force is refused; nobody is given what is another's.
          got.forEach((one, index) => expect([right[index], "invalid_option"]).toContain(one));
          if (!name.includes("everything")) expect(got).toEqual(right);
        }
      },
    );

    it("one for each account, in any order [S11]", async () => {
      const { api } = await stage.open();
      const vaults = [await account(api, ada), await account(api, grace)] as const;
      for (const name of ["dedupe", "throttlingCache"])
        for (const order of Object.keys(orders)) {
          const clients = vaults.map((vault) =>
            orders[order]!(`${api.url}/v1`, vault, [sharers[name]!()]),
          );
          expect(await whose(clients)).toEqual(right);
        }
    });

    // Browsers follow by themselves, below wretch.
    it.runIf(!hidesRedirects).each(Object.keys(sharers))(
      "one %s for two accounts behind a redirect: nobody gets another's reply [F61 S11]",
      async (name) => {
        const sent: string[] = [];
        /** `/v1/me` has moved; who asks there is told who asks. */
        const network = async (url: string, init: RequestInit): Promise<Response> => {
          const authorization = new Headers(init.headers).get("authorization") ?? "nobody";
          sent.push(`${new URL(url).pathname} ${authorization}`);
          return url.endsWith("/v1/me")
            ? new Response(null, { status: 307, headers: { location: "/v2/me" } })
            : Response.json({ email: authorization });
        };
        const vaultOf = async (who: string): Promise<Vault<never>> => {
          const provider = providerFor("https://api.vmcloud.com");
          const vault = createVault({ provider, store: memoryStore(), account: who });
          await vault.adopt({ accessToken: who });
          return vault as unknown as Vault<never>;
        };
        const vaults = [await vaultOf("alice"), await vaultOf("bob")] as const;
        const shared = sharers[name]!();
        const base = wretch("https://api.vmcloud.com/v1").fetchPolyfill(network);
        const ways: readonly ((vault: Vault<never>) => Wretch)[] = [
          (vault) => base.middlewares([vaultMiddleware(vault), shared]),
          (vault) => base.middlewares([shared]).addon(vaultAddon(vault)) as Wretch,
        ];
        for (const way of ways) {
          const got = await whose(vaults.map(way));
          const right = ["Bearer alice", "Bearer bob", "Bearer alice", "Bearer bob"];
          got.forEach((one, index) => expect([right[index], "invalid_option"]).toContain(one));
          if (!name.includes("everything")) expect(got).toEqual(right);
        }
        expect(sent.filter((one) => one.startsWith("/v2/me Bearer "))).not.toEqual([]);
        vaults.forEach((vault) => vault.close());
      },
    );

    it("the token is found in headers of every form [F61]", async () => {
      const { api, vault } = await stage.open();
      const shared = dedupe();
      const client = wretch(`${api.url}/v1`).middlewares([vaultMiddleware(vault), shared]);
      await api.expireAccessTokens();
      const init = { headers: new Headers({ accept: "text/x-own" }) } as unknown as WretchOptions;
      const echo = await client.options(init).post("x", "/echo?n=1").json<Echo>();
      expect(echo).toMatchObject({ tokenIndex: 2, body: "x" });
    });

    it("a mock that is listed after the vault is refused with a sentence that says where it belongs", async () => {
      const { api, vault } = await stage.open();
      const mock: ConfiguredMiddleware = () => async () => new Response("{}");
      const call = wretch(`${api.url}/v1`)
        .middlewares([vaultMiddleware(vault), mock])
        .get("/me")
        .json();
      await expect(call).rejects.toThrow("a mock belongs in wretch's fetchPolyfill");
      await expect(call).rejects.toMatchObject({ code: "invalid_option" });
    });

    it("what sends is wretch's own fetch, so that a mock in fetchPolyfill gets each send, with the token", async () => {
      const { api, vault } = await stage.open();
      let sends = 0;
      const client = wretch(`${api.url}/v1`)
        .fetchPolyfill((url, options) => {
          sends += 1;
          return fetch(url, options as RequestInit);
        })
        .middlewares([vaultMiddleware(vault)]);
      await api.expireAccessTokens();
      expect(await client.post("x", "/echo?n=1").json()).toMatchObject({ tokenIndex: 2 });
      expect(sends).toBe(2);
    });

    it("clients made from one another keep to their own vault [S11]", async () => {
      const { api } = await stage.open();
      const vaults = [await account(api, ada), await account(api, grace)] as const;
      const base = wretch(`${api.url}/v1`).headers({ accept: "application/json" });
      const clients = vaults.map((vault) => base.middlewares([vaultMiddleware(vault)]));
      expect(await whose(clients)).toEqual(right);
    });
  });
}

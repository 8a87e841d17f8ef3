/**
 * How a token is shown: by any auth-scheme, and in any header (RFC 9110 §11.1). The law of S6 holds for the
 * provider's own header, and no redirect takes it away (S2).
 */
import { describe, expect, it } from "vitest";
import { createVault, type VaultRequestInit } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import {
  echoOf,
  hidesRedirects,
  outcome,
  type Presentation,
  providerFor,
  type Stage,
} from "./stage.ts";

const KEY = { header: "X-API-Key" };

const ways: Readonly<Record<string, Presentation>> = {
  "Authorization by the scheme ApiKey": { scheme: "ApiKey" },
  "Authorization by a scheme of odd characters": { scheme: "v1.own~_!#$%&'*+^`|-" },
  "Authorization without a scheme": { header: "Authorization" },
  "X-API-Key": KEY,
  "X-Auth by a scheme": { header: "X-Auth", scheme: "Token" },
};

const statuses = [301, 302, 303, 307, 308];

/** A call in each of the forms that take different ways through the vault. */
const forms = (url: string): readonly (() => [string | Request, VaultRequestInit?])[] => [
  () => [url],
  () => [url, { headers: { "x-other": "own" } }],
  () => [url, { headers: new Headers({ "x-other": "own" }) }],
  () => [url, { method: "POST", body: "text" }],
  () => [new Request(url)],
];

/** workerd knows no such mode. */
function hasErrorMode(): boolean {
  try {
    return new Request("https://api.acme.test", { redirect: "error" }).redirect === "error";
  } catch {
    return false;
  }
}

export function presentations(stage: Stage): void {
  // happy-dom has a name of its own for it.
  const refused = stage.faithful ? /^rejected: TypeError$/ : /^rejected/;

  describe.each(Object.keys(ways))("a token in %s", (name) => {
    const presentation = ways[name]!;

    it("is shown in that way, and healed after a 401 [S6 P11]", async () => {
      const { api, vault } = await stage.open({}, { presentation });
      const url = `${api.url}/v1/echo`;
      for (const call of forms(url).slice(0, stage.faithful ? undefined : -1))
        expect(await echoOf(vault.fetch(...call()))).toMatchObject({ tokenIndex: 1 });
      await api.expireAccessTokens();
      expect(await echoOf(vault.fetch(`${url}?n=1`))).toMatchObject({ tokenIndex: 2 });
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, sends: { 1: 2 } });
    });

    it("is what authorization() gives for other clients [S6]", async () => {
      const { api, vault } = await stage.open({}, { presentation });
      const { scheme, header = "authorization" } = presentation;
      const value = await vault.authorization();
      const token = await vault.getToken();
      expect(value).toBe(scheme === undefined ? token : `${scheme} ${token}`);
      const headers = { [header]: value };
      expect(await echoOf(fetch(`${api.url}/v1/echo`, { headers }))).toMatchObject({
        tokenIndex: 1,
      });
    });

    it("gives way to the caller's own header, in every spelling [S6]", async () => {
      const { api, vault } = await stage.open({}, { presentation });
      const { header = "authorization" } = presentation;
      for (const spelling of [header, header.toLowerCase(), header.toUpperCase()]) {
        const own = { [spelling]: "own" };
        for (const headers of [own, new Headers(own), Object.entries(own)]) {
          const seen = await echoOf(vault.fetch(`${api.url}/public/echo`, { headers }));
          expect(seen).toMatchObject({ tokenIndex: null });
          const refused = await vault.fetch(`${api.url}/v1/echo?n=1`, { headers });
          expect(refused.status).toBe(401);
        }
      }
      expect(await api.counters()).toMatchObject({ tokenCalls: 0, sends: { 1: 9 } });
    });
  });

  describe("a token in a header of its own", () => {
    it("goes along with an Authorization of the caller's [S6]", async () => {
      const { api, vault } = await stage.open({}, { presentation: KEY });
      for (const headers of [{ Authorization: "Basic YTpi" }, new Headers({ authorization: "x" })])
        expect(await echoOf(vault.fetch(`${api.url}/v1/echo`, { headers }))).toMatchObject({
          authorization: true,
          tokenIndex: 1,
        });
    });

    it("is the only header that is added [S6]", async () => {
      const { api, vault } = await stage.open({}, { presentation: KEY });
      const url = `${api.url}/public/echo`;
      for (const call of forms(url).slice(0, stage.faithful ? undefined : -1)) {
        const vaulted = await echoOf(vault.fetch(...call()));
        const plain = await echoOf(fetch(...(call() as Parameters<typeof fetch>)));
        const { "x-api-key": key, ...others } = vaulted.headers;
        expect(key).toBe(await vault.getToken());
        expect([vaulted.authorization, others]).toEqual([false, plain.headers]);
      }
    });

    it("goes to listed origins only [S1]", async () => {
      const { vault } = await stage.open({}, { presentation: KEY });
      const foreign = await stage.spawn();
      const seen = await echoOf(vault.fetch(`${foreign.url}/public/echo`));
      expect(seen.headers).not.toHaveProperty("x-api-key");
    });

    it("is carried by a redirect within the API where redirects are shown; elsewhere none is followed [S2]", async () => {
      const { api, vault } = await stage.open({}, { presentation: KEY });
      for (const call of forms(`${api.url}/v1/start`).slice(0, stage.faithful ? undefined : -1)) {
        await api.fault("api", { redirect: `${api.url}/v1/echo` });
        const reply = vault.fetch(...call());
        if (hidesRedirects) expect(await outcome(reply)).toMatch(/^rejected/);
        else expect(await echoOf(reply)).toMatchObject({ tokenIndex: 1 });
      }
      // The next call is sent as ever.
      expect(await echoOf(vault.fetch(`${api.url}/v1/echo`))).toMatchObject({ tokenIndex: 1 });
    });

    it("goes along to another listed origin where redirects are shown [S2]", async () => {
      const other = await stage.spawn();
      const { api, vault } = await stage.open({}, { presentation: KEY, alsoListed: [other.url] });
      await api.fault("api", { redirect: `${other.url}/public/echo` });
      const reply = vault.fetch(`${api.url}/v1/start`);
      if (hidesRedirects) {
        expect(await outcome(reply)).toMatch(refused);
        expect((await other.counters()).requests).toBe(0);
      } else
        expect((await echoOf(reply)).headers).toMatchObject({
          "x-api-key": await vault.getToken(),
        });
    });

    it.runIf(hidesRedirects && stage.faithful)(
      "would be taken along to any origin if it were followed natively: the danger is there [S2]",
      async () => {
        const { api } = await stage.open({}, { presentation: KEY });
        const foreign = await stage.spawn({ cors: { allowHeaders: ["x-api-key"] } });
        await api.fault("api", { redirect: `${foreign.url}/public/echo` });
        const headers = { "x-api-key": "plain" };
        expect((await echoOf(fetch(`${api.url}/v1/start`, { headers }))).headers).toMatchObject(
          headers,
        );
      },
    );

    describe.each(statuses)("after a %i", (status) => {
      it.each(["GET", "POST"])(
        "%s: never reaches an unlisted origin, and does not come back from there [S2 F63]",
        async (method) => {
          const { api, vault } = await stage.open({}, { presentation: KEY });
          const foreign = await stage.spawn({
            cors: { allowHeaders: ["x-api-key", "content-type"] },
          });
          await api.fault("api", { redirect: `${foreign.url}/v1/next`, status });
          await foreign.fault("api", { redirect: `${api.url}/public/echo`, status });
          const init = method === "GET" ? {} : { method, body: "a text" };
          const reply = vault.fetch(`${api.url}/v1/start?${method}-${status}`, init);
          if (hidesRedirects) {
            expect(await outcome(reply)).toMatch(refused);
            expect((await foreign.counters()).requests).toBe(0);
            return;
          }
          const seen = await echoOf(reply);
          expect(seen.headers).not.toHaveProperty("x-api-key");
          expect((await foreign.counters()).requests).toBe(1);
          const echo = await echoOf(vault.fetch(`${api.url}/public/echo`));
          expect(echo.tokenIndex).toBe(1);
        },
      );
    });

    it.skipIf(hidesRedirects)(
      "leaves the caller's Authorization behind where a redirect leads to another origin, as fetch does [S2]",
      async () => {
        const other = await stage.spawn();
        const { api, vault } = await stage.open({}, { presentation: KEY, alsoListed: [other.url] });
        await api.fault("api", { redirect: `${other.url}/public/echo` });
        const headers = { authorization: "Bearer own", "x-other": "own" };
        const seen = await echoOf(vault.fetch(`${api.url}/v1/start`, { headers }));
        expect(seen.authorization).toBe(false);
        expect(seen.headers).toMatchObject({ "x-other": "own" });
      },
    );

    it.runIf(stage.faithful)("keeps the caller's own modes of redirect [S2]", async () => {
      const { api, vault } = await stage.open({}, { presentation: KEY });
      const url = `${api.url}/v1/start`;
      const foreign = await stage.spawn();
      for (const redirect of hasErrorMode()
        ? (["manual", "error"] as const)
        : (["manual"] as const))
        for (const call of [
          () => vault.fetch(url, { redirect }),
          () => vault.fetch(new Request(url, { redirect })),
        ]) {
          await api.fault("api", { redirect: `${foreign.url}/v1/next` });
          const plain = await outcome(fetch(url, { redirect, headers: { "x-api-key": "plain" } }));
          await api.clearFaults();
          await api.fault("api", { redirect: `${foreign.url}/v1/next` });
          expect(await outcome(call())).toBe(plain);
          await api.clearFaults();
        }
      expect((await foreign.counters()).requests).toBe(0);
    });

    it("leaves a request without a token as it is, redirects too [S1]", async () => {
      const { api, vault } = await stage.open({}, { presentation: KEY });
      const foreign = await stage.spawn();
      await foreign.fault("api", { redirect: `${api.url}/public/echo` });
      const seen = await echoOf(vault.fetch(`${foreign.url}/v1/start`));
      expect(seen).toMatchObject({ tokenIndex: null });
      const headers = { "x-api-key": "own" };
      await api.fault("api", { redirect: `${api.url}/public/echo` });
      const own = await echoOf(vault.fetch(`${api.url}/v1/start`, { headers }));
      expect(own.headers).toMatchObject(headers);
    });
  });

  describe("a provider that no header can carry", () => {
    const make = (presentation: object): unknown =>
      createVault({
        provider: { ...providerFor("https://api.acme.test"), ...presentation },
        store: memoryStore(),
      });

    it.each([
      { scheme: "" },
      { scheme: "two words" },
      { scheme: "Bearer " },
      { scheme: "Bearer\r\nX-Evil: 1" },
      { scheme: "Bäcker" },
      { scheme: "a:b" },
      { header: "" },
      { header: "X API Key" },
      { header: "X-API-Key:" },
      { header: "X-Schlüssel" },
      { header: "X\nY" },
      { header: "X-API-Key", scheme: "my secret" },
    ])("is told when the vault is made, without its value: %j [S4 S5]", (presentation) => {
      const wanted = "scheme" in presentation ? "scheme" : "header";
      expect(() => make(presentation)).toThrow(
        expect.objectContaining({
          code: "invalid_option",
          message: expect.stringMatching(RegExp(`^(?!.*secret).*Wanted: ${wanted}, such as`)),
        }),
      );
    });

    it.runIf(hidesRedirects && stage.faithful)(
      "because browsers leave such a header out, is told too [S6]",
      () => {
        for (const header of ["Cookie", "Host", "Sec-Key", "Proxy-Authorization", "Origin", "Date"])
          expect(() => make({ header })).toThrow(
            expect.objectContaining({ code: "invalid_option" }),
          );
      },
    );
  });
}

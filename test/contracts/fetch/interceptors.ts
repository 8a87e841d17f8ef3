/**
 * What `fetch` was handed is gone: interceptors, as those of Application Insights, change it afterwards
 * (F68). A second send, and each hop of a redirect, is made of what the vault has kept to itself.
 */
import { describe, expect, it } from "vitest";
import type { VaultRequestInit } from "../../../src/index.ts";
import { echoOf, type Stage } from "./stage.ts";

type Spoiler = (init: RequestInit) => RequestInit;

/** Each does to an init what somebody's interceptor really does. */
const spoilers: Readonly<Record<string, Spoiler>> = {
  "replaces the headers by Headers": (init) => {
    const headers = new Headers(init.headers);
    headers.set("traceparent", "00-1");
    return Object.assign(init, { headers });
  },
  "changes the headers in place": (init) => {
    if (init.headers instanceof Headers) init.headers.set("traceparent", "00-1");
    else Object.assign(init.headers!, { traceparent: "00-1" });
    return init;
  },
  "writes the headers' names in capitals": (init) => {
    const named = [...new Headers(init.headers)].map(([name, value]) => [name.toUpperCase(), value]);
    return Object.assign(init, { headers: Object.fromEntries(named) });
  },
  "takes the headers away, once it has sent them": (init) => {
    const own = { ...init };
    queueMicrotask(() => Object.assign(init, { headers: undefined, method: "DELETE", body: "x" }));
    return own;
  },
  "freezes what it gets": (init) => Object.freeze(init),
  "hides the headers behind a proxy": (init) =>
    Object.assign(init, {
      headers: new Proxy(new Headers(init.headers), {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      }),
    }),
};

/** Sends as the spoiler would have it; a page's own send comes as a `Request`, which is spoilt too. */
const over =
  (spoil: Spoiler): typeof fetch =>
  (input, init) => {
    if (!(input instanceof Request)) return fetch(input, spoil(init ?? {}));
    const answer = fetch(new Request(input.clone()));
    input.headers.set("x-own", "spoilt");
    input.headers.delete("authorization");
    return answer;
  };

const cors = {
  cors: { allowHeaders: ["authorization", "content-type", "traceparent", "x-own"] },
};

export function interceptors(stage: Stage): void {
  describe("an interceptor", () => {
    describe.each(Object.keys(spoilers))("that %s", (name) => {
      const send = (): typeof fetch => over(spoilers[name]!);

      it.each(["an object", "Headers"])(
        "leaves the second send its token and the caller's headers, in %s [F68 P11]",
        async (kind) => {
          const { api, vault } = await stage.open(cors);
          await api.expireAccessTokens();
          const own = { "x-own": "kept", "content-type": "text/x-own" };
          const init: VaultRequestInit = {
            method: "POST",
            body: "first",
            headers: kind === "Headers" ? new Headers(own) : own,
            fetch: send(),
          };
          const seen = await echoOf(vault.fetch(`${api.url}/v1/echo?n=1`, init));
          expect(seen).toMatchObject({ method: "POST", body: "first", tokenIndex: 2, headers: own });
          expect((await api.counters()).sends).toEqual({ 1: 2 });
        },
      );

      it("leaves each hop of a redirect its token and the caller's headers [F68 S2]", async () => {
        const { api, vault } = await stage.open(cors);
        await api.fault("api", { redirect: `${api.url}/v1/echo?n=2`, status: 307 });
        const headers = { "x-own": "kept" };
        const init = { headers, fetch: send() };
        const seen = await echoOf(vault.fetch(`${api.url}/v1/echo?n=1`, init));
        expect(seen).toMatchObject({ tokenIndex: 1, headers });
        expect((await api.counters()).sends).toEqual({ 1: 1, 2: 1 });
      });
    });

    it.runIf(stage.faithful)(
      "that changes a Request's headers leaves the second send the caller's [F68 P11]",
      async () => {
        const { api, vault } = await stage.open(cors);
        await api.expireAccessTokens();
        const request = new Request(`${api.url}/v1/echo?n=1`, {
          method: "POST",
          body: "first",
          headers: { "x-own": "kept" },
        });
        const send: typeof fetch = (input, init) => {
          const answer = fetch(input, init && { ...init });
          if (input instanceof Request) input.headers.set("x-own", "spoilt");
          return answer;
        };
        const seen = await echoOf(vault.fetch(request, { fetch: send }));
        expect(seen).toMatchObject({ body: "first", tokenIndex: 2, headers: { "x-own": "kept" } });
        expect((await api.counters()).sends).toEqual({ 1: 2 });
      },
    );
  });
}

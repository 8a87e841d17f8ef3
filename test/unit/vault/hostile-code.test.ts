/** What code of others does to a vault beside calling `fetch`: options, stores, listeners. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createVault } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { settle } from "../../support/clock.ts";
import { acme } from "../../support/fake-api.ts";
import {
  open,
  providerOf,
  refuseOnce,
  serve,
  type Served,
} from "../../support/vault-over-server.ts";
import { bench, refreshes, rejection, signedIn, VMS } from "../../support/vault.ts";
import { findSecrets } from "../../support/secrets.ts";

let api: Served;
beforeAll(async () => {
  api = await serve();
});
afterEach(() => api.reset());
afterAll(() => api.close());

const sent = (): unknown[] => api.seen.map(({ method, path, body }) => [method, path, body]);

describe("options at their ends", () => {
  it.each([Infinity, 2 ** 31])(
    "a patience of %d ms is not over at once [F15 P10]",
    async (patience) => {
      const vault = await open(api, { patience });
      refuseOnce(api);
      const { answer } = api;
      api.answer = (seen, response) => {
        if (seen.path !== "/refresh") return answer(seen, response);
        // Longer than a timer that overflows, which fires after a millisecond.
        setTimeout(() => response.end(JSON.stringify({ token: "late", expires_in: 3600 })), 50);
        return true;
      };
      expect((await vault.fetch(`${api.url}/v1`)).status).toBe(200);
    },
  );

  it("an account that is half a character is an invalid_option", async () => {
    const options = { provider: acme(), store: memoryStore(), account: "\ud83d" };
    expect(() => createVault(options)).toThrow(expect.objectContaining({ code: "invalid_option" }));
    const { vault } = bench();
    expect(await rejection(vault.removeAccount("\ud83d"))).toMatchObject({
      code: "invalid_option",
    });
  });

  it("a provider may ask its token endpoint with a Request", async () => {
    const { signIn: _, ...rest } = providerOf(api);
    const vault = createVault({
      provider: {
        ...rest,
        async signIn(credentials: string, io) {
          const request = new Request(`${api.url}/login`, { method: "POST", body: credentials });
          const { token } = (await (await io.fetch(request)).json()) as { token: string };
          return { type: "granted", grant: { accessToken: token } };
        },
      },
      store: memoryStore(),
      dangerouslyAllowLoopbackHttp: true,
    });
    await vault.signIn("credentials");
    expect(sent()).toEqual([["POST", "/login", "credentials"]]);
  });
});

describe("what others' code throws", () => {
  it("accounts() and removeAccount() tell store_unavailable, and not the store's own error [S4]", async () => {
    const boom = (): never => {
      throw new Error("in-an-error-secret");
    };
    const broken = { list: async () => boom(), read: async () => boom() };
    for (const method of ["list", "read"] as const) {
      const { vault } = bench({ store: { ...memoryStore(), [method]: broken[method] } });
      const error = await rejection(
        method === "list" ? vault.accounts() : vault.removeAccount("nobody"),
      );
      expect(error).toMatchObject({ code: "store_unavailable" });
      expect(findSecrets(error, ["in-an-error-secret"])).toEqual([]);
    }
  });

  it("a waitUntil that throws, as an event's does when it is over, fails no call", async () => {
    const { vault, api } = await signedIn();
    api.expire();
    const waitUntil = (): never => {
      throw new DOMException("The event has ended", "InvalidStateError");
    };
    expect((await vault.fetch(VMS, { waitUntil })).status).toBe(200);
    expect(refreshes({ api })).toBe(1);
  });
});

describe("listeners", () => {
  it("one that throws when it subscribes has not subscribed", async () => {
    const { vault } = await signedIn();
    let calls = 0;
    const listener = (): void => {
      calls += 1;
      if (calls === 1) throw new Error("the listener's own");
    };
    expect(() => vault.subscribe(listener)).toThrow("the listener's own");
    await vault.signOut();
    await settle();
    expect(calls).toBe(1);
  });

  it("none is called after it was stopped, though news were on their way", async () => {
    const { vault } = await signedIn();
    const late: string[] = [];
    let stopped = false;
    const stops: (() => void)[] = [];
    const stopAll = (): void => {
      if (!stops.length) return;
      stops.forEach((stop) => stop());
      stopped = true;
    };
    const first = [vault.subscribe(stopAll), vault.events(stopAll)];
    stops.push(
      vault.subscribe(() => void (stopped && late.push("subscribe"))),
      vault.events(() => void (stopped && late.push("events"))),
    );
    await vault.signOut();
    await settle();
    first.forEach((stop) => stop());
    expect([stopped, late]).toEqual([true, []]);
  });

  it("one that subscribes another, or the vault's own methods, is not called for ever", async () => {
    const { vault } = await signedIn();
    const seen: string[] = [];
    vault.subscribe(({ status }) => {
      seen.push(status);
      if (seen.length < 5) vault.subscribe(() => {})();
      void vault.getToken().catch(() => {});
    });
    await vault.signOut();
    await settle();
    expect(seen).toEqual(["signed-in", "signed-out"]);
  });
});

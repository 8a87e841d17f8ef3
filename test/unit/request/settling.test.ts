/** A call settles when `fetch` does, and leaves nothing behind (F92). */
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { connectVault, serveVault } from "../../../src/worker.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { settle } from "../../support/clock.ts";
import { acme, fakeApi } from "../../support/fake-api.ts";
import { bench, rejection, signedIn, VMS } from "../../support/vault.ts";

/** In how many turns of the microtask queue a promise settles. */
async function turns(call: () => Promise<unknown>): Promise<number> {
  let isSettled = false;
  const settled = (): void => void (isSettled = true);
  call().then(settled, settled);
  let count = 0;
  for (; !isSettled && count < 100; count++) await undefined;
  return count;
}

const aborted = AbortSignal.abort(new Error("mine"));

describe("a call whose signal was aborted before it", () => {
  const ways: Readonly<Record<string, () => [string | Request, RequestInit?]>> = {
    "in init": () => [VMS, { signal: aborted }],
    "in init, with headers and a body": () => [
      VMS,
      { signal: aborted, method: "POST", body: "x", headers: { "x-own": "1" } },
    ],
    "on a Request": () => [new Request(VMS, { signal: aborted })],
  };

  it.each(Object.keys(ways))(
    "%s, settles in the very turn in which fetch's does [F92]",
    async (name) => {
      const make = ways[name]!;
      const { vault } = bench({ fetch });
      await vault.adopt({ accessToken: "token" });
      const plain = await turns(() => fetch(...make()));
      expect(await turns(() => vault.fetch(...make()))).toBe(plain);
      expect((await rejection(vault.fetch(...make()))).message).toBe("mine");
      // Nor is a token waited for.
      expect(await turns(() => bench({ fetch }).vault.fetch(...make()))).toBe(plain);
    },
  );

  it("settles so in a page whose vault is in a worker [F92]", async () => {
    const served = serveVault({ provider: acme(), store: memoryStore() });
    const vault = connectVault(() => served);
    const make = ways["in init"]!;
    const plain = await turns(() => fetch(...make()));
    expect(await turns(() => vault.fetch(...make()))).toBe(plain);
    vault.close();
  });

  it("says first what is wrong with the request, as fetch does [F92 law 6]", async () => {
    const { vault } = bench({ fetch });
    const init = { signal: aborted, method: "GET", body: "x" };
    expect(await rejection(vault.fetch(VMS, init))).toBeInstanceOf(TypeError);
  });
});

describe("a signal that lives on", () => {
  it("has no listener left of calls that are over [F92]", async () => {
    const api = fakeApi();
    // What a request itself listens to is the platform's.
    const send: typeof fetch = (input, init) => api.fetch(input, { ...init, signal: null });
    const { vault } = await signedIn({ api, fetch: send });
    const { signal } = new AbortController();
    for (let n = 0; n < 20; n++) {
      if (n === 10) api.expire();
      expect((await vault.fetch(VMS, { signal })).status).toBe(200);
      const init = { signal, method: "POST", body: "x" };
      expect((await vault.fetch(VMS, init)).status).toBe(200);
    }
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("has one listener, however many callers wait with it, and hears for each of them [F75 F92]", async () => {
    const never = (): Promise<never> => new Promise(() => {});
    const { vault } = bench({ store: { ...memoryStore(), head: never, read: never } });
    const mine = new AbortController();
    const { signal } = mine;
    const calls = Array.from({ length: 50 }, () => rejection(vault.getToken({ signal })));
    await settle();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    mine.abort(new Error("mine"));
    const errors = await Promise.all(calls);
    expect(new Set(errors.map(({ message }) => message))).toEqual(new Set(["mine"]));
    expect(getEventListeners(signal, "abort")).toEqual([]);
    vault.close();
  });
});

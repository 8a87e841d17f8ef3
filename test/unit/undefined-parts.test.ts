/** A platform's own parts serve where theirs are given as `undefined`, too: that is not given. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { createVault as createBrowserVault } from "../../src/browser.ts";
import { createVault as createDenoVault } from "../../src/deno.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { VaultOptions } from "../../src/types.ts";
import type { Vault } from "../../src/vault/vault.ts";
import { connectVault, serveVault } from "../../src/worker.ts";
import { manualClock, settle } from "../support/clock.ts";
import { acme, credentials, type FakeApi, fakeApi } from "../support/fake-api.ts";
import { closedAfter, refreshes } from "../support/vault.ts";

const HOUR = 3_600_000;
afterEach(() => vi.unstubAllGlobals());

type Given = VaultOptions<PasswordCredentials>;
type Make = (options: Given) => Vault<PasswordCredentials>;

const platforms: readonly (readonly [string, Make])[] = [
  ["tokenkeep/browser", createBrowserVault],
  ["tokenkeep/worker", (options) => connectVault(() => serveVault(options))],
  ["tokenkeep/deno", createDenoVault],
];

/** What has come about two hours after a sign-in, without any call. */
async function left(make: Make, { isOnline }: { readonly isOnline: boolean }) {
  const api: FakeApi = fakeApi();
  const clock = manualClock();
  const locks: string[] = [];
  const request = (name: string, _: unknown, task: (lock: unknown) => unknown): unknown => {
    locks.push(name);
    return task({ name });
  };
  vi.stubGlobal("navigator", { locks: { request }, onLine: isOnline });
  const channels: string[] = [];
  const Real = BroadcastChannel;
  vi.stubGlobal(
    "BroadcastChannel",
    class extends Real {
      constructor(name: string) {
        super(name);
        channels.push(name);
      }
    },
  );
  const parts = ["lock", "channel", "refreshAhead", "online", "onWake"];
  const given = {
    ...Object.fromEntries(parts.map((name) => [name, undefined])),
    provider: acme(),
    store: memoryStore(),
    fetch: api.fetch,
    random: () => 0.5,
    clock,
  };
  const vault = closedAfter(make(given));
  await vault.signIn(credentials);
  await clock.advance(HOUR);
  await settle();
  return { refreshed: refreshes({ api }), locks, channels };
}

describe.each(platforms)("%s", (name, make) => {
  it("refreshes ahead of time, under its own lock [P1 P10]", async () => {
    const { refreshed, locks, channels } = await left(make, { isOnline: true });
    expect(refreshed).toBe(1);
    expect(locks).toContainEqual(expect.stringContaining("acme"));
    const isHeard = channels.some((one) => one.includes("acme"));
    expect(isHeard).toBe(name !== "tokenkeep/deno");
  });
});

it.each(platforms.slice(0, 2))("%s rests while the platform is offline [F55]", async (_, make) => {
  expect((await left(make, { isOnline: false })).refreshed).toBe(0);
});

it("a browser's store is its own where it is given as undefined [P16]", async () => {
  const given = { provider: acme(), store: undefined } as object as Given;
  expect(() => closedAfter(createBrowserVault(given))).not.toThrow();
  expect(() => serveVault(given)).not.toThrow();
});

/** What a page shows and tells. */
import { describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Snapshot } from "../../../src/vault/vault.ts";
import { serveVault, type VaultPort } from "../../../src/worker.ts";
import { settle } from "../../support/clock.ts";
import { acme, credentials, fakeApi, ORIGIN } from "../../support/fake-api.ts";
import { rejection } from "../../support/vault.ts";
import { connect, odd, real } from "./page-vault.ts";

describe("a page's vault", () => {
  it("shows what the vault shows, frozen, and the same object until something changes", async () => {
    const { vault } = real();
    expect(vault.snapshot()).toEqual({ status: "loading", account: "default", persisted: true });
    const shown: Snapshot[] = [];
    const stop = vault.subscribe((snapshot) => shown.push(snapshot));
    expect(shown).toHaveLength(1);
    await vault.signIn(credentials);
    // The answer brought it along: nobody has to wait for a message.
    const first = vault.snapshot();
    expect(first).toMatchObject({ status: "signed-in", generation: 1 });
    expect(Object.isFrozen(first)).toBe(true);
    await vault.getToken();
    expect(vault.snapshot()).toBe(first);
    await vi.waitFor(() => expect(shown.at(-1)).toBe(first));
    stop();
    await vault.signOut();
    await settle();
    expect(vault.snapshot().status).toBe("signed-out");
    expect(shown.at(-1)).toBe(first);
  });

  it("tells events once each, in order, its own retries among them [F5]", async () => {
    const { vault, api } = real();
    const types: string[] = [];
    vault.events(({ type }) => types.push(type));
    await vault.signIn(credentials);
    api.expire();
    expect((await vault.fetch(`${ORIGIN}/v1/vms`)).status).toBe(200);
    await vi.waitFor(() => expect(types).toContain("retried"));
    await vi.waitFor(() => expect(types).toContain("refreshed"));
    expect(types.toSorted()).toEqual(["refreshed", "refreshing", "retried", "signed-in"]);
    expect(types.indexOf("refreshing")).toBeLessThan(types.indexOf("refreshed"));
  });

  it("tells of a request that went out bare, as it is answered [F88]", async () => {
    const { vault } = real();
    const events: unknown[] = [];
    vault.events((event) => events.push(event));
    await vault.fetch("https://evil.test/a?b");
    await vault.fetch("https://evil.test/c");
    await settle();
    expect(events).toEqual([{ type: "bare", account: "default", origin: "https://evil.test" }]);
  });
});

describe("a page's listener that has left", () => {
  it("is not called any more, not even with what was on its way [F5]", async () => {
    const { vault } = real();
    const heard: string[] = [];
    const leaving: (() => void)[] = [];
    // The first one to hear of it takes the other away.
    vault.events(() => leaving.forEach((leave) => leave()));
    leaving.push(vault.events(({ type }) => heard.push(type)));
    await vault.signIn(credentials);
    await settle();
    expect(vault.snapshot().status).toBe("signed-in");
    expect(heard).not.toContain("signed-in");
  });
});

describe("a snapshot that says the same", () => {
  it("is the same object: no listener is called for a worker that is still away", async () => {
    const vault = connect(() => Promise.reject(new Error("no worker here")));
    await rejection(vault.getToken());
    const first = vault.snapshot();
    const listener = vi.fn<() => void>();
    vault.subscribe(listener);
    await rejection(vault.getToken());
    await settle();
    expect(vault.snapshot()).toBe(first);
    expect(first.status).toBe("unavailable");
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it("from another worker, too: a session goes on as it was", async () => {
    const news = [{ seq: 1, snapshot: { status: "signed-in", generation: 3, persisted: true } }];
    const owners = ["one", "two"];
    const vault = connect(() =>
      odd(() => ({ tokenkeep: 1, state: { owner: owners.shift(), seq: 1, news } })),
    );
    await vault.signOut();
    const first = vault.snapshot();
    expect(first.generation).toBe(3);
    await vault.signOut();
    expect(vault.snapshot()).toBe(first);
  });
});

it("a page whose worker was away shows again what it knew, as soon as that worker answers [F5]", async () => {
  const api = fakeApi();
  const served = serveVault({ provider: acme(), store: memoryStore(), fetch: api.fetch });
  let isAway = false;
  const lost: VaultPort = { postMessage: (_, [port]) => port!.postMessage("away") };
  const port: VaultPort = {
    postMessage: (question, ports) => (isAway ? lost : served).postMessage(question, [...ports]),
  };
  const vault = connect(() => (isAway ? Promise.reject(new Error("away")) : port));
  await vault.signIn(credentials);
  const before = vault.snapshot();
  expect(before.status).toBe("signed-in");
  isAway = true;
  await rejection(vault.accounts());
  expect(vault.snapshot().status).toBe("unavailable");
  isAway = false;
  await vault.accounts();
  expect(vault.snapshot()).toEqual(before);
});

it("a page's session is the last one that a worker knew: one that has only begun knows of none [F103]", async () => {
  const begunIn: unknown[] = [];
  const news = [
    ["signed-in", "a"],
    ["loading", undefined],
    ["unavailable", undefined],
    ["signed-out", undefined],
    ["signed-in", "b"],
  ] as const;
  const vault = connect(() =>
    odd(({ args }) => {
      const seq = begunIn.length + 2;
      const [status, sessionId] = news[begunIn.length] ?? [];
      begunIn.push(JSON.parse(String(args))[0].begunIn);
      const snapshot = { status, persisted: true };
      return { tokenkeep: 1, state: { owner: "o", seq, news: [{ seq, snapshot, sessionId }] } };
    }),
  );
  vi.stubGlobal("fetch", async () => new Response());
  for (let calls = 0; calls <= news.length; calls++) await vault.fetch(`${ORIGIN}/v1/vms`);
  expect(begunIn).toEqual([undefined, "a", "a", "a", undefined, "b"]);
});

/** A page's way to its worker: how it is found, how long that may take, and what is not begun any more. */
import { getEventListeners } from "node:events";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { VaultPort } from "../../../src/worker.ts";
import { settle } from "../../support/clock.ts";
import { rejection } from "../../support/vault.ts";
import { connect, odd } from "./page-vault.ts";

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await settle();
}

describe("a worker that cannot be started", () => {
  it("is a typed error that says nothing of how that failed [S4 P10]", async () => {
    const vault = connect(() => Promise.reject(new Error("a secret")), {
      fallback: () => Promise.reject(new Error("another secret")),
    });
    const error = await rejection(vault.getToken());
    expect(error).toMatchObject({ code: "worker_unavailable", name: "VaultError" });
    expect(String(error)).not.toContain("secret");
    expect(vault.snapshot().status).toBe("unavailable");
  });

  it("is not replaced by the fallback where the page has closed its vault meanwhile [P21]", async () => {
    let fail!: (reason: Error) => void;
    const start = (): Promise<VaultPort> =>
      new Promise((_, reject) => {
        fail = reject;
      });
    const fallback = vi.fn<() => Promise<{ vault: VaultPort }>>();
    const vault = connect(start, { fallback });
    const call = rejection(vault.getToken());
    await turns();
    vault.close();
    expect(await call).toMatchObject({ code: "closed" });
    fail(new Error("no worker here"));
    await turns();
    expect(fallback).not.toHaveBeenCalled();
    expect(vault.snapshot().status).toBe("loading");
  });
});

describe("a worker that isolates", () => {
  const snapshot = { status: "signed-in", generation: 1, persisted: true };
  const state = { owner: "o", seq: 1, isolated: true, news: [{ seq: 1, snapshot }] };
  let serviceWorker: EventTarget & { controller: unknown };
  let asked: unknown[];
  const worker: VaultPort = {
    postMessage(question, [port]) {
      asked.push((question as { type: string }).type);
      port!.postMessage({ tokenkeep: 1, state, value: ["ada"] });
    },
  };

  function takeControl(): void {
    serviceWorker.controller = {};
    serviceWorker.dispatchEvent(new Event("controllerchange"));
  }

  beforeEach(() => {
    asked = [];
    serviceWorker = Object.assign(new EventTarget(), { controller: null });
    vi.stubGlobal("navigator", { serviceWorker });
  });

  it("is there when the page is controlled: until then it is loading, and calls wait [S7]", async () => {
    const vault = connect(() => worker);
    const call = vault.accounts();
    await turns();
    expect(vault.snapshot().status).toBe("loading");
    expect(asked).toEqual(["state"]);
    takeControl();
    expect(await call).toEqual(["ada"]);
    expect(vault.snapshot().status).toBe("signed-in");
  });

  it("leaves no listener behind, though it begins anew again and again [F92]", async () => {
    serviceWorker.controller = {};
    const active: VaultPort = {
      postMessage(question, ports) {
        // Of each three answers to a call, two are another worker's.
        const isOdd = (question as { type: string }).type !== "state" && asked.length % 3 > 0;
        if (isOdd) ports[0]!.postMessage({ tokenkeep: 2 });
        else worker.postMessage(question, ports);
        if (isOdd) asked.push("odd");
      },
    };
    const registration = Object.assign(new EventTarget(), { active });
    const vault = connect(() => registration as never);
    for (let call = 0; call < 3; call++) expect(await vault.accounts()).toEqual(["ada"]);
    expect(asked).toContain("odd");
    expect(getEventListeners(serviceWorker, "controllerchange")).toEqual([]);
    expect(getEventListeners(registration, "error")).toEqual([]);
  });

  it("and never comes to control the page is unavailable in time, and tried again [P10 S7]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const fallback = vi.fn<() => Promise<{ vault: VaultPort }>>();
    const vault = connect(() => worker, { timeout: 1_000, fallback });
    const call = rejection(vault.accounts());
    await turns();
    await vi.advanceTimersByTimeAsync(999);
    expect(vault.snapshot().status).toBe("loading");
    await vi.advanceTimersByTimeAsync(1);
    expect(await call).toMatchObject({ code: "worker_unavailable" });
    expect(vault.snapshot().status).toBe("unavailable");
    // In a page nothing would attach the tokens: there is nothing to fall back to.
    expect(fallback).not.toHaveBeenCalled();
    const next = vault.accounts();
    await turns();
    takeControl();
    expect(await next).toEqual(["ada"]);
    expect(vault.snapshot().status).toBe("signed-in");
  });
});

describe("a polluted Object.prototype", () => {
  it.each(["error", "state", "value", "event"])(
    "puts no %s into what a worker says [S10 S15]",
    async (name) => {
      const vault = connect(() => odd(() => ({ tokenkeep: 1, value: "the token" })));
      await vault.getToken();
      const told: unknown[] = [];
      vault.events((event) => told.push(event));
      const prototype: object = Object.prototype;
      Object.defineProperty(prototype, name, {
        value: { type: "refused", code: "no_session", owner: "x", seq: 9, news: [{ seq: 9 }] },
        configurable: true,
      });
      try {
        expect(await vault.getToken()).toBe("the token");
        await turns();
      } finally {
        Reflect.deleteProperty(prototype, name);
      }
      expect(told).toEqual([]);
    },
  );
});

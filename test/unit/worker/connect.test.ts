/** A page's part: what it shows and sends, and what it makes of silence. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Snapshot } from "../../../src/vault/vault.ts";
import { connectVault, type VaultPort, type VaultRequestInit } from "../../../src/worker.ts";
import { settle } from "../../support/clock.ts";
import { credentials, ORIGIN } from "../../support/fake-api.ts";
import { rejection } from "../../support/vault.ts";
import { connect, odd, real } from "./page.ts";

const bytes = new Uint8Array(5);
const stream = (text: string): ReadableStream => new Blob([text]).stream();

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

  it.each<[string, (text: string) => VaultRequestInit["body"], number, string[]]>([
    ["a stream once", (text) => stream(text), 401, ["first"]],
    ["anew what a function makes", (text) => () => stream(text), 200, ["first", "first"]],
  ])("sends %s [P11 F20 F21]", async (_, make, status, bodies) => {
    const { vault, api } = real();
    await vault.signIn(credentials);
    api.expire();
    const init = { method: "POST", body: make("first"), duplex: "half" } as VaultRequestInit;
    expect((await vault.fetch(`${ORIGIN}/v1/vms`, init)).status).toBe(status);
    expect(api.to("/v1/vms").map(({ body }) => body)).toEqual(bodies);
    // The next one is fresh all the same.
    await vi.waitFor(() => expect(vault.snapshot().generation).toBe(2));
  });

  it.each<[string, () => VaultRequestInit["body"]]>([
    ["a function", () => () => "first"],
    ["bytes", () => bytes],
  ])("what a caller does meanwhile changes no send of %s [S1 P11]", async (_, make) => {
    const { vault, api } = real();
    await vault.signIn(credentials);
    api.expire();
    const url = new URL(`${ORIGIN}/v1/vms`);
    const headers = new Headers({ "x-own": "first" });
    bytes.set(new TextEncoder().encode("first"));
    const init = { method: "POST", headers, body: make() };
    const call = vault.fetch(url, init as VaultRequestInit);
    url.href = "https://evil.test/";
    headers.set("x-own", "second");
    init.method = "PUT";
    bytes.fill(120);
    expect((await call).status).toBe(200);
    const seen = api.to("/v1/vms");
    expect(seen).toHaveLength(2);
    for (const { method, headers, body } of seen)
      expect([method, headers.get("x-own"), body]).toEqual(["POST", "first", "first"]);
    expect(api.calls.filter((call) => call.url.startsWith("https://evil"))).toEqual([]);
  });

  it("an abort reaches the worker: a sign-in that is given up signs nobody in [P14]", async () => {
    const { vault, api } = real();
    let answer!: (response: Response) => void;
    const { login } = api;
    api.login = () => new Promise((resolve) => (answer = resolve));
    const controller = new AbortController();
    const call = rejection(vault.signIn(credentials, { signal: controller.signal }));
    await vi.waitFor(() => expect(api.to("/login")).toHaveLength(1));
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await call).toBe(reason);
    for (let turn = 0; turn < 5; turn++) await settle();
    answer(await login(api.calls[0]!, 1));
    for (let turn = 0; turn < 5; turn++) await settle();
    expect(await vault.accounts()).toEqual([]);
    expect(vault.snapshot().status).toBe("signed-out");
    // One that is over already is not even begun.
    expect(await rejection(vault.signIn(credentials, { signal: controller.signal }))).toBe(reason);
    expect(api.to("/login")).toHaveLength(1);
  });

  it("closed, it gives up what it asked, and asks no more [P10]", async () => {
    const posted: unknown[] = [];
    const vault = connect(() => odd(({ type }) => void posted.push(type)));
    const call = rejection(vault.getToken());
    await vi.waitFor(() => expect(posted).toEqual(["getToken"]));
    vault.close();
    expect(await call).toMatchObject({ code: "closed" });
    expect(await rejection(vault.signOut())).toMatchObject({ code: "closed" });
    expect(posted).toEqual(["getToken"]);
  });
});

describe("an account", () => {
  it.each(["", "a".repeat(257), "a\ud800", 7, null, {}, ["a"]])(
    "that is none is an invalid_option: %s",
    (account) => {
      const start = vi.fn<() => VaultPort>();
      expect(() => connectVault(start, { account } as object)).toThrow(
        expect.objectContaining({ code: "invalid_option", name: "VaultError" }),
      );
      expect(start).not.toHaveBeenCalled();
    },
  );

  it("of 256 characters will do", async () => {
    const account = "a".repeat(256);
    const { vault } = real({ account });
    await vault.signIn(credentials);
    expect(vault.snapshot().account).toBe(account);
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

describe("a worker that says nothing", () => {
  it("from the start is given up after the timeout, and tried again by the next call [P10]", async () => {
    vi.useFakeTimers();
    const start = vi.fn<() => VaultPort>(() => ({ postMessage() {} }));
    const vault = connect(start, { timeout: 1_000 });
    const call = rejection(vault.getToken());
    // It is asked twice: the first may have been replaced in that moment.
    await vi.advanceTimersByTimeAsync(1_000);
    expect(vault.snapshot().status).toBe("loading");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await call).toMatchObject({ code: "worker_unavailable" });
    expect(vault.snapshot().status).toBe("unavailable");
    expect(start).toHaveBeenCalledTimes(2);
    void vault.getToken().catch(() => {});
    await vi.advanceTimersByTimeAsync(0);
    expect(start).toHaveBeenCalledTimes(3);
  });

  it("leaves nothing unhandled where the caller has given up before [P14]", async () => {
    const unhandled = vi.fn<(reason: unknown) => void>();
    process.on("unhandledRejection", unhandled);
    onTestFinished(() => void process.off("unhandledRejection", unhandled));
    const vault = connect(() => Promise.reject(new Error("no worker here")));
    await rejection(vault.getToken());
    const reason = new Error("enough");
    expect(await rejection(vault.getToken({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    for (let turn = 0; turn < 5; turn++) await settle();
    expect(unhandled).not.toHaveBeenCalled();
  });

  it("and is replaced: its successor answers the call that waited [P10]", async () => {
    const ports = [{ postMessage() {} }, odd(() => ({ tokenkeep: 1, value: "the successor's" }))];
    const vault = connect(() => ports.shift()!, { timeout: 50 });
    expect(await vault.getToken()).toBe("the successor's");
  });

  it("and one after another is replaced: the call waits for the one that stays [P10]", async () => {
    const versions = [2, 2, 2, 1];
    const vault = connect(() => {
      const version = versions.shift();
      return odd(() => ({ tokenkeep: version, value: "the last one's" }));
    });
    expect(await vault.getToken()).toBe("the last one's");
    expect(versions).toEqual([]);
  });

  it("any more is not sent a password again: nobody knows what became of it [S4 P10]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const asked: unknown[] = [];
    const vault = connect(() => odd(({ type }) => void asked.push(type)), { timeout: 1_000 });
    const signIn = rejection(vault.signIn(credentials));
    for (let turn = 0; turn < 5; turn++) await settle();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await signIn).toMatchObject({ code: "sign_in_failed" });
    expect(asked.filter((type) => type === "signIn")).toHaveLength(1);
  });

  it("any more leaves no call behind, and is started again [P10]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const start = vi.fn<() => VaultPort>(() => odd(() => undefined));
    const vault = connect(start, { timeout: 1_000 });
    await vi.waitFor(() => expect(start).toHaveBeenCalledTimes(1));
    const calls = [vault.getToken(), vault.accounts()].map(rejection);
    const signIn = rejection(vault.signIn(credentials));
    for (let turn = 0; turn < 5; turn++) await settle();
    await vi.advanceTimersByTimeAsync(26_000);
    // Its time is up: what is left is to say so.
    await vi.advanceTimersByTimeAsync(10);
    for (const call of calls) expect(await call).toMatchObject({ code: "worker_unavailable" });
    // Whether the server has heard of it nobody knows.
    expect(await signIn).toMatchObject({ code: "sign_in_failed" });
    expect(start.mock.calls.length).toBeGreaterThan(1);
  });

  it("a worker that is updated to another version is left for the fallback [P10]", async () => {
    const version = { now: 1 };
    const worker = odd(() => ({ tokenkeep: version.now, value: "of its own" }));
    const start = (): VaultPort =>
      version.now === 1
        ? worker
        : { postMessage: (_, [port]) => port!.postMessage({ tokenkeep: 2 }) };
    const fallback = async (): Promise<{ vault: VaultPort }> => ({
      vault: odd(() => ({ tokenkeep: 1, value: "the fallback's" })),
    });
    const vault = connect(start, { fallback });
    expect(await vault.getToken()).toBe("of its own");
    version.now = 2;
    expect(await vault.getToken()).toBe("the fallback's");
  });
});

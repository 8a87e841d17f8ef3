/** A worker that says nothing: from the start, any more, or any more that makes sense. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { VaultPort } from "../../../src/worker.ts";
import { settle } from "../../support/clock.ts";
import { credentials } from "../../support/fake-api.ts";
import { rejection } from "../../support/vault.ts";
import { connect, odd } from "./page-vault.ts";

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

  it("to one question is still there for the others: neither they nor the worker end with it [P10 P14]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    // Time goes on between two looks at it, so that timers, which count whole milliseconds, come early.
    const now = performance.now.bind(performance);
    let passed = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now() + (passed += 0.01));
    const start = vi.fn<() => VaultPort>(() => ({
      postMessage(question, [port]) {
        const { type } = question as { type: string };
        const say = (value?: string): void =>
          port!.postMessage({ tokenkeep: 1, value, state: { owner: "o", seq: 1, news: [] } });
        if (type === "state") say();
        else if (type === "getToken") setTimeout(say, 800, "its token");
        else if (type === "signIn") setTimeout(say, 800);
      },
    }));
    const vault = connect(start, { timeout: 1_000 });
    const never = rejection(vault.accounts());
    await vi.advanceTimersByTimeAsync(25_000);
    const others: Promise<unknown>[] = [];
    for (let second = 0; second < 3; second++) {
      others.push(vault.getToken(), vault.signIn(credentials));
      for (let beats = 0; beats < 10; beats++) {
        await vi.advanceTimersByTimeAsync(100);
        await settle();
      }
    }
    expect(await Promise.all(others)).toEqual(
      Array.from({ length: 6 }, (_, at) => (at % 2 ? undefined : "its token")),
    );
    expect(await never).toMatchObject({ code: "worker_unavailable" });
    expect(start).toHaveBeenCalledTimes(1);
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
    let isMute = false;
    const worker = odd(() => undefined);
    const start = vi.fn<() => VaultPort>(() => ({
      postMessage: (...message) => isMute || worker.postMessage(...message),
    }));
    const vault = connect(start, { timeout: 1_000 });
    await vi.waitFor(() => expect(start).toHaveBeenCalledTimes(1));
    for (let turn = 0; turn < 5; turn++) await settle();
    isMute = true;
    const calls = [vault.getToken(), vault.accounts()].map(rejection);
    const signIn = rejection(vault.signIn(credentials));
    for (let turn = 0; turn < 5; turn++) await settle();
    await vi.advanceTimersByTimeAsync(26_000);
    // Its time is up: what is left is to say so.
    await vi.advanceTimersByTimeAsync(10);
    for (const call of calls) expect(await call).toMatchObject({ code: "worker_unavailable" });
    // Whether the server has heard of it nobody knows.
    expect(await signIn).toMatchObject({ code: "sign_in_failed" });
    // It is asked whether it is there at all.
    await vi.advanceTimersByTimeAsync(1_000);
    void vault.getToken().catch(() => {});
    await vi.advanceTimersByTimeAsync(10);
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

/** Web Locks as Node has them, and where they are missing or refuse. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { localLock } from "../../../src/locks/local.ts";
import { webLocks } from "../../../src/locks/web-locks.ts";
import { lockContract, never, webLocksContract } from "../../contracts/lock.ts";

// A page's events, which Node has not.
const page = new EventTarget();
Object.assign(globalThis, { addEventListener: page.addEventListener.bind(page) });

webLocksContract("Node's", {
  pagehide: () => page.dispatchEvent(new Event("pagehide")),
  freeze: () => page.dispatchEvent(new Event("freeze")),
});

const refused = (): never => {
  throw new DOMException("The request was denied", "SecurityError");
};
const broken: [string, LockManager][] = [
  ["throw", { request: refused } as unknown as LockManager],
  ["reject", { request: async () => refused() } as unknown as LockManager],
  ["are not there in earnest", {} as LockManager],
  ["never call back", { request: async () => undefined } as unknown as LockManager],
];
for (const [what, locks] of broken) {
  lockContract(`Web Locks that ${what}`, () => webLocks({ locks }), { exclusive: false });
  lockContract(`Web Locks that ${what}, with a fallback`, () =>
    webLocks({ locks, fallback: localLock() }),
  );
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("where there are none", () => {
  it.each([
    ["no navigator", undefined],
    ["no locks", {}],
    ["null locks", { locks: null }],
  ])("the task runs once all the same: %s [F6]", async (_, navigator) => {
    vi.stubGlobal("navigator", navigator);
    let runs = 0;
    expect(await webLocks().run("name", async () => ++runs, never())).toBe(1);
    const error = new Error("the task's own");
    const failing = webLocks().run("name", () => Promise.reject(error), never());
    await expect(failing).rejects.toBe(error);
  });

  it("what appears later is used [F6]", async () => {
    vi.stubGlobal("navigator", {});
    const lock = webLocks();
    await lock.run("name", async () => {}, never());
    vi.unstubAllGlobals();
    const request = vi.spyOn(navigator.locks, "request");
    await lock.run("name", async () => {}, never());
    expect(request).toHaveBeenCalledTimes(1);
  });
});

it("a grant that comes after the abort runs nothing and holds nothing [F2]", async () => {
  const aborter = new AbortController();
  let answer: unknown = "not called";
  const locks = {
    // Aborted between the grant and its callback.
    async request(_: string, __: LockOptions, callback: () => unknown) {
      aborter.abort("gave up");
      answer = callback();
      await answer;
    },
  } as unknown as LockManager;
  let runs = 0;
  const run = webLocks({ locks }).run("name", async () => ++runs, aborter.signal);
  await expect(run).rejects.toBe("gave up");
  expect([answer, runs]).toEqual([undefined, 0]);
});

it("hold of a lock that is free is had and let go, also where the manager grants it at once, as Node does [F57 P10]", async () => {
  const name = `tokenkeep-test-${Math.random()}`;
  const lock = webLocks();
  const release = await lock.hold?.(name);
  expect(release).toBeTypeOf("function");
  expect(await lock.isFree?.(name)).toBe(false);
  release?.();
  await vi.waitFor(async () => expect(await lock.isFree?.(name)).toBe(true));
});

it("Node's locks span this process alone, also where a library has made a document [P2 F57]", () => {
  vi.stubGlobal("document", {});
  expect(webLocks().spans).toBe("context");
});

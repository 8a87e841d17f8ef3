/** How often an object is asked that is overloaded, that was reset, or that says nothing. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { type Ask, createAsk } from "../../../src/cloudflare/ask.ts";
import type { Owner } from "../../../src/cloudflare/wire.ts";
import { isVaultError, VaultError } from "../../../src/errors.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";

afterEach(() => void vi.restoreAllMocks());

interface Scene {
  readonly clock: ManualClock;
  readonly ask: Ask;
  /** When the object was asked, by stubs of which each has failed. */
  readonly askedAt: number[];
}

function scene(fail: () => Promise<never>): Scene {
  const clock = manualClock();
  const askedAt: number[] = [];
  const since = clock.running();
  const ask = createAsk({
    owner() {
      let isBroken = false;
      const token = (): Promise<never> => {
        // A stub that has failed stays broken.
        expect(isBroken).toBe(false);
        isBroken = true;
        askedAt.push(Math.round(clock.running() - since));
        return fail();
      };
      return { token } as unknown as Owner;
    },
    hash: async () => "hash",
    clock,
    patience: 20_000,
    waitUntil: (work) => void work.catch(() => {}),
  });
  return { clock, ask, askedAt };
}

const outcome = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: unknown) => (isVaultError(error) ? error.code : error));

const question = (owner: Owner): ReturnType<Owner["token"]> => owner.token({} as never, {});
const overloaded = (): Promise<never> =>
  Promise.reject(Object.assign(new Error("secret"), { overloaded: true, retryable: false }));
const reset = (): Promise<never> => Promise.reject(new Error("secret"));

describe("callers whom an object turns away", () => {
  it.each([
    [
      "an overloaded one, after up to 4 s, then after up to 16",
      overloaded,
      0.999,
      [0, 3996, 19980],
    ],
    ["an overloaded one, at random", overloaded, 0.5, [0, 2000, 10000]],
    ["one that was reset, after up to 0.4 s, then after up to 1.6", reset, 0.999, [0, 400, 1998]],
  ])("come back to %s; then it is unavailable [P10 P18]", async (_, fail, share, times) => {
    vi.spyOn(Math, "random").mockReturnValue(share);
    const { clock, ask, askedAt } = scene(fail);
    expect(await clock.until(outcome(ask(question, { tries: 3 })))).toBe("store_unavailable");
    expect(askedAt).toEqual(times);
  });

  it("do not come back where a second question would do harm", async () => {
    const { clock, ask, askedAt } = scene(reset);
    expect(await clock.until(outcome(ask(question, { tries: 1 })))).toBe("store_unavailable");
    expect(askedAt).toEqual([0]);
  });

  it("do not come back with what was wrong from the start", async () => {
    const { clock, ask, askedAt } = scene(() => Promise.reject(new VaultError("invalid_option")));
    expect(await clock.until(outcome(ask(question, { tries: 3 })))).toBe("invalid_option");
    expect(askedAt).toEqual([0]);
  });
});

it("an object that says nothing is waited for as long as the caller has patience, and 10 s [P10 F31]", async () => {
  const { clock, ask, askedAt } = scene(() => new Promise<never>(() => {}));
  const since = clock.running();
  expect(await clock.until(outcome(ask(question, { tries: 3 })))).toBe("store_unavailable");
  expect(clock.running() - since).toBe(30_000);
  expect(askedAt).toEqual([0]);
});

it("a caller that leaves is let go at once, with its own reason [P14]", async () => {
  const { clock, ask } = scene(() => new Promise<never>(() => {}));
  const controller = new AbortController();
  const call = outcome(ask(question, { tries: 3, signal: controller.signal }));
  await clock.advance(1_000);
  controller.abort("left");
  expect(await call).toBe("left");
  expect(clock.pending()).toEqual([]);
});

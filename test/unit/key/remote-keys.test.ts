/** How often an issuer that does not answer is asked, to the request: in time that stands still. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { remoteKeys } from "../../../src/jwt.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SET = { keys: [{ kty: "EC", crv: "P-256", kid: "k1" }] };

/** An issuer whose answers the test gives, one by one. */
function silentIssuer() {
  const answers: ((response: Response) => void)[] = [];
  const fetch = (): Promise<Response> => new Promise((resolve) => answers.push(resolve));
  const key = remoteKeys("https://login.acme.test/jwks", { fetch, timeout: 5_000 });
  return {
    calls: () => answers.length,
    answer: (index: number) => answers[index]?.(Response.json(SET)),
    /** Many at once; what each of them gets. */
    ask: (count: number) =>
      Promise.all(
        Array.from({ length: count }, () =>
          key.get().then(
            ({ keys }) => keys.length,
            (error: { code?: string; reason?: string }) => `${error.code}: ${error.reason}`,
          ),
        ),
      ),
  };
}

it("a fetch under way is joined for half of its time; then one more serves all who wait [F31]", async () => {
  const issuer = silentIssuer();
  const all = issuer.ask(20);
  await vi.advanceTimersByTimeAsync(2_499);
  expect(issuer.calls()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(issuer.calls()).toBe(2);
  await vi.advanceTimersByTimeAsync(2_499);
  expect(issuer.calls()).toBe(2);
  issuer.answer(1);
  // Who began the first one waits for that to its end.
  await vi.advanceTimersByTimeAsync(1);
  expect(await all).toEqual(Array.from({ length: 20 }, () => 1));
  expect(await issuer.ask(20)).toEqual(Array.from({ length: 20 }, () => 1));
  expect(issuer.calls()).toBe(2);
});

it("an issuer that never answers leaves nobody waiting, and the next try is made after a pause [P10 S12]", async () => {
  const issuer = silentIssuer();
  let isOver = false;
  const all = issuer.ask(20).finally(() => void (isOver = true));
  await vi.advanceTimersByTimeAsync(7_500);
  expect(isOver).toBe(true);
  expect(new Set(await all)).toEqual(new Set(["keys_unavailable: timed_out"]));
  const calls = issuer.calls();
  expect(calls).toBe(2);
  expect(await issuer.ask(20)).toEqual(
    Array.from({ length: 20 }, () => "keys_unavailable: timed_out"),
  );
  expect(issuer.calls()).toBe(calls);
  await vi.advanceTimersByTimeAsync(60_000);
  const again = issuer.ask(20);
  expect(issuer.calls()).toBe(calls + 1);
  issuer.answer(calls);
  expect(new Set(await again)).toEqual(new Set([1]));
});

it("an answer that comes late, after its own time, is still nobody's set [S12]", async () => {
  const issuer = silentIssuer();
  const first = issuer.ask(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await first).toEqual(["keys_unavailable: timed_out"]);
  issuer.answer(0);
  await vi.advanceTimersByTimeAsync(0);
  expect(await issuer.ask(1)).toEqual(["keys_unavailable: timed_out"]);
});

it("a body that is not wanted is let go of: no connection stays open for it [S12]", async () => {
  let signal: AbortSignal | undefined;
  const fetch = async (_: unknown, init?: RequestInit): Promise<Response> => {
    signal = init?.signal ?? undefined;
    return new Response("an error's page", { status: 500 });
  };
  const keys = remoteKeys("https://login.acme.test/jwks", { fetch });
  await expect(keys.get()).rejects.toMatchObject({ code: "keys_unavailable", status: 500 });
  expect(signal?.aborted).toBe(true);
});

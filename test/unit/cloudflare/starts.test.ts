/** Many sign-ins at once, wanted only where nobody is signed in. */
import { describe, expect, it } from "vitest";
import { createStarts } from "../../../src/cloudflare/starts.ts";
import { VaultError } from "../../../src/errors.ts";
import { manualClock } from "../../support/clock.ts";

function deferred(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (reason: unknown) => void;
} {
  let [resolve, reject] = [(): void => {}, (_: unknown): void => {}];
  const promise = new Promise<void>((...given) => ([resolve, reject] = given));
  return { promise, resolve, reject };
}

const settled = (all: readonly Promise<unknown>[]): Promise<string[]> =>
  Promise.all(
    all.map((one) =>
      one.then(
        () => "done",
        (error: { code: string }) => error.code,
      ),
    ),
  );

describe("sign-ins at once", () => {
  it("with the same credentials are one, and share what comes of it [F95]", async () => {
    const starts = createStarts(manualClock(), 20_000);
    let begun = 0;
    const one = deferred();
    const all = Array.from({ length: 50 }, () =>
      starts(["signIn", { user: "u", password: "p" }], () => {
        begun += 1;
        return one.promise;
      }),
    );
    one.reject(new VaultError("credentials_refused"));
    expect(await settled(all)).toEqual(all.map(() => "credentials_refused"));
    expect(begun).toBe(1);
  });

  it("with other credentials wait for their turn, and do not share [F95]", async () => {
    const starts = createStarts(manualClock(), 20_000);
    const wrong = deferred();
    const first = starts(["signIn", "wrong"], () => wrong.promise);
    let begun = 0;
    const second = starts(["signIn", "right"], async () => void (begun += 1));
    await Promise.resolve();
    expect(begun).toBe(0);
    wrong.reject(new VaultError("credentials_refused"));
    expect(await settled([first, second])).toEqual(["credentials_refused", "done"]);
    expect(begun).toBe(1);
  });

  it("of callers whose patience is over have no turn any more: nobody signs in for them [F95]", async () => {
    const clock = manualClock();
    const starts = createStarts(clock, 20_000);
    const slow = deferred();
    const first = starts(["signIn", 0], () => slow.promise);
    let begun = 0;
    const others = Array.from({ length: 30 }, (_, user) =>
      starts(["signIn", user + 1], async () => void (begun += 1)),
    );
    const all = settled([first, ...others]);
    await clock.advance(20_001);
    expect(await all).toEqual(Array.from({ length: 31 }, () => "sign_in_failed"));
    slow.resolve();
    await clock.advance(60_000);
    expect(begun).toBe(0);
  });

  it("whose data no text tells apart are not taken for the same [F95]", async () => {
    const starts = createStarts(manualClock(), 20_000);
    let begun = 0;
    const start = async (): Promise<void> => void (begun += 1);
    const odd = [new Map([["a", 1]]), new Map([["a", 2]]), 1n, NaN, new Date(0), () => {}];
    await Promise.all(odd.map((credentials) => starts(["signIn", credentials], start)));
    expect(begun).toBe(odd.length);
  });
});

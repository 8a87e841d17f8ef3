/** `onWake` is the application's: what it throws, and what it gives, leaves no engine open. */
import { describe, expect, it } from "vitest";
import { createVault as createDenoVault } from "../../../src/deno.ts";
import { createVault } from "../../../src/index.ts";
import type { VaultOptions } from "../../../src/types.ts";
import { settle } from "../../support/clock.ts";
import { acme } from "../../support/fake-api.ts";
import { bench, refreshes, rejection, signedIn } from "../../support/vault.ts";

const HOUR = 3_600_000;
const bad = (): never => {
  throw new Error("the application's own");
};

type OnWake = NonNullable<VaultOptions["onWake"]>;

const stoppers: readonly (readonly [string, unknown])[] = [
  ["throws", bad],
  ["is a number", 7],
  ["is an object", { stop() {} }],
  ["is missing", undefined],
];

/** A channel that counts its open ends. */
function counted(): { readonly channel: VaultOptions["channel"] & object; count: () => number } {
  let count = 0;
  const channel = {
    open() {
      count += 1;
      return { post() {}, close: () => void (count -= 1) };
    },
  };
  return { channel, count: () => count };
}

describe.each(stoppers)("a way to stop that %s", (_, stopper) => {
  const onWake = (() => stopper) as OnWake;

  it("leaves no closed vault at work [P21]", async () => {
    const { channel, count } = counted();
    const made = await signedIn({ refreshAhead: true, channel, onWake });
    const { vault, clock } = made;
    vault.close();
    await settle();
    expect(await rejection(vault.getToken())).toMatchObject({ code: "closed" });
    await clock.advance(2 * HOUR);
    expect([refreshes(made), count(), clock.pending()]).toEqual([0, 0, []]);
  });

  it("is told to who waits for the end, if it throws, and then all has ended [P21]", async () => {
    const { channel, count } = counted();
    const { vault } = await signedIn({ channel, onWake });
    const end = vault[Symbol.asyncDispose]();
    if (stopper === bad) expect((await rejection(end)).message).toBe("the application's own");
    else await end;
    expect(count()).toBe(0);
  });

  it("ends a schedule beside it [P21 F102]", async () => {
    const { clock, store, api } = bench();
    const schedules: AbortSignal[] = [];
    const vault = createDenoVault({
      provider: acme(),
      ...{ clock, store, fetch: api.fetch, onWake },
      cron: (_look, signal) => void schedules.push(signal),
    });
    const end = vault[Symbol.asyncDispose]();
    if (stopper === bad) await rejection(end);
    else await end;
    expect(schedules.map(({ aborted }) => aborted)).toEqual([true]);
  });
});

it("an onWake that throws is told where the vault is made, and leaves nothing open [P21]", async () => {
  const { channel, count } = counted();
  const { clock, store, api } = bench();
  const options = { provider: acme(), clock, store, channel, fetch: api.fetch, onWake: bad };
  expect(() => createVault({ ...options, refreshAhead: true })).toThrow("the application's own");
  await settle();
  expect([count(), clock.pending()]).toEqual([0, []]);
});

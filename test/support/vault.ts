/** The stage for a vault: over the fake API, in standing time. Each one is closed when its test has ended. */
import { afterEach, beforeEach } from "vitest";
import { createVault, type Vault, type VaultEvent, type VaultOptions } from "../../src/index.ts";
import type { PasswordCredentials } from "../../src/providers/password.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { TokenStore } from "../../src/types.ts";
import { type ManualClock, manualClock } from "./clock.ts";
import { acme, credentials, type FakeApi, fakeApi, ORIGIN } from "./fake-api.ts";

/** Whether the vaults here are pages' that ask a worker: `unit/worker/same-as-vault.test.ts`. */
export const connected: boolean = "connected" in createVault;

const open: { close(): void }[] = [];
beforeEach(() => {
  // What was opened before a test began serves several tests.
  open.length = 0;
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** Closes it when the test has ended. */
export function closedAfter<One extends { close(): void }>(one: One): One {
  open.push(one);
  return one;
}

export interface Bench {
  readonly vault: Vault<PasswordCredentials>;
  readonly api: FakeApi;
  readonly clock: ManualClock;
  readonly store: TokenStore;
  readonly events: VaultEvent[];
  /** The types of the events so far. */
  types(): string[];
}

export type BenchOptions = Partial<VaultOptions<PasswordCredentials>> & { readonly api?: FakeApi };

/** Not signed in. */
export function bench({ api = fakeApi(), ...options }: BenchOptions = {}): Bench {
  const clock = (options.clock as ManualClock | undefined) ?? manualClock();
  const store = options.store ?? memoryStore();
  const vault = closedAfter(
    createVault({
      provider: acme(),
      fetch: api.fetch,
      // Midway: jitter is tested where it matters.
      random: () => 0.5,
      ...options,
      clock,
      store,
    }),
  );
  const events: VaultEvent[] = [];
  vault.events((event) => events.push(event));
  return { vault, api, clock, store, events, types: () => events.map(({ type }) => type) };
}

/** Signed in. */
export async function signedIn(options?: BenchOptions): Promise<Bench> {
  const one = bench(options);
  await one.vault.signIn(credentials);
  return one;
}

/** The number of refreshes that were asked for. */
export const refreshes = ({ api }: Pick<Bench, "api">): number => api.to("/refresh").length;

export const VMS: string = `${ORIGIN}/v1/vms`;

/** What a promise rejects with; a test fails if it does not. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("The promise was expected to reject");
}

/** What the tests of the vault under wretch share. */
import wretch, { type ConfiguredMiddleware, type Wretch } from "wretch";
import { retry } from "wretch/middlewares";
import type { Vault } from "../../../src/index.ts";
import { vaultAddon, vaultMiddleware } from "../../../src/wretch.ts";
import type { FetchContract, Stage } from "../fetch/stage.ts";

export interface WretchContract extends FetchContract {
  /** Whether the runtime times requests to other origins for wretch; WebKitGTK does not. */
  readonly timings: boolean;
}

export type WretchStage = Stage & WretchContract;

/** Asks again until all is well, quickly. */
export const stubborn = (): ConfiguredMiddleware =>
  retry({ delayTimer: 1, maxAttempts: 3, until: (reply) => !!reply?.ok });

/** The same, and not even put off by errors. */
export const relentless = (): ConfiguredMiddleware =>
  retry({
    delayTimer: 1,
    maxAttempts: 3,
    until: (reply) => !!reply?.ok,
    retryOnNetworkError: true,
  });

/** What differs from a plain chain: where the vault stands in it. */
export const orders: Readonly<
  Record<string, (url: string, vault: Vault<never>, others: ConfiguredMiddleware[]) => Wretch>
> = {
  "the vault first": (url, vault, others) =>
    wretch(url).middlewares([vaultMiddleware(vault), ...others]),
  "the vault last": (url, vault, others) =>
    wretch(url).middlewares([...others, vaultMiddleware(vault)]),
  "the vault in the middle": (url, vault, others) =>
    wretch(url).middlewares([others[0]!, vaultMiddleware(vault), ...others.slice(1)]),
  "the vault as an addon": (url, vault, others) =>
    wretch(url).middlewares(others).addon(vaultAddon(vault)) as Wretch,
};

/** How a call ended; that it ends at all is half of what is asked. */
export const ended = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "answered",
    (error: Error & { status?: number; code?: string }) =>
      error.code ?? (error.status ? `status ${error.status}` : error.message),
  );

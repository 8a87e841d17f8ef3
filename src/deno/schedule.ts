/** A schedule that looks whether a refresh is due, for hosts that run no timers between requests. */
import { VaultError } from "../errors.ts";
import { shortHash } from "../guard/hash.ts";
import { keyOf } from "../guard/record.ts";
import type { Provider, VaultOptions } from "../types.ts";

/** The application's function that begins a schedule; it returns the host's own value. */
export type Cron = (refresh: () => Promise<void>, signal: AbortSignal, name: string) => unknown;

export interface Schedule {
  readonly onWake: (look: () => void) => () => void;
  stop(): void;
}

/** Begins a schedule before the vault is made, so that a schedule which cannot begin leaves nothing open. */
export function begin(
  cron: Cron,
  { provider, account = "default" }: Pick<VaultOptions, "account" | "provider">,
): Schedule {
  const ended = new AbortController();
  const stop = (): void => ended.abort();
  let look: () => unknown = () => {};
  const name = nameOf(provider, account);
  try {
    // The host stays awake until the returned promise settles.
    const begun = cron(async () => void (await look()), ended.signal, name);
    // A promise of it is the schedule's own: its end is nobody's fault here.
    Promise.resolve(begun).catch(() => {});
  } catch {
    throw new VaultError(
      "invalid_option",
      "Cannot begin the schedule: each vault needs a name of its own, of letters, digits, spaces, _ and -. Take the one that is given: cron: (refresh, signal, name) => Deno.cron(name, …, { signal }, refresh)",
    );
  }
  return {
    stop,
    onWake(listener) {
      look = listener;
      return stop;
    },
  };
}

/** A name for `Deno.cron`, which takes letters, digits, spaces, `_` and `-`, and 64 of them at most. */
function nameOf(provider: VaultOptions["provider"], account: string): string {
  const key = provider?.origins?.length ? keyOf(provider as Provider, account) : "";
  return `tokenkeep ${provider?.name ?? ""} ${shortHash(key)}`
    .replaceAll(/[^\w -]/g, "-")
    .slice(-64);
}

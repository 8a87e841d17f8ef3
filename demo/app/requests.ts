/** The requests. An application's code ends here: nothing in it knows of tokens. */
import { isVaultError } from "tokenkeep/browser";
import type { Tally } from "../tabs/channel.ts";
import type { DemoVault } from "./vaults.ts";

interface Target {
  readonly vault: DemoVault;
  readonly url: string;
}
type One = (target: Target) => Promise<Response>;
type Many = (target: Target, count: number) => Promise<Response>[];

// #region one
export const one: One = ({ vault, url }) => vault.fetch(url);
// #endregion

// #region fifty
export const many: Many = ({ vault, url }, count) =>
  Array.from({ length: count }, () => vault.fetch(url));
// #endregion

/** Sends, and tells how each ended: its status, or the code of its error. */
export async function send(target: Target, count: number): Promise<Tally> {
  const ends = await Promise.allSettled(count === 1 ? [one(target)] : many(target, count));
  const tally: Record<string, number> = {};
  for (const end of ends) {
    const name =
      end.status === "fulfilled"
        ? String(end.value.status)
        : isVaultError(end.reason)
          ? end.reason.code
          : "no reply";
    tally[name] = (tally[name] ?? 0) + 1;
  }
  return tally;
}

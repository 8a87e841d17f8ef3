/**
 * Takes notes of what a vault does: each call, each send below it, each refresh. The vault is used as
 * it is; notes are taken around `vault.fetch`, and in the `fetch` that it sends with.
 */
import { isVaultError, type VaultEvent } from "tokenkeep/browser";
import { type CallTrace, type News, OWNER, type RenewalTrace } from "./channel.ts";
import type { DemoVault, Opened } from "../app/vaults.ts";

export interface Trace {
  /** For the vault's option `fetch`. Rejects as without a network while `isOffline`. */
  readonly fetch: typeof fetch;
  /** Puts it in the place of this page's own, for one origin: there a vault in a worker sends with. */
  listen(origin: string): void;
  /** The same vault, with notes. */
  watch(opened: Opened): DemoVault;
  /** Tells what is not told yet. */
  flush(): void;
  close(): void;
}

/** The browser's own. */
const { fetch } = globalThis;

/** So often the other tabs are told, milliseconds. */
const PACE = 60;

export function createTrace(
  tab: number,
  tell: (news: News) => void,
  isOffline: () => boolean,
): Trace {
  const calls = new Map<string, CallTrace>();
  const changed = new Set<CallTrace>();
  /** The calls of this task: their number is known when it is over. */
  let batch: CallTrace[] = [];
  let renewal: RenewalTrace | undefined;

  function flush(): void {
    if (changed.size > 0) tell({ type: "calls", calls: [...changed] });
    for (const call of changed) if (call.end !== undefined) calls.delete(call.key);
    changed.clear();
  }
  const timer = setInterval(flush, PACE);

  function begin(): CallTrace {
    const key = crypto.randomUUID();
    const call: CallTrace = { key, tab, index: batch.length, of: 1, start: Date.now(), sends: [] };
    if (batch.push(call) === 1)
      setTimeout(() => {
        for (const one of batch) {
          one.of = batch.length;
          changed.add(one);
        }
        batch = [];
      });
    calls.set(key, call);
    changed.add(call);
    return call;
  }

  function end(call: CallTrace, result: string): void {
    call.end = Date.now();
    call.result = result;
    changed.add(call);
  }

  async function traced(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const url = input instanceof Request ? input.url : String(input);
    const call = calls.get(new URL(url).searchParams.get("n") ?? "");
    const send: CallTrace["sends"][number] = { start: Date.now() };
    call?.sends.push(send);
    if (call) changed.add(call);
    try {
      // #region offline
      // The fetch that the vault is given, with what a browser says without a network.
      if (isOffline()) throw new TypeError("Failed to fetch");
      const response = await fetch(input, init);
      // #endregion
      send.status = response.status;
      return response;
    } catch (error) {
      send.status = 0;
      throw error;
    } finally {
      send.end = Date.now();
      if (call) changed.add(call);
    }
  }

  function conclude(outcome: RenewalTrace["outcome"] & string, status?: number): void {
    if (!renewal) return;
    renewal = { ...renewal, end: Date.now(), outcome, status };
    tell({ type: "renewal", renewal, from: tab });
    renewal = undefined;
  }

  function observe({ type, status }: VaultEvent, isOwned: boolean): void {
    if (type === "refreshing") {
      const by = isOwned ? OWNER : tab;
      renewal = { key: crypto.randomUUID(), tab: by, start: Date.now() };
      tell({ type: "renewal", renewal, from: tab });
    } else if (type === "refreshed" || type === "trouble" || type === "refused")
      conclude(type, status);
    else if (type === "adopted" || type === "signed-out") conclude("given up");
  }

  return {
    fetch: traced,
    flush,
    listen(origin) {
      globalThis.fetch = (input, init) => {
        const url = input instanceof Request ? input.url : String(input);
        return url.startsWith(`${origin}/`) ? traced(input, init) : fetch(input, init);
      };
    },
    watch({ vault, isOwned }) {
      vault.events((event) => observe(event, isOwned()));
      return {
        ...vault,
        async fetch(input, init) {
          const call = begin();
          const url = new URL(String(input));
          // The same for both sends, so that the server can tell one request from two.
          url.searchParams.set("n", call.key);
          try {
            const response = await vault.fetch(url, init);
            end(call, String(response.status));
            return response;
          } catch (error) {
            end(call, isVaultError(error) ? error.code : "no reply");
            throw error;
          }
        },
      };
    },
    close() {
      clearInterval(timer);
      flush();
    },
  };
}

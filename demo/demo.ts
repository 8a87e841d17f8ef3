/** What the buttons work with: this tab's vault, the other tabs, and the way behind the API. */
import type { Vault } from "tokenkeep/browser";
import type { Tally } from "./channel.ts";
import type { Context } from "./context.ts";
import type { History } from "./history.ts";
import type { Tabs } from "./tabs.ts";
import type { Values } from "./vaults.ts";

export interface Demo {
  readonly vault: Vault<never>;
  /** What is asked for. */
  readonly url: string;
  /** This tab's number. */
  readonly tab: number;
  readonly tabs: Tabs;
  /** The tabs that share this session, by number. */
  team(): readonly number[];
  /** Has tabs send requests, all at once; tells how they ended. */
  send(to: readonly number[], count: number): Promise<Tally>;
  /** Signs in anew, so that nothing of before plays a part. */
  freshStart(): Promise<void>;
  /** Reaches behind the API: `expire`, `revoke`, `fault`. */
  server(what: string, kind?: string): Promise<void>;
  /** Resolves with the tab that is refreshing, once its call has arrived at the API. */
  refreshing(): Promise<number>;
}

export function createDemo(
  context: Context,
  tabs: Tabs,
  history: History,
  /** What one signs in with, where nobody is asked. */
  values: () => Promise<Values>,
  /** How many calls to its token endpoint the API has seen. */
  arrived: () => number,
): Demo {
  const { vault, url, tab, api } = context;

  const demo: Demo = {
    vault,
    url,
    tab,
    tabs,
    team: () => tabs.team().map((one) => one.tab),
    send: (to, count) => tabs.send(to, count),
    async freshStart() {
      await context.signIn(await values());
      const { issuedAt } = vault.snapshot();
      await tabs.until(() => tabs.team().every((one) => one.issuedAt === issuedAt), 5_000);
    },
    async server(what, kind = "") {
      const query = new URLSearchParams({ kind });
      const reply = await fetch(`/backstage/${api.id}/${what}?${query}`, { method: "POST" });
      if (!reply.ok) throw new Error(`The demo's server does not know how to ${what}`);
    },
    async refreshing() {
      const before = arrived();
      const at = (): number | undefined =>
        history.scene(Date.now())?.renewals.find(({ end }) => end === undefined)?.tab;
      await tabs.until(() => at() !== undefined && arrived() > before, 10_000);
      return at() ?? tab;
    },
  };
  return demo;
}

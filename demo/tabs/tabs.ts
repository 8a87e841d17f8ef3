/** The tabs of the demo: who is there, how to open more, how to have them all send at once. */
import type { Line, News, TabState, Tally } from "./channel.ts";
import { type Context, lockOf } from "./context.ts";

export interface Tabs {
  /** All that are open, by number. */
  list(): readonly TabState[];
  /** Those that share this tab's session. */
  team(): readonly TabState[];
  /** Opens a real tab; where the browser forbids it, a frame. `true` if it is a tab. */
  open(): boolean;
  /** Opens frames until the session has so many tabs, and waits until all are ready. */
  atLeast(count: number): Promise<void>;
  /** Has these tabs send at once; resolves when all are done or gone. */
  send(to: readonly number[], count: number): Promise<Tally>;
  /** Closes one, at once. */
  close(tab: number): void;
  /** Waits until something is so, as far as the tabs tell; `false` after `ms`. */
  until(is: () => boolean, ms: number): Promise<boolean>;
  heard(news: News): void;
}

/** How long tabs are waited for, on the slowest machine; milliseconds. */
const PATIENCE = 60_000;

export function createTabs(context: Context, line: Line, onChange: (gone?: number) => void): Tabs {
  const states = new Map<number, TabState>();
  const waiting = new Set<() => void>();
  const sent = new Map<string, Map<number, Tally>>();

  function changed(gone?: number): void {
    for (const check of [...waiting]) check();
    onChange(gone);
  }

  function remove(tab: number): void {
    if (states.delete(tab)) changed(tab);
  }

  /** A tab that died without a word has let go of its lock. */
  async function sweep(): Promise<void> {
    const { held = [] } = await navigator.locks.query();
    const alive = new Set(held.map(({ name }) => name));
    for (const tab of states.keys()) if (!alive.has(lockOf(tab))) remove(tab);
  }
  setInterval(() => void sweep(), 1_000);

  const address = (page: string, within?: number): string => {
    const query = new URLSearchParams({ api: context.api.id, account: context.person.account });
    if (within !== undefined) query.set("within", String(within));
    if (context.isSwitchedOff()) query.set("offline", "");
    return `./${page}?${query}`;
  };

  function openFrame(): void {
    const frame = document.createElement("iframe");
    frame.src = address("frame.html", context.tab);
    frame.title = "One more tab";
    frame.tabIndex = -1;
    document.getElementById("frames")!.append(frame);
  }

  const list = (): TabState[] => [...states.values()].sort((a, b) => a.tab - b.tab);
  const team = (): TabState[] =>
    list().filter(
      ({ api, account }) => api === context.api.id && account === context.person.account,
    );

  const tabs: Tabs = {
    list,
    team,
    open() {
      const opened = window.open(address(""), "_blank");
      if (!opened) openFrame();
      return opened !== null;
    },
    async atLeast(count) {
      for (let missing = count - team().length; missing > 0; missing--) openFrame();
      const { issuedAt } = context.vault.snapshot();
      await tabs.until(() => {
        const ready = team().filter((one) => one.issuedAt === issuedAt);
        return ready.length >= count && ready.length === team().length;
      }, PATIENCE);
    },
    async send(to, count) {
      const id = crypto.randomUUID();
      const tallies = new Map<number, Tally>();
      sent.set(id, tallies);
      line.post({ type: "send", id, to, count });
      const over = (): boolean => to.every((tab) => tallies.has(tab) || !states.has(tab));
      await tabs.until(over, PATIENCE);
      sent.delete(id);
      const sum: Record<string, number> = {};
      for (const tally of tallies.values())
        for (const [name, times] of Object.entries(tally)) sum[name] = (sum[name] ?? 0) + times;
      return sum;
    },
    close: (tab) => line.post({ type: "close", to: tab }),
    until(is, ms) {
      return new Promise((resolve) => {
        const end = (ok: boolean): void => {
          clearTimeout(timer);
          waiting.delete(check);
          resolve(ok);
        };
        const check = (): void => {
          if (is()) end(true);
        };
        const timer = setTimeout(() => end(false), ms);
        waiting.add(check);
        check();
      });
    },
    heard(news) {
      if (news.type === "here") states.set(news.state.tab, news.state);
      else if (news.type === "sent") sent.get(news.id)?.set(news.tab, news.tally);
      else if (news.type === "bye") return remove(news.tab);
      else if (news.type !== "renewal") return;
      changed();
    },
  };
  line.post({ type: "who" });
  return tabs;
}

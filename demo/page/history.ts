/**
 * What has happened lately, in all tabs and at the API, as one scene: from the click on a button
 * until all is quiet again. The picture, the numbers and the sentence below are drawn from it.
 */
import type { LogEntry } from "../backstage/api-log.ts";
import type { CallTrace, News, RenewalTrace } from "../tabs/channel.ts";

export interface Figures {
  readonly tabs: number;
  readonly requests: number;
  /** Refused once, then answered. */
  readonly healed: number;
  readonly refreshes: number;
  readonly answered: number;
  /** By the status or error code that callers got in the end. */
  readonly ends: ReadonlyMap<string, number>;
}

export interface Scene {
  readonly title: string;
  readonly start: number;
  /** The last thing that happened; now, while something is going on. */
  readonly end: number;
  readonly isLive: boolean;
  readonly calls: readonly CallTrace[];
  readonly renewals: readonly RenewalTrace[];
  readonly log: readonly LogEntry[];
  /** Tabs that went while it was going on, and when. */
  readonly gone: ReadonlyMap<number, number>;
}

export interface History {
  /** Opens a scene; what happened before is forgotten. It stays open until `holder`, a tab, lets go. */
  begin(title: string, start: number, holder: number): void;
  /** What the scene of that start was opened for has been done. */
  release(start: number): void;
  heard(news: News): void;
  logged(entries: readonly LogEntry[]): void;
  left(tab: number): void;
  scene(now: number): Scene | undefined;
}

/** After so much quiet a scene is over, milliseconds. */
const QUIET = 350;

export function createHistory(): History {
  let title = "";
  let start = 0;
  let last = 0;
  let over = true;
  let held: number | undefined;
  const calls = new Map<string, CallTrace>();
  const renewals = new Map<string, RenewalTrace>();
  const gone = new Map<number, number>();
  let log: LogEntry[] = [];

  const touch = (at: number): void => {
    if (!over) last = Math.max(last, at);
  };
  const isOpen = (one: CallTrace | RenewalTrace): boolean =>
    one.end === undefined && !gone.has(one.tab);

  return {
    begin(name, at, holder) {
      title = name;
      held = holder;
      start = last = at;
      over = false;
      calls.clear();
      renewals.clear();
      gone.clear();
      log = [];
    },
    heard(news) {
      if (news.type === "calls")
        for (const call of news.calls) {
          // What is seen first when the scene is over belongs to the next one.
          if (call.start < start || (over && !calls.has(call.key))) continue;
          calls.set(call.key, call);
          touch(call.end ?? call.start);
        }
      if (news.type !== "renewal") return;
      const { renewal } = news;
      if (renewal.start < start || (over && !renewals.has(renewal.key))) return;
      renewals.set(renewal.key, renewal);
      touch(renewal.end ?? renewal.start);
    },
    logged(entries) {
      // A little more than the scene: the last answers are told late.
      for (const entry of entries)
        if (entry.at >= start && (!over || entry.at <= last)) log.push(entry);
    },
    left(tab) {
      if (over) return;
      if (held === tab) held = undefined;
      gone.set(tab, Date.now());
      touch(Date.now());
    },
    release(at) {
      if (at !== start) return;
      held = undefined;
      touch(Date.now());
    },
    scene(now) {
      if (start === 0) return undefined;
      const busy = [...calls.values(), ...renewals.values()].some(isOpen);
      if (!over && !busy && held === undefined && now > last + QUIET) over = true;
      return {
        title,
        start,
        end: over ? last : now,
        isLive: !over,
        calls: [...calls.values()],
        renewals: [...renewals.values()],
        log,
        gone,
      };
    },
  };
}

/** The numbers of a scene: what the API counted, and how the callers fared. */
export function figuresOf({ calls, log, renewals }: Scene, countsByApi: boolean): Figures {
  const ends = new Map<string, number>();
  for (const { result } of calls)
    if (result !== undefined) ends.set(result, (ends.get(result) ?? 0) + 1);
  const count = (is: (entry: LogEntry) => boolean): number => log.filter(is).length;
  return {
    tabs: new Set(calls.map(({ tab }) => tab)).size,
    requests: count(({ first }) => first),
    healed: count(({ healed }) => healed),
    refreshes: countsByApi
      ? count(({ kind }) => kind === "refresh")
      : renewals.filter(({ outcome }) => outcome === "refreshed").length,
    answered: ends.get("200") ?? 0,
    ends,
  };
}

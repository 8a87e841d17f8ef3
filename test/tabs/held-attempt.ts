/**
 * What the tests of dead attempts stand on: tabs and workers whose clocks stand still, one of which
 * is in the middle of a refresh.
 */
import type { BrowserContext, Page } from "playwright";
import { expect } from "vitest";
import type { Gate, Moment } from "../apis/gates.ts";
import { wordsOf } from "../apis/log.ts";
import { fetchOf, TABS } from "./tab-calls.ts";
import { closeTab } from "./lifeline.ts";
import type { Config } from "./page-script.ts";
import { HOUR, setUp, type Stage } from "./real-tabs.ts";
import type { Watched } from "./count-looks.ts";
import { jumpWorker, killWorker } from "./tabs-and-workers.ts";

/** Who runs the vault. */
export type RunBy = "page" | "shared" | "service";

export interface Wanted {
  readonly runBy: RunBy;
  /** The server's rotation, which the provider knows; `"strict"` by default. */
  readonly rotation?: "strict" | "window";
  /** Where the first refresh is held; `"after"` it was processed by default. */
  readonly when?: Moment;
  readonly tabs?: number;
  readonly context?: BrowserContext;
  /** For all tabs. */
  readonly config?: Partial<Config>;
  /** For the tab that refreshes. */
  readonly first?: Partial<Config>;
  /** For the other tabs. */
  readonly others?: Partial<Config>;
}

export interface Scene extends Stage {
  readonly runBy: RunBy;
  /** Whose refresh is held, or whose worker's. */
  readonly first: Page;
  readonly others: readonly [Page, ...Page[]];
  /** Holds the first refresh. */
  readonly gate: Gate;
}

const WINDOW = 60_000;

/** A session that has expired, and how its tabs are to be opened. */
async function expire({
  runBy,
  rotation = "strict",
  context,
  config,
}: Wanted): Promise<{ readonly stage: Stage; readonly config: Partial<Config> }> {
  const isOpen = rotation === "window";
  // The server's window is longer: its clock goes on.
  const stage = await setUp({ rotation, reuseWindow: 10 * WINDOW, ...(context && { context }) });
  const [signedIn] = await stage.openSignedIn(1);
  await closeTab(signedIn);
  stage.api.set({ clockOffset: 25 * HOUR });
  return {
    stage,
    config: {
      still: Date.now() + 25 * HOUR,
      // Looking on takes real seconds, more on a busy machine.
      patience: 60_000,
      ...(isOpen && { reuseWindow: WINDOW }),
      ...(runBy !== "page" && { owner: { kind: runBy } }),
      ...config,
    },
  };
}

/** A session that has expired, and a refresh of it that is held at the server. */
export async function begin(wanted: Wanted): Promise<Scene> {
  const { runBy, when = "after", tabs = TABS } = wanted;
  const { stage, config } = await expire(wanted);
  const gate = stage.api.gate("refresh", when);
  const first = await stage.open({ ...config, ...wanted.first });
  void fetchOf(first).catch(() => {});
  await gate.arrived;
  const open = (): Promise<Page> => stage.open({ ...config, ...wanted.others });
  const others: [Page, ...Page[]] = [await open()];
  while (others.length < tabs - 1) others.push(await open());
  return { ...stage, runBy, first, others, gate };
}

export interface WorkerScene extends Stage {
  readonly runBy: "shared" | "service";
  readonly others: readonly [Page, ...Page[]];
  /** Lets the worker go on, or the one that comes after it. */
  letThrough(): Promise<void>;
}

/** How many attempts of the page's origin hold their sign of life. */
const attemptsIn = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const { held = [] } = await navigator.locks.query();
    return held.filter(({ name }) => name?.startsWith("tokenkeep:attempt:")).length;
  });

/** Ten tabs around a session that has expired, and a worker that is held at a phase of its first refresh. */
export async function beginAt(runBy: WorkerScene["runBy"], phase: string): Promise<WorkerScene> {
  const { stage, config } = await expire({
    runBy,
    config: { owner: { kind: runBy, armed: phase } },
  });
  const first = await stage.open(config);
  const others: [Page, ...Page[]] = [first];
  while (others.length < TABS) others.push(await stage.open(config));
  await first.evaluate(() => window.workerHeld);
  expect(await attemptsIn(first), "locks of attempts that are held").toBe(1);
  return {
    ...stage,
    runBy,
    others,
    letThrough: () =>
      first.evaluate((phase) => void window.tellWorker({ type: "release", phase }), phase),
  };
}

export const refreshesOf = ({ api }: Stage): string[] => wordsOf(api.log(), "refresh");

/** Ends what refreshes, and waits until the server has seen that; the gate stays closed. */
export async function killOwner(scene: Scene): Promise<void> {
  const { runBy, first, gate } = scene;
  if (runBy === "page") await first.close();
  else await killWorker(scene, runBy === "shared" ? "shared_worker" : "service_worker");
  await gate.left;
  expect(refreshesOf(scene).slice(0, 3)).toEqual(["1 arrived", "1 held", "1 left"]);
}

type Watchers = Pick<Scene, "runBy" | "others">;

/** What each of the other tabs has counted, or their worker. */
async function watchedBy({ runBy, others }: Watchers): Promise<readonly Watched[]> {
  if (runBy === "page")
    return Promise.all(others.map((page) => page.evaluate(() => window.kit.watched)));
  const counted = await others[0].evaluate(() => window.workerWatched);
  return [counted ?? { looks: 0, free: 0, refused: 0, asked: 0 }];
}

const POLL = { timeout: 30_000, interval: 50 };

/** Waits until somebody has got the attempt's lock, and so knows that its context is gone. */
export async function isKnownToBeGone(watchers: Watchers): Promise<void> {
  const free = async (): Promise<boolean> =>
    (await watchedBy(watchers)).some((one) => one.free > 0);
  await expect
    .poll(free, { ...POLL, message: "somebody found the attempt's lock free" })
    .toBe(true);
}

/** How many refreshes the other tabs have seen begin, their own or their worker's. */
async function begunBy({ others }: Watchers): Promise<number> {
  const all = await Promise.all(
    others.map((page) =>
      page.evaluate(() => window.kit.events.filter(({ type }) => type === "refreshing").length),
    ),
  );
  return all.reduce((sum, one) => sum + one, 0);
}

/**
 * Nobody begins a refresh, although somebody looks at the record ten times from here on: that is more
 * often than it is looked at while the peers are asked.
 */
export async function nobodyBegins(watchers: Watchers): Promise<void> {
  const [before, begun] = [await watchedBy(watchers), await begunBy(watchers)];
  const isTold = async (): Promise<boolean> => {
    const now = await watchedBy(watchers);
    const looks = now.map((one, tab) => one.looks - (before[tab]?.looks ?? 0));
    return Math.max(...looks) >= 10 || (await begunBy(watchers)) > begun;
  };
  await expect.poll(isTold, { ...POLL, message: "the record is looked at" }).toBe(true);
  expect((await begunBy(watchers)) - begun, "refreshes that began").toBe(0);
}

/** Moves the clocks of the others on, or of the worker, which has not been moved before. */
export async function pass({ runBy, others }: Watchers, ms: number): Promise<void> {
  await Promise.all(others.map((page) => page.evaluate((by) => window.kit.jump(by), ms)));
  if (runBy !== "page") await jumpWorker(others[0], ms);
}

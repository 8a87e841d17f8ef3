/**
 * Short lives: `node test/bench/lives.ts` has ten tabs of a real Chromium send requests for two minutes by each of
 * three libraries. An access token lives ten seconds, and `oidc-provider` rotates refresh tokens and ends a grant
 * whose spent token comes again. Meanwhile a tab is closed and another one opened, again and again; the shared
 * worker is ended where there is one; and the server is gone for two seconds, and comes back.
 * It counts, and asserts nothing.
 */
import type { Browser, Page } from "playwright";
import { installed } from "./peers.ts";
import { pages, type PageSource } from "./rotation-pages.ts";
import { failuresIn, openStage, pause, type Stage, sum, type Tally } from "./rotation-stage.ts";

const [TABS = 10, SECONDS = 120, LIFE = 10] = process.argv.slice(2).map(Number);
/** How often a tab is closed; between two of them the worker ends, or the server goes. */
const ROUNDS = 4;

const work = (tab: Page): void => void tab.evaluate("void lane.work(100)").catch(() => {});

/** Ends the shared worker, if there is one: whether there was. */
async function endWorker(browser: Browser): Promise<boolean> {
  const session = await browser.newBrowserCDPSession();
  const { targetInfos } = await session.send("Target.getTargets", {
    filter: [{ type: "shared_worker" }],
  });
  for (const { targetId } of targetInfos) await session.send("Target.closeTarget", { targetId });
  await session.detach();
  return targetInfos.length > 0;
}

/** What happens while the tabs work. A tab's figures are read before it goes. */
async function disturb(stage: Stage, tabs: Page[], gone: Tally[]): Promise<number> {
  let ended = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await pause((SECONDS * 1_000) / ROUNDS / 2);
    const tab = tabs.shift();
    gone.push((await tab?.evaluate("lane.tally")) as Tally);
    await tab?.close();
    const next = await stage.open();
    tabs.push(next);
    work(next);
    await pause((SECONDS * 1_000) / ROUNDS / 2);
    if (round % 2 === 1) await stage.server.restart(2_000);
    else if (await endWorker(stage.browser)) ended += 1;
  }
  return ended;
}

async function run(source: PageSource): Promise<object> {
  const stage = await openStage(source, LIFE);
  const { told } = stage.server;
  const tabs = [await stage.openSignedIn()];
  while (tabs.length < TABS) tabs.push(await stage.open());
  for (const tab of tabs) work(tab);
  const tallies: Tally[] = [];
  const workers = await disturb(stage, tabs, tallies);
  // A request that waits for the server's return gets its answer.
  await pause(5_000);
  let signedIn = 0;
  for (const tab of tabs) {
    tallies.push((await tab.evaluate("lane.isDone = true, lane.tally")) as Tally);
    if (await tab.evaluate("lane.isIn()")) signedIn += 1;
  }
  await stage.close();
  const all = sum(tallies);
  return {
    library: source.title,
    answered: all["200"] ?? 0,
    failed: failuresIn(all),
    refreshes: told.refreshes,
    reuses: told.reuses,
    "workers ended": workers,
    "say signed in": `${signedIn} of ${tabs.length}`,
  };
}

if (!installed()) process.exit(1);
const rows = [];
for (const source of pages) {
  rows.push(await run(source));
  console.table(rows.slice(-1));
}
console.log(`${TABS} tabs, ${SECONDS} s, tokens of ${LIFE} s`);
console.table(rows);
process.exit();

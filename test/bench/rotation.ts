/**
 * Tabs that refresh: `node test/bench/rotation.ts` has some tabs of a real Chromium work by each of three
 * libraries, against `oidc-provider`, which rotates refresh tokens and ends a grant whose spent token comes
 * again. In mid-run a tab is closed that has just asked for a refresh. It counts, and asserts nothing.
 *
 * A token lives 75 seconds, because the others refresh a minute before a token's end.
 */
import { installed } from "./peers.ts";
import { pages, type PageSource } from "./rotation-pages.ts";
import { failuresIn, openStage, pause, sum, type Tally } from "./rotation-stage.ts";

const [TABS = 5, SECONDS = 120] = process.argv.slice(2).map(Number);
const LIFE = 75;

async function run(source: PageSource): Promise<object> {
  const stage = await openStage(source, LIFE);
  const { told } = stage.server;
  const tabs = [await stage.openSignedIn()];
  while (tabs.length < TABS) tabs.push(await stage.open());
  for (const tab of tabs) void tab.evaluate("void lane.work()");

  // A third of the time goes by; then the tab that asks next is gone before its reply comes.
  await pause((SECONDS * 1_000) / 3);
  const before = told.reuses;
  const held = stage.server.hold();
  await Promise.race([held.arrived, pause(SECONDS * 1_000)]);
  await pause(500);
  const gone = stage.refresher() ?? tabs.at(-1);
  const goneTally = (await gone?.evaluate("lane.tally")) as Tally;
  await gone?.close();
  held.release();
  await pause((SECONDS * 2_000) / 3);

  const staying = tabs.filter((tab) => tab !== gone);
  const tallies = [goneTally];
  let signedIn = 0;
  for (const tab of staying) {
    tallies.push((await tab.evaluate("lane.isDone = true, lane.tally")) as Tally);
    if (await tab.evaluate("lane.isIn()")) signedIn += 1;
  }
  const all = sum(tallies);
  const late = await (await stage.open()).evaluate("lane.isIn()");
  await stage.close();
  return {
    library: source.title,
    answered: all["200"] ?? 0,
    failed: failuresIn(all),
    refreshes: told.refreshes,
    "reuses before": before,
    reuses: told.reuses,
    "signed in at the end": `${signedIn} of ${staying.length}`,
    "a new tab is": late ? "signed in" : "signed out",
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

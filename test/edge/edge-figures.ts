/**
 * What a million accounts and 10,000 requests a second ask of Cloudflare: `npm run simulate`. The figures of
 * docs/scale.md. Prices and limits are the platform's published ones; they are named there.
 */
import { type Counts, type Scenario, simulate } from "./edge-model.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** US dollars for a million, and for a million GB-seconds; an object counts as 128 MB. */
const PRICE = {
  object: 0.15,
  duration: 12.5,
  rowRead: 0.001,
  rowWritten: 1,
  kvRead: 0.5,
  kvWrite: 5,
};

const base = { places: 30, isolates: 10, life: DAY, kv: true } as const;

const scenarios: readonly (Scenario & { title: string; times: number; seconds: number })[] = [
  many("A million accounts alike, 10,000 requests/s, each account near one place", 1, true),
  many("The same without KV", 1, false),
  many("The same, each account's requests from ten places, without KV", 10, false),
  hot("One hundred accounts, 100 requests/s each, from thirty places, with KV", 100, 100, true),
  hot("The same without KV", 100, 100, false),
  hot("One account, 10,000 requests/s, three thousand isolates, with KV", 1, 10_000, true),
  hot("The same without KV", 1, 10_000, false),
];

/** A sample of a million accounts that have a request every hundred seconds. */
function many(title: string, spread: number, kv: boolean) {
  const accounts = 20;
  return {
    ...base,
    title,
    accounts,
    rate: 0.01,
    spread,
    kv,
    duration: DAY,
    times: 1_000_000 / accounts,
    seconds: DAY / 1000,
  };
}

function hot(title: string, accounts: number, rate: number, kv: boolean) {
  const played = Math.min(accounts, 2);
  const duration = accounts === 1 ? 120_000 : 600_000;
  return {
    ...base,
    title,
    accounts: played,
    rate,
    // A tenth of the day's refreshes would be none at all: the token lives for as long as is played.
    life: DAY,
    isolates: accounts === 1 ? 100 : 10,
    spread: 30,
    kv,
    duration,
    times: accounts / played,
    seconds: duration / 1000,
  };
}

const show = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(2);

function print(title: string, counts: Counts, times: number, seconds: number): void {
  const rate = (count: number): string => `${show((count * times) / seconds)}/s`;
  const perDay = (times * 86_400) / seconds;
  const millions = (count: number): number => (count * perDay) / 1e6;
  const duration = (counts.busy / 1000) * 0.128;
  const cost = {
    object: millions(counts.objectRequests + counts.alarms) * PRICE.object,
    duration: millions(duration) * PRICE.duration,
    rows:
      millions(counts.rowsRead) * PRICE.rowRead + millions(counts.rowsWritten) * PRICE.rowWritten,
    kv: millions(counts.kvReads) * PRICE.kvRead + millions(counts.kvWrites) * PRICE.kvWrite,
  };
  console.log(`\n${title}`);
  console.log(`  requests            ${rate(counts.requests)}`);
  console.log(`  from memory         ${((100 * counts.warm) / counts.requests).toFixed(1)} %`);
  console.log(`  KV reads            ${rate(counts.kvReads)}`);
  console.log(`  KV writes           ${rate(counts.kvWrites)}`);
  console.log(
    `  questions to objects ${rate(counts.objectRequests)}, to one ${counts.peak}/s at most`,
  );
  console.log(
    `  rows of objects     ${rate(counts.rowsRead)} read, ${rate(counts.rowsWritten)} written`,
  );
  console.log(`  alarms              ${show(counts.alarms * perDay)} a day`);
  console.log(`  token calls         ${show(counts.tokenCalls * perDay)} a day`);
  console.log(
    `  a day costs         objects $${show(cost.object)} + duration $${show(cost.duration)} + rows $${show(cost.rows)} + KV $${show(cost.kv)}`,
  );
}

for (const { title, times, seconds, ...scenario } of scenarios) {
  const since = performance.now();
  const counts = await simulate(scenario);
  print(title, counts, times, seconds);
  console.log(
    `  (played ${scenario.accounts} accounts and ${counts.requests.toLocaleString("en")} requests in ${((performance.now() - since) / 1000).toFixed(0)} s)`,
  );
}

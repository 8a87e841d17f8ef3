/**
 * What a million accounts and 10,000 requests a second ask of a database that a thousand server processes
 * share, and of a process's memory: the second half of `npm run simulate`. The figures of docs/scale.md.
 */
import { createVault, type Vault } from "../../src/index.ts";
import { encrypted, keyring } from "../../src/stores/encrypted.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import type { Provider } from "../../src/types.ts";
import { type Counts, type Scenario, simulate } from "./fleet-model.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

interface Fleet extends Scenario {
  readonly title: string;
  /** For how many accounts each one that is played stands. */
  readonly times: number;
}

const base = { kept: 10_000, channel: true, life: DAY } as const;

/** A sample of a million accounts that have a request every hundred seconds. */
const many = (title: string, spread: number, channel = true): Fleet => {
  const accounts = 10;
  const times = 1_000_000 / accounts;
  return { ...base, title, accounts, rate: 0.01, spread, channel, duration: DAY, times };
};

const hot = (title: string, rate: number, spread: number): Fleet => ({
  ...base,
  title,
  accounts: 1,
  rate,
  spread,
  duration: 120_000,
  times: 1,
});

const fleets: readonly Fleet[] = [
  many("A million accounts, 10,000 requests/s, each account's requests to one process", 1),
  many("The same, each account's requests to ten processes", 10),
  many("The same, to any of a thousand processes", 1_000),
  many("The same without a channel", 1_000, false),
  hot("One account, 1,000 requests/s, all of a thousand processes", 1_000, 1_000),
];

const show = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(2);

function print({ title, times, duration }: Fleet, counts: Counts): void {
  const rate = (count: number): string => `${show((count * times * 1_000) / duration)}/s`;
  const daily = (count: number): string => `${show((count * times * DAY) / duration)} a day`;
  console.log(`\n${title}`);
  console.log(`  requests        ${rate(counts.requests)}`);
  console.log(`  from memory     ${((100 * counts.warm) / counts.requests).toFixed(1)} %`);
  console.log(`  reads           ${rate(counts.reads + counts.heads)}`);
  console.log(`  writes          ${rate(counts.writes)}, ${daily(counts.writes)}`);
  console.log(`  messages        ${rate(counts.published)}, ${rate(counts.delivered)} delivered`);
  // One for each process, for however many accounts those that are played stand.
  console.log(`  trials          ${counts.trials} in all, of processes that began meanwhile`);
  console.log(`  token calls     ${rate(counts.tokenCalls)}, ${daily(counts.tokenCalls)}`);
}

/** Bytes of one process for each vault that it keeps: signed in, sealed, its token at hand. */
async function memory(vaults: number): Promise<number> {
  const claims = btoa(JSON.stringify({ sub: "user", scope: "a b c", exp: 2_000_000_000 }));
  const tokens = {
    accessToken: `eyJhbGciOiJSUzI1NiJ9.${claims}.${"s".repeat(342)}`,
    refreshToken: "r".repeat(64),
  };
  const provider: Provider = {
    name: "simulated",
    origins: ["https://api.example.com"],
    renewal: { rotation: "strict" },
    renew: async () => ({ type: "trouble" }),
  };
  // The database is elsewhere: its records are none of this process's memory.
  const shared = memoryStore();
  const store = encrypted(shared, keyring(`k1:${btoa("k".repeat(32))}`));
  const open = (account: string): Vault => createVault({ provider, store, account });
  for (let number = 0; number < vaults; number++) {
    const vault = open(`account-${number}`);
    await vault.adopt(tokens);
    vault.close();
  }
  const used = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const kept: Vault[] = [];
  const before = used();
  for (let number = 0; number < vaults; number++) {
    const vault = open(`account-${number}`);
    await vault.getToken();
    kept.push(vault);
  }
  const bytes = (used() - before) / vaults;
  for (const vault of kept) vault.close();
  return bytes;
}

for (const fleet of fleets) {
  const since = performance.now();
  const counts = await simulate(fleet);
  print(fleet, counts);
  const took = ((performance.now() - since) / 1_000).toFixed(0);
  console.log(
    `  (played ${fleet.accounts} accounts and ${counts.requests.toLocaleString("en")} requests in ${took} s)`,
  );
}
console.log(`\nA vault that a process keeps: ${show((await memory(5_000)) / 1_000)} kB`);

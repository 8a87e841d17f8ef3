/**
 * What a request with a token costs, as a ratio to `fetch` itself and to a wrapper written by hand, and
 * what the code weighs, beside other libraries: `npm run bench`, or `npm run bench -- ours` without
 * those and without the weights. Everything is measured in one run, in short batches that take
 * turns, so that a machine's moods meet all of them alike; the medians count. The times are printed
 * and never asserted. What is asserted, because it holds on any machine: a warm call of ours reads no
 * storage and takes no lock.
 */
import { strictEqual } from "node:assert";
import { bundle } from "../../scripts/bundle.js";
import type { Contender, Fetch } from "./contender.ts";
import { network, serve, stub, VMS } from "./other-side.ts";
import { ours, touched } from "./ours.ts";
import { bundles, contenders, installed } from "./peers.ts";
import { wrapper } from "./wrapper.ts";

const isShort = process.argv.includes("ours");
const hasPeers = !isShort && installed();
const all: readonly Contender[] = [wrapper, ...ours, ...(hasPeers ? await contenders() : [])];

// --- what the code weighs ------------------------------------------------------------------------

const weighed = [
  {
    title: "tokenkeep/browser + vmcloud",
    code: `
      export { createVault } from "tokenkeep/browser";
      export { vmcloud } from "tokenkeep/providers/vmcloud";`,
  },
  {
    title: "tokenkeep + stores/memory + vmcloud",
    code: `
      export { createVault } from "tokenkeep";
      export { memoryStore } from "tokenkeep/stores/memory";
      export { vmcloud } from "tokenkeep/providers/vmcloud";`,
  },
  {
    title: "tokenkeep/worker, the page's part",
    code: `export { connectVault } from "tokenkeep/worker";`,
  },
  {
    title: "tokenkeep/browser + oauth2 + oauth",
    code: `
      export { createVault } from "tokenkeep/browser";
      export { beginSignIn, completeSignIn } from "tokenkeep/oauth";
      export { oauth2 } from "tokenkeep/providers/oauth2";`,
  },
  {
    title: "tokenkeep/worker + oauth, the page's part",
    code: `
      export { connectVault } from "tokenkeep/worker";
      export { beginSignIn, completeSignIn } from "tokenkeep/oauth";`,
  },
  ...(hasPeers ? bundles : []),
].map(async ({ title, code, folder }: { title: string; code: string; folder?: string }) => {
  const { minified, gzip } = await bundle(code, folder);
  return { bundle: title, minified, gzip };
});
if (!isShort) console.table((await Promise.all(weighed)).toSorted((a, b) => a.gzip - b.gzip));

// --- what a call costs ---------------------------------------------------------------------------

interface Case {
  readonly title: string;
  /** The ratio that is wanted at most, and to whom. */
  readonly goal?: { readonly to: "bare" | "wrapper"; readonly most: number };
  /** Calls in a row before the next one takes its turn: a few milliseconds. */
  readonly batch: number;
  readonly bare: typeof fetch;
  readonly baseURL?: string;
  readonly run: (fetch: Fetch) => Promise<unknown>;
}

const ROUNDS = 300;
let page = 0;
const { origin, close } = await serve();

const cases: readonly Case[] = [
  {
    title: "GET, a string",
    goal: { to: "wrapper", most: 1.05 },
    batch: 5_000,
    bare: stub,
    run: (fetch) => fetch(VMS),
  },
  {
    title: "GET, a fresh URL with a query",
    batch: 5_000,
    bare: stub,
    run: (fetch) => fetch(`${VMS}?page=${(page += 1)}`),
  },
  {
    title: "POST, three headers, string body",
    goal: { to: "wrapper", most: 1.4 },
    batch: 5_000,
    bare: stub,
    run: (fetch) =>
      fetch(VMS, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json",
          "x-request-id": "request-1",
        },
        body: '{"name":"web-1"}',
      }),
  },
  {
    title: "a Request, made for each call",
    goal: { to: "wrapper", most: 1 },
    batch: 500,
    bare: stub,
    run: (fetch) => fetch(new Request(VMS)),
  },
  {
    title: "GET over a loopback server",
    goal: { to: "bare", most: 1.04 },
    batch: 25,
    bare: fetch,
    baseURL: origin,
    run: async (fetch) => (await fetch(`${origin}/v1/vms`)).text(),
  },
];

/** Nanoseconds for one call. */
async function time(run: Case["run"], fetch: Fetch, batch: number): Promise<number> {
  const since = performance.now();
  for (let count = 0; count < batch; count++) await run(fetch);
  return ((performance.now() - since) * 1e6) / batch;
}

const median = (values: number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
};

const ready = [];
for (const one of cases) {
  const lanes = [];
  for (const { over, ...rest } of all) {
    const fetch = await over(one.bare, one.baseURL);
    network.authorized = 0;
    await one.run(fetch);
    // Who does less than it should would be fast.
    strictEqual(network.authorized, 1, `${rest.title}: the token must go along`);
    lanes.push({ ...rest, fetch, times: [] as number[] });
  }
  ready.push({ ...one, lanes });
}
network.looks = false;

// All cases warm up before any is measured, so that none has the optimised code to itself.
for (let round = 0; round < 20; round++)
  for (const { bare, lanes, run, batch } of ready)
    for (const fetch of [bare, ...lanes.map((lane) => lane.fetch)]) await time(run, fetch, batch);

touched.times = 0;
let calls = 0;
const rows = [];
for (const { title, goal, batch, bare, lanes, run } of ready) {
  const alone: number[] = [];
  const turns = [{ fetch: bare, times: alone }, ...lanes];
  for (let round = 0; round < ROUNDS; round++)
    // Each round begins with another, so that nobody always clears up after the same one.
    for (const index of turns.keys()) {
      const { fetch, times } = turns[(round + index) % turns.length]!;
      times.push(await time(run, fetch, batch));
    }
  const byHand = lanes[0]!.times;
  for (const lane of lanes) {
    if (lane.ours) calls += batch * ROUNDS;
    // Neighbours in time are compared: what slowed one batch down has mostly slowed the next, too.
    const to = (others: readonly number[]): number =>
      median(lane.times.map((ns, round) => ns / (others[round] ?? Number.NaN)));
    const ratios = { bare: to(alone), wrapper: to(byHand) };
    const wanted = lane.ours ? goal : undefined;
    rows.push({
      case: title,
      library: lane.title,
      "bare ns": Math.round(median(alone)),
      ns: Math.round(median(lane.times)),
      "to bare": ratios.bare.toFixed(3),
      "to wrapper": ratios.wrapper.toFixed(3),
      goal: wanted ? `${wanted.most} to ${wanted.to}` : "",
      met: wanted ? (ratios[wanted.to] <= wanted.most ? "yes" : "NO") : "",
    });
  }
}
close();
strictEqual(touched.times, 0, `${calls} warm calls must read no storage and take no lock`);

console.log(`Node ${process.versions.node}, ${process.arch}, medians of batches that take turns`);
console.table(rows);
console.log(`${calls} warm calls of ours: storage and lock were touched ${touched.times} times`);
// A peer's channel to other tabs would keep the process alive.
process.exit();

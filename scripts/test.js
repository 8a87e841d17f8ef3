/**
 * `npm test`: everything that must hold, step by step. `quick` runs the Node and happy-dom tests
 * only, `deno` and `bun` those of that runtime. Arguments after the word go to Vitest.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ensureBrowsers } from "./browsers.js";
import { suiteNames } from "./reporter.js";
import { heading, run, seconds, useOwnNode } from "./run.js";

useOwnNode();

const started = performance.now();
const mode = ["quick", "deno", "bun"].find((word) => word === process.argv[2]) ?? "all";
const extra = process.argv.slice(mode === "all" ? 2 : 3);

/** @typedef {import("./reporter.js").Totals} Totals */

/** Vitest's projects, by the names that the table shows; each must have run a test. */
const lanes = {
  node: "Node",
  bun: "Bun",
  deno: "Deno",
  workers: "workerd",
  "browser (chromium)": "Chromium",
  "browser (firefox)": "Firefox",
  webkit: "WebKit",
  dom: "happy-dom",
  "workers of 2025": "workerd of 2025",
  "workers of 2024": "workerd of 2024",
  "demo's worker": "demo's Worker",
  tabs: "tabs",
  processes: "processes",
  package: "package",
};

/** Runs from one source in each of these. */
const everywhere = ["store", "lock", "provider", "fetch"];
const runtimes = new Set(Object.keys(lanes).slice(0, 7));

const script = "node_modules/vitest/vitest.mjs";
const elsewhere = ["run", "--config", "test/setup/runtimes.config.ts"];

/**
 * How each runtime starts Vitest: the tests run in the very runtime that runs Vitest. Nothing is
 * fetched.
 *
 * @type {Record<"node" | "deno" | "bun", readonly string[]>}
 */
const starts = {
  node: [process.execPath, script, "run"],
  deno: [
    ...["deno", "run", "--allow-all", "--cached-only", "--no-remote", "--node-modules-dir=manual"],
    ...["--unstable-kv", "--unstable-cron", script, ...elsewhere],
  ],
  bun: ["bun", "--bun", "--no-install", script, ...elsewhere],
};

/** @type {string[]} */
const failures = [];
/** @type {Record<string, Totals>} */
const projects = {};
/** What failed, each with its reason: told once more at the end. */
/** @type {string[]} */
const failedTests = [];
/** What was thrown outside of any test. */
let errors = 0;

if (mode === "all") {
  console.log(`Node ${process.versions.node} on ${os.type()} ${os.release()} (${os.arch()})`);
  await step("Browsers", async () => {
    console.log(await ensureBrowsers());
    return true;
  });
  await step("Types", () => all(["npm", "run", "-s", "check"]));
  await step("Lint", () => all(["npm", "run", "-s", "lint"]));
  await step("Format", () => all(["oxfmt", "--check"]));
  await step("Sizes", () => run("node", ["scripts/size.js"]).then(({ ok }) => ok));
  heading(`Tests run by ${lanes.node}`);
  await tests("node");
  // A filter may leave nothing for them.
  const some = extra.length > 0 ? ["--passWithNoTests"] : [];
  // Each waits now and then, and one of them leaves a core idle. Both at once, they speak only if something fails.
  heading(`Tests run by ${lanes.bun} and by ${lanes.deno}`);
  await Promise.all([
    tests("bun", some, { isQuiet: true }),
    tests("deno", some, { isQuiet: true }),
  ]);
} else if (mode === "quick") {
  heading(`Tests run by ${lanes.node}`);
  const some = ["--project", "node", "--project", "dom"];
  await tests("node", some, { env: { TOKENKEEP_SCHEDULES: "500" } });
} else {
  heading(`Tests run by ${lanes[/** @type {"deno" | "bun"} */ (mode)]}`);
  await tests(/** @type {"deno" | "bun"} */ (mode));
}
conclude();

/**
 * @param {string} title
 * @param {() => Promise<boolean>} work
 */
async function step(title, work) {
  heading(title);
  const since = performance.now();
  const ok = await work();
  if (!ok) failures.push(title);
  console.log(`${title}: ${ok ? "ok" : "FAILED"} (${seconds(since)})`);
}

/**
 * Runs commands in turn, quietly while they succeed.
 *
 * @param {...string[]} commands
 */
async function all(...commands) {
  for (const [command = "", ...args] of commands) {
    const { ok } = await run(command, args, { quiet: true });
    if (!ok) return false;
  }
  return true;
}

/**
 * Runs Vitest in a runtime and adds to the totals.
 *
 * @param {"node" | "deno" | "bun"} runtime
 * @param {string[]} [args]
 * @param {{ env?: Record<string, string>, isQuiet?: boolean }} [options] `env` is used where the caller's
 *   environment says nothing; a quiet run shows its output only if it fails
 */
async function tests(runtime, args = [], { env = {}, isQuiet = false } = {}) {
  const since = performance.now();
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-"));
  const file = path.join(folder, "totals.json");
  const set = Object.fromEntries(Object.entries(env).filter(([name]) => !process.env[name]));
  const reporters = ["--reporter=default", "--reporter=./scripts/reporter.js"];
  const [command = "", ...start] = starts[runtime];
  const { ok } = await run(command, [...start, ...reporters, ...args, ...extra], {
    quiet: isQuiet,
    // Off the network: no metrics, no look-up of a place, no look for an update.
    env: {
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      DENO_NO_UPDATE_CHECK: "1",
      ...set,
      TOKENKEEP_NODE: process.execPath,
      TOKENKEEP_TOTALS: file,
    },
  });
  const report = readReport(file);
  rmSync(folder, { recursive: true, force: true });
  Object.assign(projects, report.projects);
  errors += report.errors;
  failedTests.push(...report.failed);
  if (isQuiet) console.log(`${lanes[runtime]}: ${ok ? "ok" : "FAILED"} (${seconds(since)})`);
  const failed = Object.values(report.projects).some((totals) => totals.failed > 0);
  if (!ok && !failed && report.errors === 0) failures.push(`Vitest in ${lanes[runtime]} failed`);
}

/** Ends the process with the table and the totals, the plain line last. */
function conclude() {
  heading("Passed");
  table();
  if (mode === "all" && extra.length === 0) {
    for (const [lane, title] of Object.entries(lanes)) {
      if (!projects[lane]?.passed) failures.push(`no test passed in ${title}`);
      for (const suite of runtimes.has(lane) ? everywhere : [])
        if (!projects[lane]?.suites[suite]?.passed) failures.push(`no ${suite} suite in ${title}`);
    }
  }
  const sum = (/** @type {"passed" | "failed" | "skipped"} */ key) =>
    Object.values(projects).reduce((total, project) => total + project[key], 0);
  const [passed, skipped] = [sum("passed"), sum("skipped")];
  if (passed + sum("failed") + errors === 0) failures.push("no test ran");
  for (const text of failedTests) console.log(`\nFAILED: ${text}`);
  if (failures.length > 0) console.log(`\nFAILED: ${failures.join(", ")}`);
  const failed = sum("failed") + errors + failures.length;
  console.log(`\nTook ${seconds(started)}.`);
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed === 0 ? 0 : 1;
}

/** Runtime by suite: how many tests passed, and how many did not. */
function table() {
  const order = Object.keys(lanes);
  const names = Object.keys(projects).sort(
    (a, b) => ((order.indexOf(a) + 99) % 99) - ((order.indexOf(b) + 99) % 99) || (a < b ? -1 : 1),
  );
  const rows = names.map((name) => [
    lanes[/** @type {keyof typeof lanes} */ (name)] ?? name,
    ...suiteNames.map((suite) => cell(projects[name]?.suites[suite])),
  ]);
  const all = [["", ...suiteNames], ...rows];
  const widths = all[0]?.map((_, at) => Math.max(...all.map((row) => row[at]?.length ?? 0))) ?? [];
  for (const [first = "", ...rest] of all) {
    const cells = rest.map((text, at) => text.padStart(widths[at + 1] ?? 0));
    console.log(`  ${[first.padEnd(widths[0] ?? 0), ...cells].join("  ")}`);
  }
}

/** @param {{ passed: number, failed: number } | undefined} counts */
function cell(counts) {
  if (!counts || counts.passed + counts.failed === 0) return "-";
  return counts.failed > 0 ? `${counts.passed} (${counts.failed} FAILED)` : `${counts.passed}`;
}

/**
 * @param {string} file
 * @returns {{ projects: Record<string, Totals>, errors: number, failed: string[] }}
 */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { projects: {}, errors: 0, failed: [] };
  }
}

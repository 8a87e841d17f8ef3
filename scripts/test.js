/**
 * `npm test`: everything that must hold, step by step. `quick` runs the Node and happy-dom tests
 * only, `proof` the model test with a million schedules. Arguments after the word go to Vitest.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { ensureBrowsers } from "./browsers.js";
import { heading, run, seconds, useOwnNode } from "./run.js";

useOwnNode();

const started = performance.now();
const mode = ["quick", "proof"].find((word) => word === process.argv[2]) ?? "all";
const extra = process.argv.slice(mode === "all" ? 2 : 3);

/** Where a run of everything must have run at least one test. */
const lanes = [
  "node",
  "dom",
  "browser (chromium)",
  "browser (firefox)",
  "webkit",
  "workers",
  "workers of 2025",
  "workers of 2024",
  "demo's worker",
  "tabs",
  "package",
];

/** @type {string[]} */
const failures = [];

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
  await vitest([]);
} else if (mode === "quick") {
  await vitest(["--project", "node", "--project", "dom"], { TOKENKEEP_SCHEDULES: "500" });
} else {
  await vitest(["--project", "node", "test/model"], { TOKENKEEP_SCHEDULES: "1000000" });
}

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
 * Runs Vitest and ends the process with its totals, the plain line last.
 *
 * @param {string[]} args
 * @param {Record<string, string>} [env] used where the caller's environment says nothing
 */
async function vitest(args, env = {}) {
  heading("Tests");
  const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-"));
  const file = path.join(folder, "totals.json");
  const set = Object.fromEntries(Object.entries(env).filter(([name]) => !process.env[name]));
  const reporters = ["--reporter=default", "--reporter=./scripts/reporter.js"];
  const command = ["node_modules/vitest/vitest.mjs", "run", ...reporters, ...args, ...extra];
  const { ok } = await run(process.execPath, command, {
    // Off the network: no metrics, no look-up of a place.
    env: {
      WRANGLER_SEND_METRICS: "false",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      ...set,
      TOKENKEEP_TOTALS: file,
    },
  });
  const report = readReport(file);
  rmSync(folder, { recursive: true, force: true });

  const totals = Object.values(report.projects);
  const sum = (/** @type {"passed" | "failed" | "skipped"} */ key) =>
    totals.reduce((total, project) => total + project[key], 0);
  const [passed, skipped] = [sum("passed"), sum("skipped")];
  let failed = sum("failed") + report.errors;

  for (const [name, { passed, failed, skipped }] of Object.entries(report.projects).sort()) {
    console.log(`  ${name.padEnd(20)} ${passed} passed, ${failed} failed, ${skipped} skipped`);
  }
  if (mode === "all" && extra.length === 0) {
    for (const lane of lanes) {
      if ((report.projects[lane]?.passed ?? 0) > 0) continue;
      console.log(`  ${lane.padEnd(20)} ran no test`);
      failures.push(`no test passed in ${lane}`);
    }
  }
  if (passed + failed === 0) failures.push("no test ran");
  if (!ok && failed === 0) failures.push("Vitest ended with an error");
  if (failures.length > 0) console.log(`\nFAILED: ${failures.join(", ")}`);
  failed += failures.length;
  console.log(`\nTook ${seconds(started)}.`);
  console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed === 0 && ok ? 0 : 1;
}

/**
 * @param {string} file
 * @returns {{ projects: Record<string, import("./reporter.js").Totals>, errors: number }}
 */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { projects: {}, errors: 0 };
  }
}

/**
 * `npm run mutants`: proof that the tests of the laws can fail (STYLE 17). Each mutant breaks one rule
 * in a copy of the tree and names the test that must turn red. A mutant that survives is a hole in
 * the tests; one whose text is no longer found, or whose test is red without it, proves nothing.
 * All three end the run with an error. Words after `npm run mutants --` choose mutants by name.
 */

import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { cloudflare } from "./mutants/cloudflare.js";
import { decisions } from "./mutants/decisions.js";
import { engine } from "./mutants/engine.js";
import { providers } from "./mutants/providers.js";
import { requests } from "./mutants/requests.js";
import { MODEL } from "./mutants/tests.js";
import { worker } from "./mutants/worker.js";
import { root, seconds, useOwnNode } from "./run.js";

/**
 * One text in one file, and what takes its place.
 *
 * @typedef {object} Edit
 * @property {string} file
 * @property {string} find
 * @property {string} replace
 */

/**
 * @typedef {object} Mutant
 * @property {string} name
 * @property {string} law the requirement that is broken
 * @property {readonly Edit[]} edits
 * @property {string} test the file of the test that must turn red
 * @property {string} title how its title begins
 */

/** Of the model test: more of them for a mutant that survives the first. */
const SCHEDULES = [3_000, 30_000];
/** A failing schedule is shrunk for as long as fast-check likes; that it fails is known long before. */
const PATIENCE = 180_000;

const mutants = [...engine, ...decisions, ...requests, ...providers, ...cloudflare, ...worker];

useOwnNode();
const started = performance.now();
const words = process.argv.slice(2);
const chosen = mutants.filter(
  ({ name }) => !words.length || words.some((word) => name.includes(word)),
);
const folder = mkdtempSync(path.join(os.tmpdir(), "tokenkeep-mutants-"));

try {
  for (const name of [
    "src",
    "test",
    "scripts",
    "package.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "vite.config.ts",
  ])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "junction");

  let bad = 0;
  /** @type {Record<string, string>[]} */
  const rows = [];
  for (const mutant of chosen) {
    const since = performance.now();
    const verdict = await judge(mutant);
    if (verdict !== "killed") bad += 1;
    console.log(`${verdict.padEnd(20)} ${mutant.name} (${seconds(since)})`);
    rows.push({ mutant: mutant.name, law: mutant.law, "must turn red": mutant.title, verdict });
  }
  console.table(rows);
  console.log(`${rows.length - bad} of ${rows.length} mutants killed, in ${seconds(started)}`);
  process.exitCode = bad ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Says "killed" only if the same schedules pass without the mutant.
 *
 * @param {Mutant} mutant
 */
async function judge({ edits, test, title }) {
  /** @type {Map<string, string>} */
  const before = new Map();
  try {
    for (const schedules of test === MODEL ? SCHEDULES : [0]) {
      if (await turnsRed(test, title, schedules)) return "RED WITHOUT IT";
      for (const { file, find, replace } of edits) {
        const target = path.join(folder, file);
        const text = existsSync(target) ? readFileSync(target, "utf8") : "";
        if (!text.includes(find)) return "NOT FOUND";
        if (!before.has(target)) before.set(target, text);
        // A function, so that nothing in the replacement is special.
        writeFileSync(
          target,
          text.replace(find, () => replace),
        );
      }
      if (await turnsRed(test, title, schedules)) return "killed";
      restore(before);
    }
    return "SURVIVED";
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  } finally {
    restore(before);
  }
}

/** @param {ReadonlyMap<string, string>} before */
function restore(before) {
  for (const [target, text] of before) writeFileSync(target, text);
}

/**
 * Whether the test of that title fails in the copy as it stands.
 *
 * @param {string} file
 * @param {string} title
 * @param {number} schedules
 */
async function turnsRed(file, title, schedules) {
  const report = path.join(folder, "report.json");
  rmSync(report, { force: true });
  const child = spawn(
    process.execPath,
    [
      "node_modules/vitest/vitest.mjs",
      "run",
      `--project=${file.startsWith("test/dom/") ? "dom" : "node"}`,
      "--reporter=json",
      `--outputFile=${report}`,
      file,
      `--testNamePattern=${title.replace(/[^\w ]/g, "\\$&")}`,
    ],
    {
      cwd: folder,
      stdio: "ignore",
      // The same seed with and without a mutant: what differs is the mutant.
      env: { TOKENKEEP_SEED: "1", ...process.env, TOKENKEEP_SCHEDULES: String(schedules) },
    },
  );
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  clearTimeout(timer);
  // Nothing within that time: the test hangs or shrinks. Passing, it would have been done.
  if (child.signalCode) return true;
  /** @type {{ testResults: { assertionResults: { status: string, title: string }[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  const ran = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter((test) => test.title.startsWith(title) && /passed|failed/.test(test.status));
  if (!ran.length) throw new Error("NO TEST RAN");
  return ran.some(({ status }) => status === "failed");
}

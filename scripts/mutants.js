/**
 * `npm run mutants`: proof that the tests of the laws can fail (STYLE 20). Each mutant wraps one export so
 * that it breaks one rule, and names the test that must turn red. A mutant that survives is a hole in
 * the tests; one whose test is red without it, or does not run, proves nothing. All of them end the run
 * with an error. Words after `npm run mutants --` choose mutants by name; `TOKENKEEP_SHOW_RED=1` shows which
 * tests have turned red.
 */

import { fork } from "node:child_process";
import os from "node:os";
import path from "node:path";
import { seconds, useOwnNode } from "./run.js";

useOwnNode();
// The mutants are TypeScript, which an older Node could not read.
const { mutants } = await import("./mutants/all.ts");

/** @typedef {import("./mutants/mutant.ts").Mutant} Mutant */
/** @typedef {import("./mutants/job.ts").Job} Job */
/** @typedef {import("./mutants/job.ts").Verdict} Verdict */

/** Of the model test: more of them for a mutant that survives the first. */
const SCHEDULES = [3_000, 30_000];
const MODEL = "test/model/";
/** Passing, a test would be done: one that is not hangs, or shrinks what has failed. */
const PATIENCE = { unit: 60_000, model: 180_000 };
const SHARDS = Math.max(1, Math.min(4, os.availableParallelism()));

const started = performance.now();
const words = process.argv.slice(2);
const chosen = mutants.filter(
  ({ name }) => !words.length || words.some((word) => name.includes(word)),
);
const names = chosen.map(({ name }) => name);
const twice = names.find((name, index) => names.indexOf(name) !== index);
if (twice) throw new Error(`Two mutants have the name "${twice}"`);

/** A Vitest in a process of its own, in its own group, so that one that hangs is ended with all it began. */
function startShard() {
  const child = fork(path.join(import.meta.dirname, "mutants/shard.ts"), {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    detached: true,
  });
  let said = "";
  child.stderr?.on("data", (chunk) => (said = `${said}${chunk}`.slice(-2_000)));
  const ready = new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", () => reject(new Error(`A shard has ended: ${said}`)));
  });
  return {
    /**
     * `undefined` where it takes too long.
     *
     * @param {Job} job
     * @returns {Promise<Verdict | undefined>}
     */
    async run(job) {
      await ready;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => settle(undefined),
          job.file.startsWith(MODEL) ? PATIENCE.model : PATIENCE.unit,
        );
        const lost = () => reject(new Error(`A shard has ended: ${said}`));
        /** @param {Verdict | undefined} verdict */
        function settle(verdict) {
          clearTimeout(timer);
          child.off("exit", lost);
          child.off("message", settle);
          resolve(verdict);
        }
        child.once("exit", lost);
        child.on("message", settle);
        child.send(job);
      });
    },
    end() {
      child.removeAllListeners("exit");
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    },
  };
}

/** @type {Set<ReturnType<typeof startShard>>} */
const shards = new Set();
process.on("exit", () => shards.forEach((shard) => shard.end()));
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));

/**
 * Deals tasks to the shards, each of which takes the next one when it is done.
 *
 * @template T
 * @param {readonly T[]} tasks
 * @param {(task: T, run: (job: Job) => Promise<Verdict | undefined>) => Promise<void>} work
 */
async function deal(tasks, work) {
  const left = [...tasks];
  const take = async () => {
    let shard = startShard();
    shards.add(shard);
    for (let task = left.shift(); task !== undefined; task = left.shift())
      await work(task, async (job) => {
        const verdict = await shard.run(job);
        if (verdict) return verdict;
        shards.delete(shard);
        shard.end();
        shard = startShard();
        shards.add(shard);
        return undefined;
      });
    shards.delete(shard);
    shard.end();
  };
  await Promise.all(Array.from({ length: Math.min(SHARDS, left.length) }, take));
}

/** @param {string} file @param {string} title @param {number} schedules */
const nameOf = (file, title, schedules) => `${file} ${schedules} ${title}`;

/** What is wrong with a test that should pass; absent where it does. @type {Map<string, string>} */
const wrong = new Map();

/** @param {Verdict | undefined} verdict @param {string} title */
function faultOf(verdict, title) {
  if (!verdict) return "HANGS WITHOUT IT";
  if (verdict.faults.length) return `BROKEN WITHOUT IT: ${verdict.faults[0]}`;
  const told = verdict.told.find((one) => one.title === title);
  if (told?.red.length) return "RED WITHOUT IT";
  return told?.passed ? undefined : "NO TEST RAN";
}

/** @param {number} schedules @param {readonly Mutant[]} those */
async function passWithout(schedules, those) {
  const files = [...new Set(those.map(({ test }) => test))];
  await deal(files, async (file, run) => {
    const titles = [...new Set(those.filter((one) => one.test === file).map(({ title }) => title))];
    const verdict = await run({ mutant: "", file, titles, schedules });
    for (const title of titles) {
      const fault = faultOf(verdict, title);
      if (fault) wrong.set(nameOf(file, title, schedules), fault);
    }
  });
}

/**
 * What a run under a mutant says of it, where the same test is green without it.
 *
 * @param {Verdict | undefined} verdict
 */
function judgementOf(verdict) {
  if (!verdict) return "killed: the test hangs";
  if (verdict.faults.length) return `BROKEN: ${verdict.faults[0]}`;
  return verdict.told[0]?.red.length ? "killed" : "SURVIVED";
}

/** @type {Map<string, string>} */
const verdicts = new Map();

/** @param {number} schedules @param {readonly Mutant[]} those */
async function judge(schedules, those) {
  await passWithout(schedules, those);
  await deal(those, async ({ name, test, title }, run) => {
    const since = performance.now();
    const fault = wrong.get(nameOf(test, title, schedules));
    const verdict = fault
      ? undefined
      : await run({ mutant: name, file: test, titles: [title], schedules });
    const said = fault ?? judgementOf(verdict);
    verdicts.set(name, said);
    console.log(`${said.padEnd(10)} ${name} (${seconds(since)})`);
    if (process.env["TOKENKEEP_SHOW_RED"]) console.log(verdict?.told[0]?.red);
  });
}

/** @param {Mutant} mutant */
const isOfModel = ({ test }) => test.startsWith(MODEL);
await judge(
  0,
  chosen.filter((mutant) => !isOfModel(mutant)),
);
for (const schedules of SCHEDULES)
  await judge(
    schedules,
    chosen.filter(
      (mutant) => isOfModel(mutant) && (verdicts.get(mutant.name) ?? "SURVIVED") === "SURVIVED",
    ),
  );

const rows = chosen.map(({ name, law, title }) => ({
  mutant: name,
  law,
  "must turn red": title,
  verdict: verdicts.get(name),
}));
const bad = rows.filter(({ verdict }) => !verdict?.startsWith("killed"));
console.table(rows);
console.log(`${rows.length - bad.length} of ${rows.length} killed, in ${seconds(started)}`);
if (bad.length) console.table(bad);
process.exit(bad.length ? 1 : 0);

/**
 * `npm run proof`: a million schedules of the model, in shares over all cores, no family less than
 * 20,000. `npm run proof -- 100000` runs fewer, each family's least in proportion.
 *
 * What is done is kept in a file, so that a run that was ended goes on where it was. A change to the model,
 * or to a file of `src` that it plays, starts anew; `--anyway` goes on all the same. `--files` lists these
 * files. `TOKENKEEP_SEED` gives the seed of a new run. `--from=7` begins with every family's eighth share, and
 * `--until=7` ends before it: two machines share a run, of the same seed and of the same source, which the
 * first line names.
 */

import { fork } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { fail, heading, root, seconds, useOwnNode } from "./run.js";

/** @typedef {import("../test/model/share.ts").Answer} Answer */

/**
 * What has been done of a run.
 *
 * @typedef {object} Progress
 * @property {string} source a hash of what is proved, and of what proves it
 * @property {number} total
 * @property {number} seed
 * @property {Record<string, number[]>} done the shares that passed, by family
 * @property {readonly string[]} [earlier] by `--anyway`: how much was done on which other source
 */

/**
 * Some schedules of one family, with a seed of their own.
 *
 * @typedef {object} Share
 * @property {string} title
 * @property {number} index
 * @property {number} runs
 * @property {number} seed
 */

const WHOLE = 1_000_000;
const LEAST = 20_000;
/** Schedules in a share. */
const SHARE = 1_000;
/** A share that says nothing for so long hangs: a loop that never ends is a finding too. */
const SILENCE = 15 * 60_000;
/** A process that has played so many begins anew: its heap grows, and after a few hundred it is half as fast. */
const MOST_SHARES = 20;
/** Between lines of progress. */
const PAUSE = 5_000;

/** Codes of violations that are not to count: for an engine that is known to break them. */
const excused = process.env["TOKENKEEP_EXCUSE"] ?? "";

useOwnNode();
const started = performance.now();
const words = process.argv.slice(2);
const wrong = words.find((word) => !/^(\d+|--(anyway|files|(from|until)=\d+))$/.test(word));
if (wrong !== undefined)
  fail(
    `\`npm run proof\` knows no ${wrong}. Its own words are: 100000 --from=7 --until=9 --anyway --files`,
  );
const isAnyway = words.includes("--anyway");
const from = numberOf("--from=", 0);
const until = numberOf("--until=", Infinity);
const total = Number(words.find((word) => !word.startsWith("-")) ?? WHOLE);
if (!(total >= 1)) fail("`npm run proof -- 100000` wants a number of schedules.");
if (!(until > from))
  fail("`npm run proof -- --from=7 --until=9` wants shares of each family, counted from 0.");
const name = createHash("sha256").update(root).digest("hex").slice(0, 12);
const file = path.join(os.tmpdir(), `tokenkeep-proof-${name}.json`);

const played = await playedFiles();
if (words.includes("--files")) {
  for (const one of played) console.log(one);
  process.exit(0);
}
const families = await deal();
const progress = begin();
// Every family's first share comes before any family's second, so that a fault shows early.
const shares = families
  .flatMap(({ title, runs }, family) =>
    Array.from({ length: Math.ceil(runs / SHARE) }, (_, index) => ({
      title,
      index,
      runs: Math.min(SHARE, runs - index * SHARE),
      // eslint-disable-next-line no-bitwise -- a seed has 32 bits
      seed: (progress.seed + 1_000_003 * (family + 1) + index) | 0,
    })),
  )
  .sort((one, other) => one.index - other.index);
const isDone = (/** @type {Share} */ { title, index }) =>
  progress.done[title]?.includes(index) ?? false;
const waiting = shares.filter((share) => !isDone(share) && share.index < until);
/** @type {Set<string>} */
const failed = new Set();
let ran = 0;
let told = 0;

heading(
  `${sum(shares)} schedules of ${families.length} families, TOKENKEEP_SEED=${progress.seed}, ` +
    `source ${progress.source.slice(0, 16)}`,
);
for (const one of progress.earlier ?? []) console.log(`Played on another source: ${one}`);
if (excused) console.log(`Excused, so that this proves less: ${excused}`);
const before = shares.filter(isDone);
if (before.length > 0) console.log(`${sum(before)} are done already (${file})`);
// One more than there are cores: a share waits for Web Crypto's threads a sixth of its time.
await Promise.all(Array.from({ length: os.availableParallelism() + 1 }, work));
conclude();

/** @param {readonly { runs: number }[]} some */
function sum(some) {
  return some.reduce((all, { runs }) => all + runs, 0);
}

/** @param {string} option @param {number} otherwise */
function numberOf(option, otherwise) {
  const given = words.find((word) => word.startsWith(option))?.slice(option.length);
  return given === undefined ? otherwise : Number(given);
}

/** The files that a schedule's outcome hangs on: the model's, and all that it imports. */
async function playedFiles() {
  const { metafile } = await build({
    entryPoints: [path.join(root, "test", "model", "share.ts")],
    absWorkingDir: root,
    bundle: true,
    packages: "external",
    format: "esm",
    metafile: true,
    write: false,
  });
  return Object.keys(metafile.inputs).sort();
}

/** A hash of everything that a schedule's outcome hangs on. */
function hashSource() {
  const hash = createHash("sha256");
  for (const one of played) hash.update(one).update(readFileSync(path.join(root, one)));
  return hash.update(excused).digest("hex");
}

/** What an earlier run has left, if it is of the same; otherwise a new one. @returns {Progress} */
function begin() {
  const source = hashSource();
  const known = readProgress();
  const isSame = known?.total === total && (known.source === source || isAnyway);
  const isLeft =
    known !== undefined &&
    families.some(({ title, runs }) => (known.done[title]?.length ?? 0) < Math.ceil(runs / SHARE));
  if (isSame && isLeft && known.source === source) return known;
  if (isSame && isLeft) {
    const count = Object.values(known.done).reduce((all, { length }) => all + length, 0);
    const earlier = `${count} shares in all until source ${known.source.slice(0, 16)}`;
    return { ...known, source, earlier: [...(known.earlier ?? []), earlier] };
  }
  return {
    source,
    total,
    seed: Number(process.env["TOKENKEEP_SEED"] ?? Date.now() % 2 ** 31),
    done: Object.fromEntries(families.map(({ title }) => [title, [...Array(from).keys()]])),
  };
}

/** @returns {Progress | undefined} */
function readProgress() {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** Whole or not at all: the process may be ended at any time. */
function keep() {
  writeFileSync(`${file}.new`, JSON.stringify(progress));
  renameSync(`${file}.new`, file);
}

/**
 * A failure is played again by its seed, so that no stack is needed here, and none is paid for. Nor are
 * threads of V8's own: the other shares have the cores.
 */
function start() {
  const execArgv = ["--stack-trace-limit=0", "--single-threaded"];
  return fork(path.join(root, "test", "model", "share.ts"), { cwd: root, execArgv });
}

/** Asks the model which families there are. @returns {Promise<readonly { title: string, runs: number }[]>} */
async function deal() {
  const child = start();
  const least = Math.ceil((LEAST * total) / WHOLE);
  /** @type {Answer} */
  const answer = await ask(child, { deal: total, least });
  child.kill();
  return answer.type === "dealt" ? answer.families : fail("The model has no families.");
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {object} order
 * @returns {Promise<Answer>}
 */
function ask(child, order) {
  return new Promise((resolve) => {
    const end = (/** @type {string} */ report) => settle({ type: "done", report });
    const timer = setTimeout(() => end("It hangs: no answer for a quarter of an hour."), SILENCE);
    const onExit = () => end("Its process has ended.");
    /** @param {Answer} answer */
    function settle(answer) {
      clearTimeout(timer);
      child.off("message", settle).off("exit", onExit);
      resolve(answer);
    }
    child.on("message", settle).on("exit", onExit);
    child.send(order);
  });
}

/** Takes one share after the other, in processes of its own. */
async function work() {
  let child = start();
  let count = 0;
  for (let share = waiting.shift(); share; share = waiting.shift()) {
    if (failed.has(share.title)) continue;
    if (count === MOST_SHARES) {
      child.kill();
      child = start();
      count = 0;
    }
    count += 1;
    const answer = await ask(child, share);
    const report = answer.type === "done" ? answer.report : undefined;
    if (report === undefined) {
      ran += share.runs;
      (progress.done[share.title] ??= []).push(share.index);
      keep();
      tell(share);
    } else {
      failed.add(share.title);
      explain(share, report);
      child.kill("SIGKILL");
      child = start();
    }
  }
  child.kill();
}

/** @param {Share} share @param {string} report */
function explain({ title, seed, runs }, report) {
  const at = /path: "([^"]*)"/.exec(report)?.[1];
  const replay = `TOKENKEEP_SEED=${seed}${at === undefined ? "" : ` TOKENKEEP_PATH=${at}`}`;
  const limit = at === undefined ? ` TOKENKEEP_SCHEDULES=${runs}` : "";
  console.log(`\nFAILED: ${title}\n${report}\n\nReplay it, with TOKENKEEP_TRACE=1 line by line:`);
  // Vitest takes a pattern, and a shell has signs of its own.
  const pattern = title.split(" [")[0]?.replace(/[^\w ,:-]/g, ".");
  console.log(`  ${replay}${limit} npm run test:quick -- test/model -t '${pattern}'\n`);
}

/** One line now and then. @param {Share} share */
function tell({ title }) {
  if (performance.now() - told < PAUSE && waiting.length) return;
  told = performance.now();
  const left = sum(waiting);
  const rate = ran / ((told - started) / 1_000);
  const percent = Math.floor(100 * (1 - left / sum(shares)));
  const [done = 0, all = 0] = ofFamily(title);
  console.log(
    `${String(percent).padStart(3)} %  ${done}/${all}  ${Math.round(rate)} a second, ` +
      `${Math.ceil(left / rate / 60)} min left  ${title.slice(0, 60)}`,
  );
}

/** How many schedules of a family have passed, and how many there are. @param {string} title */
function ofFamily(title) {
  const own = shares.filter((share) => share.title === title);
  return [sum(own.filter(isDone)), sum(own)];
}

function conclude() {
  heading("By family");
  for (const { title } of families) {
    const [done = 0, all = 0] = ofFamily(title);
    console.log(
      `${String(done).padStart(9)} of ${String(all).padEnd(9)} ${failed.has(title) ? "FAILED " : ""}${title}`,
    );
  }
  const wanted = shares.filter(({ index }) => index < until);
  const passed = sum(wanted.filter(isDone));
  console.log(`\nTook ${seconds(started)}. TOKENKEEP_SEED=${progress.seed}`);
  for (const one of progress.earlier ?? []) console.log(`Of these on another source: ${one}`);
  console.log(`${passed} schedules passed, ${failed.size} families failed`);
  process.exitCode = failed.size === 0 && passed === sum(wanted) ? 0 : 1;
}

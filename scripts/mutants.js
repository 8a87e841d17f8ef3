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

const DECIDE = "src/engine/decide.ts";
const ENGINE = "src/engine/engine.ts";
const LEDGER = "src/engine/ledger.ts";
const TRANSITIONS = "src/engine/transitions.ts";
const FETCH = "src/fetch.ts";
const SERVE = "src/worker/serve.ts";

const MODEL = "test/model/protocol.test.ts";
const CONTRACTS = "test/runtimes/node.test.ts";
const REFRESH = "test/unit/refresh.test.ts";
const WORKER = "test/unit/worker/serve.test.ts";
const PAGE = "test/unit/worker/connect.test.ts";

const STRICT = "P2 P5 P8 F39 strict rotation";
/** Of the model test: more of them for a mutant that survives the first. */
const SCHEDULES = [3_000, 30_000];
/** A failing schedule is shrunk for as long as fast-check likes; that it fails is known long before. */
const PATIENCE = 180_000;

/** @type {readonly Mutant[]} */
const mutants = [
  {
    name: "a store writes whatever is expected",
    law: "P3, law 1",
    edits: [
      {
        file: "src/stores/memory.ts",
        find: "if (sessionId !== expected?.sessionId || revision !== expected?.revision) return false;",
        replace: "void [sessionId, revision, expected];",
      },
    ],
    test: CONTRACTS,
    title: "P3 a write against a stale revision changes nothing",
  },
  {
    name: "a lost compare-and-set is taken for a won one",
    law: "P2, P3, law 1",
    edits: [
      {
        file: LEDGER,
        find: "if (!(await reach(store.write(key, next, expected)))) return false;",
        replace: "await reach(store.write(key, next, expected));",
      },
    ],
    test: MODEL,
    title: STRICT,
  },
  {
    name: "no fence before sending",
    law: "P8",
    edits: [
      {
        file: ENGINE,
        find: "if (!(await ledger.holds(next))) return;",
        replace: "await ledger.holds(next);",
      },
    ],
    test: MODEL,
    title: "P8 F3 F7 locks",
  },
  {
    name: "the fence is not looked at again after a freeze",
    law: "P8",
    edits: [
      { file: ENGINE, find: "while (running() - asked > CLAIM)", replace: "while (asked < 0)" },
    ],
    test: MODEL,
    title: "P8 F3 F7 locks",
  },
  {
    name: "no intent before the first byte",
    law: "P5",
    edits: [
      {
        file: ENGINE,
        find: "if (!(await ledger.replace(next))) return;",
        replace: "ledger.session = next;",
      },
      {
        file: ENGINE,
        find: "if (!(await ledger.holds(next))) return;",
        replace: "await ledger.holds(next);",
      },
    ],
    test: MODEL,
    title: STRICT,
  },
  {
    name: "a replay under strict rotation while the access token is good",
    law: "P2",
    edits: [{ file: DECIDE, find: 'if (!harmless && alive) return "use";', replace: "" }],
    test: MODEL,
    title: STRICT,
  },
  {
    name: "peers are not asked before the last chance",
    law: "P2",
    edits: [{ file: DECIDE, find: 'if (!harmless && !silent) return "ask";', replace: "" }],
    test: MODEL,
    title: "P6 tokens of one grant",
  },
  {
    name: "a refused refresh token is sent again",
    law: "P9",
    edits: [{ file: DECIDE, find: "session.refused ||", replace: "" }],
    test: MODEL,
    title: STRICT,
  },
  {
    name: "no tombstone",
    law: "P4, S14",
    edits: [
      {
        file: LEDGER,
        find: "!current || current.tombstone || !ended.has(current.sessionId)",
        replace: "!current || current.sessionId",
      },
    ],
    test: "test/unit/accounts.test.ts",
    title: "P4 another context drops the session",
  },
  {
    name: "a late commit brings an ended session back",
    law: "P4, F24",
    edits: [
      {
        file: ENGINE,
        find: "isOurs(stored) ? change(stored!) : undefined",
        replace: "change(stored ?? next)",
      },
    ],
    test: MODEL,
    title: "P4 F24 sign-outs and sign-ins race",
  },
  {
    name: "what the server gave last is overwritten by what it gave before",
    law: "P6",
    edits: [
      { file: TRANSITIONS, find: "if (current.attempt >= attempt) return undefined;", replace: "" },
    ],
    test: MODEL,
    title: "P7 F9 F22 waiters get a token",
  },
  {
    name: "a refusal or trouble of an attempt that was taken over counts",
    law: "P9, F33",
    edits: [
      {
        file: TRANSITIONS,
        find: "current.intent?.attemptId === attemptId",
        replace: 'current.intent?.attemptId !== ""',
      },
    ],
    test: MODEL,
    title: "P2 everything at once",
  },
  {
    name: "a 401 for an older generation counts for the current one",
    law: "P12",
    edits: [
      {
        file: DECIDE,
        find: "rejected.generation >= session.generation",
        replace: "rejected.generation > 0",
      },
    ],
    test: MODEL,
    title: "P12 a 401 for an older generation",
  },
  {
    name: "a cool-down does not hold",
    law: "P18, F14",
    edits: [
      {
        file: DECIDE,
        find: "(cooling > 0 && cooling <= LONGEST_COOL_DOWN)",
        replace: "cooling === Infinity",
      },
    ],
    test: MODEL,
    title: "P5 P18 F14 an intent stands",
  },
  {
    name: "a 429 after an unknown outcome clears the intent",
    law: "P5",
    edits: [{ file: TRANSITIONS, find: "unprocessed && !intent.repeated", replace: "unprocessed" }],
    test: MODEL,
    title: "P5 P18 F14 an intent stands",
  },
  {
    name: "a 503 proves that nothing was processed",
    law: "P2, P5",
    edits: [
      {
        file: "src/providers/password.ts",
        find: "(status === 503 && safe503)",
        replace: "status === 503",
      },
    ],
    test: "test/unit/password.test.ts",
    title: "P2 otherwise not after a 503",
  },
  {
    name: "no shortest time between refreshes",
    law: "P15",
    edits: [{ file: DECIDE, find: "now >= renewedAt &&", replace: "now === Infinity &&" }],
    test: "test/unit/fetch.test.ts",
    title: "P13 a 401 soon after a refresh",
  },
  {
    name: "no breaker",
    law: "P13, F18",
    edits: [
      {
        file: DECIDE,
        find: "2 ** Math.min(Math.max(strikes - 1, 0), 6)",
        replace: "2 ** (0 * strikes)",
      },
    ],
    test: MODEL,
    title: "P13 F18 a server that always answers 401",
  },
  {
    name: "no patience",
    law: "P10",
    edits: [
      { file: ENGINE, find: "patience = 20_000,", replace: "patience: _," },
      {
        file: ENGINE,
        find: "export function createEngine(",
        replace: "const patience = 2 ** 31 - 1; export function createEngine(",
      },
    ],
    test: MODEL,
    title: "P10 F2 F4 F38 every call settles",
  },
  {
    name: "an exchange without its deadline",
    law: "P10",
    edits: [{ file: DECIDE, find: "EXCHANGE = 15_000", replace: "EXCHANGE = 150_000" }],
    test: MODEL,
    title: "P10 F2 F4 F38 every call settles",
  },
  {
    name: "no jitter in the soft time",
    law: "P18",
    edits: [
      {
        file: "src/engine/lifetime.ts",
        find: "0.75 + random * 0.05",
        replace: "0.75 + 0 * random",
      },
    ],
    test: MODEL,
    title: "P18 clients that signed in together",
  },
  {
    name: "no jitter in the back-off",
    law: "P18, F14",
    edits: [
      { file: TRANSITIONS, find: "500 * 2 ** tries) * random", replace: "500 * 2 ** tries)" },
    ],
    test: REFRESH,
    title: "F14 the pauses between tries grow",
  },
  {
    name: "a reply without a refresh token wipes the stored one",
    law: "F23",
    edits: [
      {
        file: TRANSITIONS,
        find: "refreshToken ?? tokenSet.refreshToken",
        replace: "refreshToken",
      },
    ],
    test: "test/unit/password.test.ts",
    title: "F23",
  },
  {
    name: "an origin is judged by its beginning",
    law: "S1, law 4",
    edits: [{ file: "src/policy.ts", find: 'origin + "/"', replace: 'origin + ""' }],
    test: CONTRACTS,
    title: "S1 S3 not to",
  },
  {
    name: "a caller's own Authorization is overridden",
    law: "S6",
    edits: [{ file: FETCH, find: "isBare || hasAuthorization(headers)", replace: "isBare" }],
    test: CONTRACTS,
    title: "S6 a caller's own wins",
  },
  {
    name: "a redirect takes the token to any origin",
    law: "S2, law 4",
    edits: [{ file: "src/redirect.ts", find: "if (policy(url.href)) hop.set", replace: "hop.set" }],
    test: "test/unit/redirect.test.ts",
    title: "S2 the token goes along on listed origins only",
  },
  {
    name: "a redirect of the token endpoint is followed",
    law: "S2",
    edits: [
      {
        file: "src/engine/token-request.ts",
        find: 'redirect: "manual"',
        replace: 'redirect: "follow"',
      },
    ],
    test: CONTRACTS,
    title: "S2 the token endpoint's redirect is refused",
  },
  {
    name: "a body is not kept for the second send",
    law: "P11, F20",
    edits: [
      { file: FETCH, find: "lasting(body) ?? (body as BodyInit)", replace: "body as BodyInit" },
    ],
    test: CONTRACTS,
    title: "P11 F20 is sent again after a 401",
  },
  {
    name: "a 403 is treated like a 401",
    law: "F18, law 6",
    edits: [
      {
        file: FETCH,
        find: "response.status === 401 ? heal(response, token, again, signal",
        replace: "/40[13]/.test(`${response.status}`) ? heal(response, token, again, signal",
      },
    ],
    test: CONTRACTS,
    title: "F18 403 is an answer",
  },
  {
    name: "an event shows the whole session",
    law: "S4, S7, law 5",
    edits: [
      {
        file: "src/vault.ts",
        find: "observer({ type, account,",
        replace: "observer({ ...(session as object), type, account,",
      },
    ],
    test: "test/unit/secrets.test.ts",
    title: "S4 S7 shows no secret",
  },
  {
    name: "the token that was rejected is sent again",
    law: "F19",
    edits: [
      {
        file: FETCH,
        find: "if (newer.accessToken === token.accessToken) return response;",
        replace: "",
      },
    ],
    test: "test/unit/fetch.test.ts",
    title: "F19 the same token brought back",
  },
  {
    name: "a worker gives its token for any URL",
    law: "S1, law 4",
    edits: [{ file: SERVE, find: "!isText(url) || !policy(url)", replace: "!isText(url)" }],
    test: WORKER,
    title: "S1 is given for listed URLs only",
  },
  {
    name: "a worker that isolates gives its token to whoever asks",
    law: "S7",
    edits: [{ file: SERVE, find: "!isolated || !/^", replace: "true || !/^" }],
    test: WORKER,
    title: "S7 under isolation gives no token",
  },
  {
    name: "a worker answers questions of any version",
    law: "S10",
    edits: [{ file: SERVE, find: 'question["tokenkeep"] !== VERSION', replace: "false" }],
    test: WORKER,
    title: "S10 of another version is told so",
  },
  {
    name: "nothing holds a service worker that refreshes",
    law: "F31, F39",
    edits: [{ file: "src/worker/hold.ts", find: "event.waitUntil(done);", replace: "" }],
    test: WORKER,
    title: "F31 P5 is held by the event",
  },
  {
    name: "a service worker refreshes though nothing holds it",
    law: "F39",
    edits: [{ file: SERVE, find: "!inServiceWorker || isHeld()", replace: "true" }],
    test: WORKER,
    title: "F39 begins no refresh that no event would hold",
  },
  {
    name: "a page sends whatever it is given for a token",
    law: "S5, S10",
    edits: [
      { file: "src/worker/narrow.ts", find: "isObject(value) &&", replace: "isObject(value) ||" },
    ],
    test: PAGE,
    title: "S5 S10 in place of a token is not sent",
  },
  {
    name: "an answer that was overtaken brings its state back",
    law: "F9",
    edits: [
      { file: "src/worker/connect.ts", find: "if (one.seq > since) {", replace: "if (one) {" },
    ],
    test: PAGE,
    title: "F9 answers that overtake each other",
  },
];

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
      "--project=node",
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

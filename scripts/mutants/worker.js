/** Mutants of a worker that owns the session, and its pages: see `../mutants.js`. */

const SERVE = "src/worker/serve.ts";
const CONNECT = "src/worker/connect.ts";
const WORKER = "test/unit/worker/serve.test.ts";
const PAGE = "test/unit/worker/connect.test.ts";
const ANSWERS = "test/unit/worker/answers.test.ts";

/** @type {readonly import("../mutants.js").Mutant[]} */
export const worker = [
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
    name: "a service worker refreshes though nothing holds it",
    law: "F39",
    edits: [{ file: SERVE, find: "!inServiceWorker || isHeld()", replace: "true" }],
    test: WORKER,
    title: "F39 begins no refresh that no event would hold",
  },
  {
    name: "a question of any length is read",
    law: "S10",
    edits: [{ file: SERVE, find: 'check(isText(args), "argument");', replace: "" }],
    test: WORKER,
    title: "S10 with too long arguments is refused",
  },
  {
    name: "an account of a page's may have any name",
    law: "S10, S11",
    edits: [{ file: "src/vault/vault.ts", find: "checkAccount(account);", replace: "" }],
    test: WORKER,
    title: "S10 with no account is refused",
  },
  {
    name: "one worker keeps any number of accounts",
    law: "S10, S11",
    edits: [{ file: SERVE, find: "accounts.size < MOST_ACCOUNTS", replace: "true" }],
    test: WORKER,
    title: "S10 S11 names one of a hundred accounts at most",
  },
  {
    name: "a page takes any time for a server's",
    law: "F16, S10",
    edits: [{ file: SERVE, find: "value > 0 && value < 8.64e15", replace: "true" }],
    test: WORKER,
    title: "F16 S10 is signed by the time of its 401",
  },
  {
    name: "tokens go to the page's own files",
    law: "S1",
    edits: [{ file: SERVE, find: "request.destination ||", replace: "" }],
    test: WORKER,
    title: "S1 S6 attaches tokens to what may have one",
  },
  {
    name: "a page that is not controlled goes on without a token",
    law: "S7",
    edits: [{ file: SERVE, find: "!pages.some(({ id }) => id === client)", replace: "false" }],
    test: WORKER,
    title: "S7 under isolation gives no token",
  },
  {
    name: "a question that is given up is answered all the same",
    law: "P14",
    edits: [{ file: SERVE, find: "() => controller.abort()", replace: "() => {}" }],
    test: PAGE,
    title: "P14 an abort reaches the worker",
  },
  {
    name: "nothing holds a service worker that refreshes",
    law: "F31, F39",
    edits: [{ file: "src/worker/hold.ts", find: "event.waitUntil(done);", replace: "" }],
    test: WORKER,
    title: "F31 P5 is held by the event",
  },
  {
    name: "a page sends whatever it is given for a token",
    law: "S5, S10",
    edits: [
      { file: "src/worker/narrow.ts", find: "isObject(value) &&", replace: "isObject(value) ||" },
    ],
    test: ANSWERS,
    title: "S5 S10 in place of a token is not sent",
  },
  {
    name: "an answer that was overtaken brings its state back",
    law: "F9",
    edits: [{ file: CONNECT, find: "if (one && one.seq > since) {", replace: "if (one) {" }],
    test: ANSWERS,
    title: "F9 answers that overtake each other",
  },
  {
    name: "a page does not tell the time of a 401",
    law: "F16",
    edits: [{ file: CONNECT, find: "generation, date }]", replace: "generation }]" }],
    test: "test/unit/worker/same.test.ts",
    title: "F16 with a clock",
  },
  {
    name: "a page that gives up tells nobody",
    law: "P14",
    edits: [{ file: CONNECT, find: "port1.postMessage(0);", replace: "" }],
    test: PAGE,
    title: "P14 an abort reaches the worker",
  },
  {
    name: "a page counts as controlled before it is",
    law: "S7",
    edits: [{ file: CONNECT, find: "if (isolated && !nav", replace: "if (false && !nav" }],
    test: PAGE,
    title: "S7 is there when the page is controlled",
  },
  {
    name: "a page believes a worker of another version",
    law: "S10",
    edits: [{ file: CONNECT, find: "said.tokenkeep === VERSION", replace: "true" }],
    test: PAGE,
    title: "P10 a worker that is updated to another version",
  },
  {
    name: "nothing stands in for a worker",
    law: "P10",
    edits: [{ file: CONNECT, find: "reach(fallback, limit)", replace: "reach(start, 0)" }],
    test: PAGE,
    title: "P10 a worker that is updated to another version",
  },
  {
    name: "a password is sent again to a worker that is silent",
    law: "S4, P10",
    edits: [{ file: CONNECT, find: 'if (type === "signIn") throw', replace: "if (false) throw" }],
    test: PAGE,
    title: "P10 any more leaves no call behind",
  },
  {
    name: "a closed page waits on",
    law: "P10",
    edits: [{ file: CONNECT, find: "lose(link, ended.signal.reason);", replace: "" }],
    test: PAGE,
    title: "P10 closed, it gives up what it asked",
  },
  {
    name: "a stream is sent again",
    law: "P11, F21",
    edits: [
      {
        file: "src/worker/send.ts",
        find: "body instanceof ReadableStream ? undefined : ",
        replace: "",
      },
    ],
    test: PAGE,
    title: "P11 F20 F21 sends a stream once",
  },
];

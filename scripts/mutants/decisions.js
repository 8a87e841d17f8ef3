/** Mutants of what is decided, and what becomes of a session: see `../mutants.js`. */

import { MODEL, REFRESH, STRICT } from "./tests.js";

const DECIDE = "src/refresh/decide.ts";
const TRANSITIONS = "src/refresh/transitions.ts";
const DECISIONS = "test/unit/decide.test.ts";

/** @type {readonly import("../mutants.js").Mutant[]} */
export const decisions = [
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
    test: DECISIONS,
    title: "P2 P7 it is lost, and the token has ended",
  },
  {
    name: "a refused refresh token is sent again",
    law: "P9",
    edits: [{ file: DECIDE, find: "session.refused ||", replace: "" }],
    test: MODEL,
    title: STRICT,
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
        find: "2 ** Math.min(strikes || 1, 7)",
        replace: "2 ** (1 + 0 * strikes)",
      },
    ],
    test: MODEL,
    title: "P13 F18 a server that always answers 401",
  },
  {
    name: "an exchange without its deadline",
    law: "P10",
    edits: [{ file: DECIDE, find: "EXCHANGE = 15_000", replace: "EXCHANGE = 150_000" }],
    test: MODEL,
    title: "P10 F2 F4 F38 every call settles",
  },
  {
    name: "what the server gave last is overwritten by what it gave before",
    law: "P6",
    edits: [
      { file: TRANSITIONS, find: "if (current.attempt >= attempt) return undefined;", replace: "" },
    ],
    test: "test/unit/transitions.test.ts",
    title: "P2 P8 its grant is kept",
  },
  {
    name: "a refusal or trouble of an attempt that was taken over counts",
    law: "P9, F33",
    edits: [
      {
        file: TRANSITIONS,
        find: "if (current.intent?.attemptId !== intent.attemptId) return undefined;",
        replace: "",
      },
    ],
    test: "test/unit/transitions.test.ts",
    title: "P8 P9 its refusal",
  },
  {
    name: "a 429 after an unknown outcome clears the intent",
    law: "P5",
    edits: [{ file: TRANSITIONS, find: "unprocessed && !intent.repeated", replace: "unprocessed" }],
    test: MODEL,
    title: "P5 P18 F14 an intent stands",
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
    name: "a 503 proves that nothing was processed",
    law: "P2, P5",
    edits: [
      {
        file: "src/grant/outcome.ts",
        find: "(status === 503 && safe503)",
        replace: "status === 503",
      },
    ],
    test: "test/unit/password.test.ts",
    title: "P2 otherwise not after a 503",
  },
  {
    name: "a firewall's 403 refuses",
    law: "P17",
    edits: [
      {
        file: "src/grant/outcome.ts",
        find: "status === 400 || status === 401",
        replace: "status >= 400 && status < 404",
      },
    ],
    test: "test/unit/providers/mint.test.ts",
    title: "sign_in_failed for 403",
  },
];

/** Mutants of the engine, what it knows of the record, and the vault around it: see `../mutants.js`. */

import { CONTRACTS, MODEL, REFRESH, STRICT } from "./tests.js";

const ENGINE = "src/refresh/engine.ts";
const LEDGER = "src/refresh/ledger.ts";

/** @type {readonly import("../mutants.js").Mutant[]} */
export const engine = [
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
    name: "an older generation that stands in the place of a lost one is taken",
    law: "P3, F33",
    edits: [
      {
        file: LEDGER,
        find: "const ahead = isAhead(session, stored);",
        replace: "const ahead = false as boolean;",
      },
    ],
    test: REFRESH,
    title: "P3 F33 the newer generation is kept",
  },
  {
    name: "an older generation that a lagging store shows is taken",
    law: "F33",
    edits: [{ file: LEDGER, find: "take(ahead ? session : stored);", replace: "take(stored);" }],
    test: REFRESH,
    title: "F33 of a store that may lag",
  },
  {
    name: "what the store has lost is not written again",
    law: "P3, F33",
    edits: [
      {
        file: LEDGER,
        find: "if (ahead && store.atomic && !waiting)",
        replace: "if (false as boolean)",
      },
    ],
    test: REFRESH,
    title: "P2 an intent is not forgotten",
  },
  {
    name: "a refusal is told again when its session is met again",
    law: "P9",
    edits: [
      { file: ENGINE, find: "refused.add(id);", replace: "void refused.clear(), refused.add(id);" },
    ],
    test: REFRESH,
    title: "P9 each session's refusal is told once",
  },
  {
    name: "a store that never takes a write is asked without a pause",
    law: "P10",
    edits: [
      {
        file: ENGINE,
        find: "if (isServing(decision) || /_/.test(decision)) return;",
        replace: "if (!/^(wait|ask)$/.test(decision)) return;",
      },
    ],
    test: REFRESH,
    title: "P10 is not asked without a pause",
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
    name: "a late commit brings an ended session back",
    law: "P4, F24",
    edits: [
      { file: ENGINE, find: "const after = isOurs(stored)", replace: "const after = isOurs(next)" },
      { file: ENGINE, find: "concluded(stored!,", replace: "concluded(stored ?? next," },
    ],
    test: MODEL,
    title: "P4 F24 sign-outs and sign-ins race",
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
    name: "each look makes an intent young again",
    law: "P10, step 3",
    edits: [
      { file: ENGINE, find: "if (seenId !== intent?.attemptId) {", replace: "if (intent) {" },
    ],
    test: REFRESH,
    title: "P10 F16 ends by this context's running time",
  },
  {
    name: "a static token that was answered with 401 is sent again",
    law: "P9",
    edits: [{ file: ENGINE, find: "rejectedHere = rejected;", replace: "{}" }],
    test: "test/unit/static-token.test.ts",
    title: "P9 the application is asked once",
  },
  {
    name: "the server's time is not learned from its 401",
    law: "F16",
    edits: [{ file: ENGINE, find: "skew = need.date! - now();", replace: "skew = 0;" }],
    test: "test/unit/self-signed.test.ts",
    title: "F16 with a clock",
  },
  {
    name: "no jitter in the soft time",
    law: "P18",
    edits: [
      {
        file: "src/grant/lifetime.ts",
        find: "0.75 + random * 0.05",
        replace: "0.75 + 0 * random",
      },
    ],
    test: MODEL,
    title: "P18 clients that signed in together",
  },
  {
    name: "a listener that joins takes the news from the others",
    law: "law 6",
    edits: [
      {
        file: "src/vault/vault.ts",
        find: "let known = snapshot();",
        replace: "let known = snapshot(); listeners.clear();",
      },
    ],
    test: "test/unit/snapshot.test.ts",
    title: "one that joins in the task of a change",
  },
  {
    name: "an event shows the whole session",
    law: "S4, S7, law 5",
    edits: [
      {
        file: "src/vault/vault.ts",
        find: "const event = type && {",
        replace: "const event = type && { ...(session as object),",
      },
    ],
    test: "test/unit/secrets.test.ts",
    title: "S4 S7 shows no secret",
  },
];

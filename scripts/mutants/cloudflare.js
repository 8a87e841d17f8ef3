/** Mutants of the Durable Object and the isolate: see `../mutants.js`. */

const ISOLATE = "src/cloudflare/memory.ts";
const OWNER = "src/cloudflare/owner.ts";

/** @type {readonly import("../mutants.js").Mutant[]} */
export const cloudflare = [
  {
    name: "an isolate takes KV's older generation",
    law: "F33",
    edits: [
      {
        file: ISOLATE,
        find: "lease.generation >= token.generation));",
        replace: "true));",
      },
    ],
    test: "test/unit/cloudflare/memory.test.ts",
    title: "F33 KV's older generation",
  },
  {
    name: "KV brings an ended session back",
    law: "P4",
    edits: [{ file: ISOLATE, find: "revision > known.revision ||", replace: "true ||" }],
    test: "test/unit/cloudflare/memory.test.ts",
    title: "P4 after the end of a session",
  },
  {
    name: "an isolate's memory grows for ever",
    law: "S11",
    edits: [
      {
        file: ISOLATE,
        find: "all.size > most",
        replace: "all.size < 0",
      },
    ],
    test: "test/unit/cloudflare/memory.test.ts",
    title: "holds so many accounts",
  },
  {
    name: "an isolate forgets who came first, not who was not used for longest",
    law: "S11",
    edits: [{ file: ISOLATE, find: "    all.delete(key);\n", replace: "" }],
    test: "test/unit/cloudflare/memory.test.ts",
    title: "forgets the least recently used one",
  },
  {
    name: "KV never hears of a sign-out that it did not take at once",
    law: "P4",
    edits: [
      {
        file: OWNER,
        find: "deedNow()?.due\n          ? SOON",
        replace: "deedNow()\n          ? Infinity",
      },
    ],
    test: "test/unit/cloudflare/owner.test.ts",
    title: "P4 a sign-out is told again",
  },
  {
    name: "a storage that fails takes the alarm along",
    law: "P16",
    edits: [{ file: OWNER, find: "? SOON * 10", replace: "? Infinity" }],
    test: "test/unit/cloudflare/owner.test.ts",
    title: "P16 S4 that fails",
  },
  {
    name: "nothing holds an object while it refreshes in the background",
    law: "F31",
    edits: [
      {
        file: OWNER,
        find: "(promise) => ctx.waitUntil(promise),\n      }",
        replace: "() => {},\n      }",
      },
    ],
    test: "test/unit/cloudflare/owner.test.ts",
    title: "F31 a refresh in the background",
  },
  {
    name: "an alarm ends before it has set the next one",
    law: "F35",
    edits: [
      { file: OWNER, find: "retry in place.\n    await arm(one);", replace: "retry in place." },
    ],
    test: "test/unit/cloudflare/owner.test.ts",
    title: "F35 an alarm has set the next",
  },
];

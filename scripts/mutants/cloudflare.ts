/** Mutants of the Durable Object and the isolate: see `mutant.ts`. */
import type { Memory } from "../../src/cloudflare/memory.ts";
import { type Mutant, over, type Wrap, wrapper } from "./mutant.ts";

const ofAlarm = wrapper<typeof import("../../src/cloudflare/alarm.ts")>("src/cloudflare/alarm.ts");
const ofEngine = wrapper<typeof import("../../src/refresh/engine.ts")>("src/refresh/engine.ts");
const ofMemory = wrapper<typeof import("../../src/cloudflare/memory.ts")>(
  "src/cloudflare/memory.ts",
);
const ofOwner = wrapper<typeof import("../../src/cloudflare/owner.ts")>("src/cloudflare/owner.ts");

const ISOLATE = "test/unit/cloudflare/memory.test.ts";
const OWNER = "test/unit/cloudflare/owner.test.ts";

/** Believes of KV what `isTaken` says, whatever it is. */
const adopting = (
  isTaken: (
    known: ReturnType<Memory["get"]>,
    lease: Parameters<Memory["adopt"]>[1]["lease"],
  ) => boolean,
): Wrap =>
  ofMemory("createMemory", (original) => (...args) => {
    const memory = original(...args);
    return over(memory, {
      adopt(key, answer, now) {
        const known = memory.get(key);
        const revision = isTaken(known, answer.lease)
          ? (known?.revision ?? 0) + 1
          : answer.revision;
        return memory.adopt(key, { ...answer, revision }, now);
      },
    });
  });

export const cloudflare: readonly Mutant[] = [
  {
    name: "an isolate takes KV's older generation",
    law: "F33",
    ...adopting((known, lease) => !!known?.token && known.token.sessionId === lease?.sessionId),
    test: ISOLATE,
    title: "KV's older generation",
  },
  {
    name: "KV brings an ended session back",
    law: "P4",
    ...adopting((known, lease) => !!known && !known.token && !!lease),
    test: ISOLATE,
    title: "after the end of a session",
  },
  {
    name: "an isolate's memory grows for ever",
    law: "S11",
    ...ofMemory("createMemory", (original) => () => original(Infinity)),
    test: ISOLATE,
    title: "holds so many accounts",
  },
  {
    name: "an isolate forgets who came first, not who was not used for longest",
    law: "S11",
    ...ofMemory("createMemory", (original) => (most = 10_000) => {
      const all = new Map<string, NonNullable<ReturnType<Memory["get"]>>>();
      const memory = original(Infinity);
      return over(memory, {
        get: (key) => all.get(key),
        take(key, answer, now) {
          const held = memory.take(key, answer, now);
          all.set(key, held);
          for (const [first] of all) if (all.size > most) all.delete(first);
          return held;
        },
      });
    }),
    test: ISOLATE,
    title: "forgets the least recently used one",
  },
  {
    name: "KV never hears of a sign-out that it did not take at once",
    law: "P4",
    ...ofAlarm("nextAlarm", (original) => (sight) => original({ ...sight, owes: false })),
    test: OWNER,
    title: "a sign-out is told again",
  },
  {
    name: "a storage that fails takes the alarm along",
    law: "P16",
    ...ofAlarm(
      "nextAlarm",
      (original) => (sight) => original(sight.session ? sight : { ...sight, status: "signed-out" }),
    ),
    test: OWNER,
    title: "that fails is not empty",
  },
  {
    name: "nothing holds an object while it refreshes in the background",
    law: "F31",
    ...ofEngine(
      "createEngine",
      (original) =>
        (key, options, ...rest) =>
          original(key, { ...options, waitUntil: () => {} }, ...rest),
    ),
    test: OWNER,
    title: "a refresh in the background is held by waitUntil",
  },
  {
    name: "an alarm ends before it has set the next one",
    law: "F35",
    ...ofOwner("createOwner", (original) => (...args) => {
      const owner = original(...args);
      return over(owner, {
        async alarm() {
          void owner.alarm();
        },
      });
    }),
    test: OWNER,
    title: "an alarm has set the next one before it ends",
  },
];

/** Mutants of what contexts let each other know of themselves: see `mutant.ts`. */
import { type Mutant, over, wrapper } from "./mutant.ts";
import { WAITING_FOR_SIGN_IN, LOCKLESS, PLAN, SIGNS, SLOW } from "./tests.ts";

const ofEngine = wrapper<typeof import("../../src/refresh/engine.ts")>("src/refresh/engine.ts");
const ofKnowledge = wrapper<typeof import("../../src/refresh/knowledge.ts")>(
  "src/refresh/knowledge.ts",
);
const ofPass = wrapper<typeof import("../../src/refresh/pass.ts")>("src/refresh/pass.ts");
const ofPeers = wrapper<typeof import("../../src/refresh/peers.ts")>("src/refresh/peers.ts");
const ofSigns = wrapper<typeof import("../../src/refresh/attempt-lock.ts")>(
  "src/refresh/attempt-lock.ts",
);
const ofTiming = wrapper<typeof import("../../src/refresh/timing.ts")>("src/refresh/timing.ts");

export const peers: readonly Mutant[] = [
  {
    name: "an own intent that no request followed counts as an exchange",
    law: "P8, P10",
    ...ofKnowledge("standing", (original) => (known) => original({ ...known, unsent: undefined })),
    test: SLOW,
    title: "an intent that never left is known for that",
  },
  {
    name: "an own intent that no request followed hides the exchange before it",
    law: "P2",
    ...ofKnowledge("standing", (original) => (known) => {
      const { intent, unsent } = known;
      return intent && unsent?.ids.has(intent.id) ? undefined : original(known);
    }),
    test: LOCKLESS,
    title: "a repetition that never left shortens nobody's wait",
  },
  {
    name: "a grant is claimed for the session alone that is served",
    law: "P2",
    ...ofKnowledge("holdsGrant", (original) => (known, asked) => {
      return known.session?.sessionId === asked.sessionId && original(known, asked);
    }),
    test: LOCKLESS,
    title: "a grant that waits for the store is claimed",
  },
  {
    name: "whatever waits for the store is claimed",
    law: "P17",
    ...ofKnowledge(
      "holdsGrant",
      () =>
        ({ changes }) =>
          changes.some(({ isFailed }) => isFailed),
    ),
    test: LOCKLESS,
    title: "a context that holds no grant claims none",
  },
  {
    name: "nobody thinks of those who have had the token and may have seen it let through",
    law: "P2",
    ...ofKnowledge("mayHavePassed", () => () => false),
    test: PLAN,
    title: "gets the same token at once where nothing may be spent",
  },
  {
    name: "a 401 counts against the token that has taken the rejected one's place",
    law: "P12, P15",
    ...ofKnowledge("isReplaced", () => () => false),
    test: PLAN,
    title: "that has taken the place of the one that was rejected",
  },
  {
    name: "a waiting call goes out as the user who signs in meanwhile",
    law: "F103",
    ...ofEngine("createEngine", (original) => (key, options, onNews) => {
      const store = { ...options.store, shared: "context" as const };
      return original(key, { ...options, store }, onNews);
    }),
    test: WAITING_FOR_SIGN_IN,
    title: "is not sent as the other user's",
  },
  {
    name: "an attempt holds no lock of its own",
    law: "F57",
    ...ofSigns(
      "createSigns",
      (original) =>
        (...args) =>
          over(original(...args), { hold: async () => undefined }),
    ),
    test: LOCKLESS,
    title: "is held while its request is on its way",
  },
  {
    name: "an attempt's lock is let go before the record shows its end",
    law: "F57, P2",
    ...ofSigns("createSigns", (original) => (...args) => {
      const signs = original(...args);
      return over(signs, {
        async hold(attemptId) {
          const scope = await signs.hold(attemptId);
          signs.keep(new Set());
          return scope;
        },
      });
    }),
    test: SIGNS,
    title: "is held until the record shows the attempt's end",
  },
  {
    name: "an attempt's lock is never let go",
    law: "F57",
    ...ofSigns(
      "createSigns",
      (original) =>
        (...args) =>
          over(original(...args), { keep: () => {} }),
    ),
    test: SIGNS,
    title: "is held until the record shows the attempt's end",
  },
  {
    name: "a free name is taken for a dead attempt, whatever its lock spans",
    law: "F57, P2",
    ...ofSigns("createSigns", (original) => (lock, store, more) => {
      const signs = original(lock, store, more);
      return over(signs, {
        isAlive: async (attempt) =>
          signs.isAlive({ ...attempt, lock: (await more.scope()) ?? attempt.lock }),
      });
    }),
    test: SIGNS,
    title: "whose name is free tells nothing",
  },
  {
    name: "a free lock counts though the attempt has ended meanwhile",
    law: "F57, P2",
    ...ofPass("createPass", (original) => (parts) => {
      let skips = false;
      const signs = over(parts.signs, {
        async isAlive(attempt) {
          const isAlive = await parts.signs.isAlive(attempt);
          skips = isAlive === false;
          return isAlive;
        },
      });
      const writer = over(parts.writer, {
        async load() {
          if (!skips) return parts.writer.load();
          skips = false;
        },
      });
      return original({ ...parts, signs, writer });
    }),
    test: SIGNS,
    title: "that is free counts after one more look",
  },
  {
    name: "silence counts where nobody could be asked",
    law: "P1, F45",
    ...ofPeers(
      "createPeers",
      (original) => (parts) => over(original(parts), { isConnected: () => true }),
    ),
    test: LOCKLESS,
    title: "silence does not count",
  },
  {
    name: "who is at it does not say so",
    law: "P2, step 8",
    ...ofPeers(
      "createPeers",
      (original) => (parts) => original({ ...parts, isAttempting: () => false }),
    ),
    test: SIGNS,
    title: "a context that is at it, and says so",
  },
  {
    name: "a grant that a peer waits for is written in its own time",
    law: "P10, step 8",
    ...ofPeers("createPeers", (original) => (parts) => original({ ...parts, look: () => {} })),
    test: LOCKLESS,
    title: "is written as soon as somebody asks for it",
  },
  {
    name: "peers get no time to answer",
    law: "P2, step 8",
    ...ofTiming("CLAIM", () => 0),
    test: SIGNS,
    title: "a context that is at it, and says so",
  },
  {
    name: "a silent lock manager is waited for",
    law: "P10, F57",
    ...ofTiming("SIGN_OF_LIFE", () => 1e9),
    test: SIGNS,
    title: "is not waited for where the lock manager never answers",
  },
];

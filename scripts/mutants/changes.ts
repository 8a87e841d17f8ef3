/** Mutants of what is still to be written, and of what is known of a session: see `mutant.ts`. */
import type { Change, Found } from "../../src/refresh/changes.ts";
import type { Evidence } from "../../src/refresh/endpoints.ts";
import type { Knowledge, News } from "../../src/refresh/knowledge.ts";
import { type Mutant, type Wrap, wrapper } from "./mutant.ts";
import {
  ACCOUNTS,
  CALLERS,
  CHANGES,
  FENCE,
  KNOWLEDGE,
  LAGGING,
  SIGN_OUT_THEN_SIGN_IN,
  NEWS,
  IMMUTABLE,
  IN_ORDER,
  EVENTS,
  REFRESH,
  SIGNS,
  SIGN_IN,
} from "./tests.ts";

const ofChanges = wrapper<typeof import("../../src/refresh/changes.ts")>("src/refresh/changes.ts");
const ofKnowledge = wrapper<typeof import("../../src/refresh/knowledge.ts")>(
  "src/refresh/knowledge.ts",
);
const ofEndpoints = wrapper<typeof import("../../src/refresh/endpoints.ts")>(
  "src/refresh/endpoints.ts",
);
const ofLearn = wrapper<typeof import("../../src/refresh/learn.ts")>("src/refresh/learn.ts");
const ofTiming = wrapper<typeof import("../../src/refresh/timing.ts")>("src/refresh/timing.ts");
const ofEvents = wrapper<typeof import("../../src/refresh/events.ts")>("src/refresh/events.ts");

/** Merges, and shows, something else than the changes that were made. */
const merging = (change: (changes: readonly Change[], found: Found) => readonly Change[]) => ({
  ...ofChanges(
    "merge",
    (original) => (changes, found, at) => original(change(changes, found), found, at),
  ),
  also: [
    ofChanges(
      "preview",
      (original) => (changes, found, at) => original(change(changes, found), found, at),
    ),
  ],
});

const each = (alter: (change: Change, found: Found) => Change) =>
  merging((changes, found) => changes.map((change) => alter(change, found)));

/** Learns something else than the news. */
const hearing = (change: (news: News, known: Knowledge) => News): Wrap =>
  ofLearn("learn", (original) => (known, news, at) => original(known, change(news, known), at));

/** Learns, and then knows something else. */
const knowing = (
  change: (next: Knowledge, before: Knowledge, news: News) => Partial<Knowledge>,
): Wrap =>
  ofLearn("learn", (original) => (known, news, at) => {
    const next = original(known, news, at);
    return { ...next, ...change(next, known, news) };
  });

/** The session that is served, and no other. */
const currentOnly = (known: Knowledge): ReadonlySet<string> =>
  new Set(known.session ? [known.session.sessionId] : []);

export const changes: readonly Mutant[] = [
  {
    name: "what is known is changed, not replaced",
    law: "law 2",
    ...ofLearn(
      "learn",
      (original) =>
        (known, ...rest) =>
          Object.assign(known, original(known, ...rest)),
    ),
    test: IMMUTABLE,
    title: "what the pure functions are given is never changed",
  },
  {
    name: "the evidence about endpoints is changed, not replaced",
    law: "law 2",
    ...ofEndpoints("afterPass", (original) => (endpoints, endpoint, pass) => {
      const now = original(endpoints, endpoint, pass).get(endpoint);
      return now ? (endpoints as Map<string, Evidence>).set(endpoint, now) : endpoints;
    }),
    test: IMMUTABLE,
    title: "what the pure functions are given is never changed",
  },
  {
    name: "no tombstone",
    law: "P4, S14",
    ...ofChanges(
      "merge",
      (original) => (changes, found, at) =>
        original(
          changes.filter(({ type }) => type !== "end"),
          found,
          at,
        ),
    ),
    test: ACCOUNTS,
    title: "another context drops the session",
  },
  {
    name: "a sign-out ends only the current session",
    law: "P19, F41",
    ...hearing((news, known) =>
      news.type === "changed" && news.change.type === "end"
        ? { ...news, change: { ...news.change, sessionIds: currentOnly(known) } }
        : news,
    ),
    also: [
      ofChanges(
        "merge",
        (original) => (changes, found, at) =>
          original(
            changes.filter(
              (change) =>
                change.type !== "end" || !found.head || change.sessionIds.has(found.head.sessionId),
            ),
            found,
            at,
          ),
      ),
    ],
    test: CHANGES,
    title: "ends the session that it finds, known or not",
  },
  {
    name: "a sign-out ends a later session too",
    law: "P19",
    ...each((change, { head }) =>
      change.type === "end" && head
        ? { ...change, sessionIds: new Set([...change.sessionIds, head.sessionId]) }
        : change,
    ),
    test: CHANGES,
    title: "does not end one that was begun later elsewhere",
  },
  {
    name: "a sign-out that waits ends a later session too",
    law: "P19",
    ...each((change, { head }) =>
      change.type === "end" && head
        ? { ...change, sessionIds: new Set([...change.sessionIds, head.sessionId]) }
        : change,
    ),
    test: SIGN_OUT_THEN_SIGN_IN,
    title: "does not end what was begun elsewhere later",
  },
  {
    name: "a sign-in behind a sign-out is dropped",
    law: "P19, F41",
    ...merging((changes) =>
      changes.filter(
        ({ type }, place) =>
          type !== "begin" || !changes.slice(0, place).some((one) => one.type === "end"),
      ),
    ),
    test: SIGN_OUT_THEN_SIGN_IN,
    title: "ends the old session all the same",
  },
  {
    name: "changes are written in any order",
    law: "P19, F41",
    ...merging((changes) => changes.toReversed()),
    test: IN_ORDER,
    title: "several changes, in order",
  },
  {
    name: "a refresh's end counts for the session that stands there, whichever it is",
    law: "P19, F40",
    ...merging((changes, { session }) => {
      let { sessionId } = session ?? {};
      return changes.map((change) => {
        if (change.type === "begin") ({ sessionId } = change.session);
        return change.type === "conclude" && sessionId !== undefined
          ? { ...change, sessionId }
          : change;
      });
    }),
    test: IN_ORDER,
    title: "several changes, in order a conclusion that came",
  },
  {
    name: "a sign-in that waits takes the place of a later one",
    law: "P19, F41",
    ...each((change, { head }) => (change.type === "begin" ? { ...change, basis: head } : change)),
    test: CHANGES,
    title: "to a session that was begun later elsewhere",
  },
  {
    name: "a sign-in yields to the very session that was known when it was made",
    law: "P19",
    ...each((change) => (change.type === "begin" ? { ...change, basis: undefined } : change)),
    test: CHANGES,
    title: "not to the session that was known",
  },
  {
    name: "a removed account comes back by a sign-in that waits",
    law: "P4, F49",
    ...ofChanges(
      "merge",
      (original) => (changes, found, at) =>
        original(
          changes,
          found.head?.tombstone ? { ...found, head: { ...found.head, endedAt: undefined } } : found,
          at,
        ),
    ),
    test: SIGN_OUT_THEN_SIGN_IN,
    title: "does not come back by a sign-in that was begun before",
  },
  {
    name: "a sign-in that was given up is not ended where its write still arrives",
    law: "P4, P19",
    ...each((change) => (change.type === "end" ? { ...change, mayArrive: undefined } : change)),
    test: CHANGES,
    title: "a sign-out",
  },
  {
    name: "grants that nobody serves any more are dropped in silence",
    law: "P20",
    ...ofChanges("merge", (original) => (...args) => ({ ...original(...args), dropped: [] })),
    test: SIGN_IN,
    title: "drops no late grant",
  },
  {
    name: "a late commit brings an ended session back",
    law: "P4, F24",
    ...ofChanges("merge", (original) => (changes, found, at) => {
      const { head } = found;
      const late = changes.find((change) => change.type === "conclude");
      const { got, now } = (late?.type === "conclude" && late.conclusion) || {};
      if (!head?.tombstone || !got || now === undefined) return original(changes, found, at);
      const { sessionId, revision } = head;
      const session = { ...got, sessionId, revision, startedAt: now, generation: 1, attempt: 0 };
      return original(changes, { head, session }, at);
    }),
    test: CHANGES,
    title: "a conclusion",
  },
  {
    name: "a sign-out is shown when it is written, and no sooner",
    law: "S14, P4",
    ...ofChanges(
      "preview",
      (original) => (changes, found, at) =>
        original(
          changes.filter((change) => change.type !== "end" || change.isFailed),
          found,
          at,
        ),
    ),
    test: IN_ORDER,
    title: "is nothing from a sign-out on, whether that is written or not",
  },
  {
    name: "an older generation that stands in the place of a lost one is taken",
    law: "P3, F33",
    ...ofChanges("isAhead", () => () => false),
    test: REFRESH,
    title: "the newer generation is kept",
  },
  {
    name: "an older generation that a lagging store shows is taken",
    law: "F33",
    ...ofLearn("learn", (original) => (known, news, at) => {
      const isRead = news.type === "read" && !known.setting.store.atomic;
      const found = { head: undefined, session: undefined };
      return original(isRead ? { ...known, found } : known, news, at);
    }),
    test: REFRESH,
    title: "of a store that may lag",
  },
  {
    name: "an absence that a lagging store shows is a sign-out",
    law: "F58",
    ...ofTiming("LAG", () => 0),
    test: KNOWLEDGE,
    title: "brings no absence from before the first write",
  },
  {
    name: "an absence is believed, though its store may lag",
    law: "F58",
    ...ofKnowledge(
      "lags",
      (original) => (known, record, askedAt) => !!record && original(known, record, askedAt),
    ),
    test: LAGGING,
    title: "right after a sign-in, a store whose cache says none",
  },
  {
    name: "the fence takes what a lagging store shows for somebody else's write",
    law: "F33, F58",
    ...ofKnowledge("lags", () => () => false),
    test: FENCE,
    title: "the fence of a store that lags",
  },
  {
    name: "what the store has lost is not written again",
    law: "P3, F33",
    ...knowing(({ changes }) => ({
      changes: changes.filter(({ type }) => type !== "restore"),
    })),
    test: REFRESH,
    title: "the newer generation is kept",
  },
  {
    name: "a refusal is told again when its session is met again",
    law: "P9",
    ...knowing(({ told }, before) =>
      told === before.told
        ? {}
        : { told: new Set([...told].filter((sessionId) => !before.told.has(sessionId))) },
    ),
    test: EVENTS,
    title: "is not told of again when it is met after another one's",
  },
  {
    name: "a refusal is told as often as it is met",
    law: "P9",
    ...ofEvents(
      "happenings",
      (original) => (before, news, after) =>
        original(
          { ...before, told: news.type === "rejected" ? new Set() : before.told },
          news,
          after,
        ),
    ),
    test: "test/unit/vault/unrenewable.test.ts",
    title: "the application is asked once",
  },
  {
    name: "each look makes an intent young again",
    law: "P10, step 3",
    ...ofLearn("learn", (original) => (known, news, at) => {
      const next = original(known, news, at);
      const { intent } = next;
      return news.type === "read" && intent
        ? { ...next, intent: { ...intent, since: at.running } }
        : next;
    }),
    test: REFRESH,
    title: "ends by this context's running time",
  },
  {
    name: "a look that shows an intent counts as one that saw none",
    law: "P2, F60",
    ...ofLearn("learn", (original) => (known, news, at) => {
      const next = original(known, news, at);
      return news.type === "read" && next.session?.intent ? { ...next, quietAt: at.running } : next;
    }),
    test: KNOWLEDGE,
    title: "is nobody's guess where the first look shows an intent",
  },
  {
    name: "a 401 for an older generation counts for the current one",
    law: "P12",
    ...hearing((news, { session }) =>
      news.type === "rejected" && session ? { ...news, generation: session.generation } : news,
    ),
    test: CALLERS,
    title: "that comes after a refresh asks for no other one",
  },
  {
    name: "a 401 for another session counts for the current one",
    law: "F103",
    ...hearing((news, { session }) =>
      news.type === "rejected" && session
        ? { ...news, sessionId: session.sessionId, generation: session.generation }
        : news,
    ),
    test: NEWS,
    title: "of another session is nobody's here",
  },
  {
    name: "what peers have claimed is not heard",
    law: "P2, step 8",
    ...hearing((news) => (news.type === "claimed" ? { ...news, sessionId: "" } : news)),
    test: SIGNS,
    title: "a context that is at it, and says so",
  },
];

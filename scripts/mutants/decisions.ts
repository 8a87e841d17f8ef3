/** Mutants of what is decided about one session, and of the protocol's durations: see `mutant.ts`. */
import type { Decision, Sight } from "../../src/refresh/decide.ts";
import type { Intent } from "../../src/types.ts";
import { type Mutant, type Wrap, wrapper } from "./mutant.ts";
import {
  CLOCKS,
  DECIDE,
  FETCH,
  LOCKLESS,
  PLAN,
  PLAN_SIGHTS,
  INTENTS_REUSED,
  INTENTS_STRICT,
  TROUBLE,
} from "./tests.ts";

const ofDecide = wrapper<typeof import("../../src/refresh/decide.ts")>("src/refresh/decide.ts");
const ofTiming = wrapper<typeof import("../../src/refresh/timing.ts")>("src/refresh/timing.ts");
const ofPlan = wrapper<typeof import("../../src/refresh/plan.ts")>("src/refresh/plan.ts");

/** Decides by something else than what is seen. */
const seeing = (change: (sight: Sight) => Partial<Sight>): Wrap =>
  ofDecide("decide", (original) => (sight) => original({ ...sight, ...change(sight) }));

/** Decides otherwise. */
const deciding = (change: (decision: Decision, sight: Sight) => Decision): Wrap =>
  ofDecide("decide", (original) => (sight) => change(original(sight), sight));

const withIntent = (
  { session }: Sight,
  change: (intent: Intent) => Partial<Intent>,
): Partial<Sight> =>
  session?.intent
    ? { session: { ...session, intent: { ...session.intent, ...change(session.intent) } } }
    : {};

/** A reuse window that is judged by the wall clock, whatever this context has seen. */
function byTheWallAlone({ session, renewal, now }: Sight): Partial<Sight> {
  const { intent } = session ?? {};
  if (!intent || !renewal?.reuseWindow) return {};
  const isOpen = now - intent.firstSentAt < renewal.reuseWindow / 2;
  return { renewal: { ...renewal, reuseWindow: isOpen ? 1e12 : 0 } };
}

export const decisions: readonly Mutant[] = [
  {
    name: "a replay under strict rotation while the access token is good",
    law: "P2",
    ...deciding((decision) =>
      decision.isStuck ? { serves: decision.serves, next: "recover" } : decision,
    ),
    test: INTENTS_STRICT,
    title: "while the token is good",
  },
  {
    name: "who is stuck does not say so, and its 401 waits",
    law: "step 8",
    ...deciding(({ isStuck: _, ...decision }) => decision),
    test: INTENTS_STRICT,
    title: "while the token is good",
  },
  {
    name: "peers are not asked before the last chance",
    law: "P2",
    ...deciding((decision) =>
      decision.next === "ask" ? { ...decision, next: "recover" } : decision,
    ),
    test: INTENTS_STRICT,
    title: "an intent whose outcome nobody knows, strict rotation",
  },
  {
    name: "a refused refresh token is sent again",
    law: "P9",
    ...seeing(({ session }) => ({ session: session && { ...session, refused: undefined } })),
    test: "test/unit/vault/refreshing.test.ts",
    title: "the access token serves on to its end",
  },
  {
    name: "a refusal ends the access token at once",
    law: "P9, F36",
    ...deciding((decision, { session }) =>
      session?.refused ? { serves: false, next: "rest", fails: "sign_in_required" } : decision,
    ),
    test: "test/unit/vault/refreshing.test.ts",
    title: "the access token serves on to its end",
  },
  {
    name: "an ended token is served while its refresh begins",
    law: "P15",
    ...deciding((decision) =>
      decision.next === "begin" ? { ...decision, serves: true } : decision,
    ),
    test: "test/unit/vault/refreshing.test.ts",
    title: "a token past its end is never sent",
  },
  {
    name: "a cool-down does not hold",
    law: "P18, F14",
    ...seeing(({ session }) => ({ session: session && { ...session, coolDown: undefined } })),
    test: "test/unit/vault/refreshing.test.ts",
    title: "Retry-After is kept to",
  },
  {
    name: "a cool-down of years holds",
    law: "F14, F16",
    ...ofTiming("LONGEST_COOL_DOWN", () => 1e15),
    test: DECIDE,
    title: "what holds a refresh back",
  },
  {
    name: "no shortest time between refreshes that time demands",
    law: "P15",
    ...ofTiming("floorOf", () => () => 0),
    test: DECIDE,
    title: "the floor under refreshes that time demands",
  },
  {
    name: "a 401 right after a commit begins a refresh",
    law: "P13",
    ...ofTiming("AFTER_COMMIT", () => 0),
    test: FETCH,
    title: "a 401 right after a refresh waits",
  },
  {
    name: "nobody waits before the token has ended",
    law: "P15",
    ...ofTiming("leewayOf", () => () => 0),
    test: "test/unit/grant/lifetime.test.ts",
    title: "close to the end callers wait for the new one",
  },
  {
    name: "a token of seconds is believed to the second",
    law: "F43, P15",
    ...ofTiming("leewayOf", () => (life) => Math.min(30_000, life / 10)),
    also: [
      ofTiming(
        "dueAt",
        () =>
          ({ refreshAt = Infinity, tokenSet: { expiresAt = Infinity } }) =>
            Math.min(refreshAt, expiresAt),
      ),
    ],
    test: "test/unit/refresh/short-lives.test.ts",
    title: "meets no 401",
  },
  {
    name: "a page is left before the server has heard of its sign-out",
    law: "S14",
    ...ofTiming("FAREWELL", () => 0),
    test: "test/unit/refresh/sign-outs.test.ts",
    title: "waits for no server that is silent",
  },
  {
    name: "an exchange without its deadline",
    law: "P10",
    ...ofTiming("EXCHANGE", () => 150_000),
    test: "test/unit/providers/password.test.ts",
    title: "ends at its deadline",
  },
  {
    name: "a strict token is sent again while a dead context's request may still travel",
    law: "P2, step 3",
    ...ofTiming("TRAVEL", () => 0),
    test: LOCKLESS,
    title: "allows a last chance five seconds after the intent was first seen",
  },
  {
    name: "the lock of an attempt says nothing",
    law: "F57",
    ...seeing(() => ({ isAlive: undefined })),
    test: LOCKLESS,
    title: "that is free shows the others at once that the attempt is dead",
  },
  {
    name: "an attempt whose lock is held is called over by the wall clock",
    law: "P2, F57, F60",
    ...seeing(({ isAlive }) => ({ isAlive: isAlive === true ? undefined : isAlive })),
    test: INTENTS_STRICT,
    title: "an exchange is over",
  },
  {
    name: "a context that saw the intent begin believes the wall clock",
    law: "P2, F60",
    ...seeing(({ quietAge }) => ({ quietAge: quietAge === undefined ? undefined : 1e9 })),
    test: CLOCKS,
    title: "one machine whose clock is set by",
  },
  {
    name: "a window is judged by the wall clock alone",
    law: "P2, F60",
    ...seeing(byTheWallAlone),
    test: INTENTS_REUSED,
    title: "an intent inside a reuse window that is over",
  },
  {
    name: "a window between machines counts though nobody here has seen it begin",
    law: "P2, F60",
    ...seeing(({ shared, quietAge }) => ({ shared: quietAge === undefined ? "origin" : shared })),
    test: INTENTS_REUSED,
    title: "an intent inside a reuse window that is over",
  },
  {
    name: "a window that begins in the future is open",
    law: "P2, F16",
    ...seeing((sight) =>
      withIntent(sight, ({ firstSentAt }) => ({ firstSentAt: Math.min(firstSentAt, sight.now) })),
    ),
    test: INTENTS_REUSED,
    title: "an intent inside a reuse window that is over",
  },
  {
    name: "a window is good to its last moment",
    law: "P2",
    ...seeing(({ renewal }) => ({
      renewal: renewal && { ...renewal, reuseWindow: 2 * (renewal.reuseWindow ?? 0) },
    })),
    test: INTENTS_REUSED,
    title: "an intent inside a reuse window that is over",
  },
  {
    name: "between machines the wall clock takes an exchange for over as fast as here",
    law: "P2, F60",
    ...ofTiming("FOREIGN_MARGIN", () => 2_000),
    test: INTENTS_STRICT,
    title: "an exchange is over",
  },
  {
    name: "each context that waits repeats what was sent in the window",
    law: "P1, F45",
    ...seeing((sight) => withIntent(sight, () => ({ repeated: false }))),
    test: INTENTS_REUSED,
    title: "an intent inside a reuse window that is going on",
  },
  {
    name: "offline, a caller's ended token is not tried for",
    law: "F55",
    ...seeing(() => ({ isWanted: false })),
    test: TROUBLE,
    title: "online() that says no does not keep a caller's ended token",
  },
  {
    name: "offline, what nobody waits for is tried",
    law: "F55",
    ...seeing(() => ({ isOnline: true })),
    test: TROUBLE,
    title: "online() that says no delays what nobody waits for",
  },
  {
    name: "a rest in memory is not kept",
    law: "F55, F14",
    ...seeing(() => ({ isRested: true })),
    test: TROUBLE,
    title: "online() that says no tries with pauses while a caller waits",
  },
  {
    name: "a refresh begins though nothing holds the runtime open",
    law: "F39",
    ...seeing(() => ({ isHeldOpen: true })),
    test: DECIDE,
    title: "what holds a refresh back",
  },
  {
    name: "no evidence says that a token has ended before its time",
    law: "step 8",
    ...seeing(() => ({ isSurelyOver: false })),
    test: INTENTS_STRICT,
    title: "an intent whose outcome nobody knows, strict rotation",
  },
  {
    name: "memory serves the token past its soft time",
    law: "P15",
    ...ofPlan("servedUntil", () => () => Infinity),
    test: "test/unit/grant/lifetime.test.ts",
    title: "after the soft time the token serves while it is renewed",
  },
  {
    name: "memory serves for ever what another context may have ended",
    law: "P4",
    ...ofPlan(
      "servedUntil",
      (original) => (known, facts) => original(known, { ...facts, maxStaleness: Infinity }),
    ),
    test: PLAN_SIGHTS,
    title: "is half of the staleness after the look",
  },
  {
    name: "a good token that is due waits for its refresh",
    law: "F98, P13",
    ...ofPlan("plan", (original) => (...args) => {
      const answer = original(...args);
      return answer.type === "serve" && answer.looks ? { type: "wait" } : answer;
    }),
    test: PLAN,
    title: "is served in the soft window while it is renewed",
  },
  {
    name: "a paused endpoint's 401 waits like any other",
    law: "P13, F42",
    ...ofPlan("plan", (original) => (known, need, facts) => {
      const answer = original(known, need, facts);
      const isSame =
        need.rejected?.sessionId === known.session?.sessionId &&
        need.rejected?.generation === known.session?.generation;
      return answer.type === "serve" && isSame && known.setting.renewal ? { type: "wait" } : answer;
    }),
    test: PLAN,
    title: "gets the same token at once where its endpoint is paused",
  },
  {
    name: "an endpoint is sent again what it has rejected",
    law: "P13",
    ...ofPlan(
      "plan",
      (original) =>
        (known, { endpoint: _, ...need }, facts) =>
          original(known, need, facts),
    ),
    test: PLAN,
    title: "waits as the one does that has met the 401",
  },
  {
    name: "a caller whose older token was rejected waits for one that is newer than the current one",
    law: "P12",
    ...ofPlan("plan", (original) => (known, need, facts) => {
      const { rejected } = need;
      const { generation = 0 } = known.session ?? {};
      return original(
        known,
        rejected ? { ...need, rejected: { ...rejected, generation } } : need,
        facts,
      );
    }),
    test: PLAN,
    title: "is served what is newer, without a refresh",
  },
];
